defmodule Guildhall.Api.UsersTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.ApiNode

  setup_all do
    node = ApiNode.start()
    ada = person(node, "ada")
    bot = bot(node)
    {guild, channel} = guild([ada, bot])
    %{node: node, ada: ada, bot: bot, guild: guild, channel: channel}
  end

  test "one sees more of oneself than of others", %{ada: ada, bot: bot} do
    id = ada.id

    assert {200, %{"id" => ^id, "username" => "ada", "email" => nil, "locale" => "en-US"}} =
             call(ada, :get, "/users/@me")

    assert {200, %{"id" => ^id, "username" => "ada", "bot" => false} = seen} =
             call(bot, :get, "/users/#{id}")

    refute is_map_key(seen, "email")
    assert {404, %{"code" => 10_013}} = call(ada, :get, "/users/1")
  end

  test "a new name is seen in the guilds too", %{node: node, ada: ada} do
    Guildhall.Events.listen()
    bob = person(node, "bob")
    {guild, _channel} = guild([ada, bob])

    assert {200, %{"username" => "robert", "global_name" => "Rob"}} =
             call(bob, :patch, "/users/@me", %{
               username: "robert",
               global_name: "Rob",
               avatar: nil
             })

    assert {200, %{"username" => "robert"}} = call(bob, :get, "/users/@me")
    id = bob.user.id
    # The account has changed; its copies follow.
    assert_receive {:event, [:guildhall, :guild, :copies], %{guilds: 1, failed: 0},
                    %{user_id: ^id}}

    assert {200, %{"user" => %{"username" => "robert", "global_name" => "Rob"}}} =
             call(ada, :get, "/guilds/#{guild}/members/#{bob.id}")
  end

  test "a name has a length, and pictures are not kept", %{ada: ada} do
    assert {400, %{"errors" => %{"username" => _}}} =
             call(ada, :patch, "/users/@me", %{username: "a"})

    assert {400, %{"errors" => %{"avatar" => _}}} =
             call(ada, :patch, "/users/@me", %{avatar: "data:image/png;base64,AAAA"})
  end

  test "one's guilds are listed in pages, with one's permissions", %{node: node, ada: ada} do
    bob = person(node, "bob")
    guilds = for _n <- 1..3, do: [bob, ada] |> guild() |> elem(0)
    [first, second, third] = guilds

    assert {200, listed} = call(bob, :get, "/users/@me/guilds")
    assert for(guild <- listed, do: guild["id"]) == guilds

    assert [%{"owner" => true, "permissions" => all, "name" => "guild", "features" => []} | _] =
             listed

    assert String.to_integer(all) == Guildhall.Permissions.all()

    for {query, ids} <- [
          {"limit=1", [first]},
          {"limit=1&after=#{first}", [second]},
          {"limit=1&before=#{third}", [second]},
          {"limit=2&before=#{third}", [first, second]}
        ] do
      assert {200, listed} = call(bob, :get, "/users/@me/guilds?#{query}")
      assert for(guild <- listed, do: guild["id"]) == ids
    end

    assert {200, [%{"approximate_member_count" => 2, "approximate_presence_count" => 0} | _]} =
             call(bob, :get, "/users/@me/guilds?with_counts=true")

    assert {400, %{"code" => 50_035}} = call(bob, :get, "/users/@me/guilds?limit=201")
  end

  test "one leaves a guild, unless it is one's own", %{node: node, ada: ada} do
    bob = person(node, "bob")
    {guild, channel} = guild([ada, bob])

    assert {200, %{"user" => %{"username" => "bob"}}} =
             call(bob, :get, "/users/@me/guilds/#{guild}/member")

    assert {204, nil} = call(bob, :delete, "/users/@me/guilds/#{guild}")
    assert {403, %{"code" => 50_001}} = call(bob, :get, "/channels/#{channel}")
    assert {200, []} = call(bob, :get, "/users/@me/guilds")
    assert {400, %{"code" => 50_055}} = call(ada, :delete, "/users/@me/guilds/#{guild}")
    assert {404, %{"code" => 10_004}} = call(ada, :delete, "/users/@me/guilds/1")
  end

  test "a direct message channel is the same for both", %{node: node, ada: ada, bot: bot} do
    bob_id = bot.id

    assert {200, %{"type" => 1, "id" => dm, "recipients" => [%{"id" => ^bob_id}]}} =
             call(ada, :post, "/users/@me/channels", %{recipient_id: bot.id})

    assert {200, %{"id" => ^dm, "recipients" => [%{"username" => "ada"}]}} =
             call(bot, :post, "/users/@me/channels", %{recipient_id: ada.id})

    assert {200, %{"id" => ^dm, "recipients" => [%{"id" => ^bob_id}]}} =
             call(ada, :get, "/channels/#{dm}")

    assert {200, %{"content" => "psst"}} =
             call(ada, :post, "/channels/#{dm}/messages", %{content: "psst"})

    assert {200, [%{"content" => "psst"} = message]} = call(bot, :get, "/channels/#{dm}/messages")
    refute is_map_key(message, "guild_id")

    assert {403, %{"code" => 50_001}} =
             call(person(node, "eve"), :get, "/channels/#{dm}/messages")
  end

  test "a direct message channel needs another one who is there", %{ada: ada} do
    for {body, status, code} <- [
          {%{recipient_id: ada.id}, 400, 50_033},
          {%{recipient_id: "1"}, 404, 10_013},
          {%{}, 400, 50_035}
        ] do
      assert {^status, %{"code" => ^code}} = call(ada, :post, "/users/@me/channels", body)
    end
  end
end
