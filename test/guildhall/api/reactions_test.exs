defmodule Guildhall.Api.ReactionsTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.ApiNode

  @fire "%F0%9F%94%A5"
  @heart "%E2%9D%A4%EF%B8%8F"

  setup_all do
    node = ApiNode.start()
    ada = person(node, "ada")
    bob = person(node, "bob")
    {_guild, channel} = guild([ada, bob])
    %{ada: ada, bob: bob, messages: "/channels/#{channel}/messages"}
  end

  setup %{ada: ada, messages: messages} do
    {200, %{"id" => id}} = call(ada, :post, messages, %{content: "react!"})
    %{message: "#{messages}/#{id}", reactions: "#{messages}/#{id}/reactions"}
  end

  defp shown(caller, message) do
    {200, message} = call(caller, :get, message)

    for reaction <- message["reactions"] || [],
        do: {reaction["emoji"]["name"], reaction["count"], reaction["me"]}
  end

  test "are counted, and say whether they are one's own", context do
    %{ada: ada, bob: bob, message: message, reactions: reactions} = context

    for caller <- [ada, bob, ada],
        do: assert({204, nil} = call(caller, :put, "#{reactions}/#{@fire}/@me"))

    assert {204, nil} = call(bob, :put, "#{reactions}/#{@heart}/@me")

    assert shown(ada, message) == [{"🔥", 2, true}, {"❤️", 1, false}]
    assert shown(bob, message) == [{"🔥", 2, true}, {"❤️", 1, true}]
  end

  test "are listed by who reacted, in pages", %{ada: ada, bob: bob, reactions: reactions} do
    for caller <- [ada, bob], do: call(caller, :put, "#{reactions}/#{@fire}/@me")

    assert {200, [%{"username" => "ada"}, %{"username" => "bob"}]} =
             call(ada, :get, "#{reactions}/#{@fire}")

    assert {200, [%{"username" => "ada"}]} = call(ada, :get, "#{reactions}/#{@fire}?limit=1")

    assert {200, [%{"username" => "bob"}]} =
             call(ada, :get, "#{reactions}/#{@fire}?limit=1&after=#{ada.id}")

    assert {404, %{"code" => 10_014}} = call(ada, :get, "#{reactions}/#{@heart}")
    assert {400, %{"code" => 50_035}} = call(ada, :get, "#{reactions}/#{@fire}?limit=101")
  end

  test "are taken back, or by those who may from others", context do
    %{ada: ada, bob: bob, message: message, reactions: reactions} = context
    for caller <- [ada, bob], do: call(caller, :put, "#{reactions}/#{@fire}/@me")

    assert {403, %{"code" => 50_013}} = call(bob, :delete, "#{reactions}/#{@fire}/#{ada.id}")
    assert {204, nil} = call(ada, :delete, "#{reactions}/#{@fire}/#{bob.id}")
    assert {204, nil} = call(ada, :delete, "#{reactions}/#{@fire}/@me")
    assert shown(ada, message) == []
  end

  test "are cleared, one emoji's or all", context do
    %{ada: ada, bob: bob, message: message, reactions: reactions} = context
    for emoji <- [@fire, @heart], do: call(bob, :put, "#{reactions}/#{emoji}/@me")

    assert {403, _error} = call(bob, :delete, reactions)
    assert {403, _error} = call(bob, :delete, "#{reactions}/#{@fire}")
    assert {204, nil} = call(ada, :delete, "#{reactions}/#{@fire}")
    assert shown(ada, message) == [{"❤️", 1, false}]
    assert {204, nil} = call(ada, :delete, reactions)
    assert shown(ada, message) == []
  end

  test "need an emoji that there is, and a message", %{ada: ada, messages: messages} = context do
    # There are no custom emoji.
    for emoji <- ["text", "party:123456789012345678", "a:b:c"] do
      assert {404, %{"code" => 10_014}} = call(ada, :put, "#{context.reactions}/#{emoji}/@me")
    end

    assert {404, %{"code" => 10_008}} = call(ada, :put, "#{messages}/1/reactions/#{@fire}/@me")
  end
end
