defmodule Guildhall.Api.CommandsTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.ApiNode

  @ping %{name: "ping", description: "Answers."}

  setup_all do
    node = ApiNode.start()
    %{node: node, ada: person(node)}
  end

  setup %{node: node, ada: ada} do
    bot = bot(node)
    {guild, _channel} = guild([ada, bot])
    application = "/applications/#{bot.id}"
    everywhere = application <> "/commands"

    %{
      bot: bot,
      everywhere: everywhere,
      here: "#{application}/guilds/#{guild}/commands",
      guild: guild
    }
  end

  test "there are none at first", %{bot: bot, everywhere: everywhere, here: here} do
    assert {200, []} = call(bot, :get, everywhere)
    assert {200, []} = call(bot, :get, here)
  end

  test "a list replaces the one before, and keeps the ids of what stays", context do
    %{bot: bot, everywhere: everywhere} = context
    bot_id = bot.id
    option = %{type: 3, name: "text", description: "what", required: true, choices: []}
    echo = %{name: "echo", type: 1, description: "Says it again.", options: [option]}

    assert {200, [ping, echoed]} = call(bot, :put, everywhere, [@ping, echo])

    assert %{
             "application_id" => ^bot_id,
             "type" => 1,
             "name" => "ping",
             "default_member_permissions" => nil
           } = ping

    assert %{"options" => [%{"name" => "text", "required" => true}]} = echoed
    assert {200, [^ping, ^echoed]} = call(bot, :get, everywhere)

    assert {200, [changed]} = call(bot, :put, everywhere, [%{@ping | description: "Pong."}])
    assert changed["id"] == ping["id"]
    assert changed["version"] != ping["version"]
    assert {200, [^changed]} = call(bot, :get, everywhere)
    assert {200, []} = call(bot, :put, everywhere, [])
    assert {200, []} = call(bot, :get, everywhere)
  end

  test "a guild has its own", %{bot: bot, everywhere: everywhere, here: here, guild: guild} do
    assert {200, [%{"guild_id" => ^guild}]} = call(bot, :put, here, [@ping])
    assert {200, []} = call(bot, :get, everywhere)
    assert {200, [%{"name" => "ping"}]} = call(bot, :get, here)
    assert {404, %{"code" => 10_004}} = call(bot, :get, String.replace(here, guild, "1"))
  end

  test "single ones are made, read, changed and deleted", %{bot: bot, here: here} do
    assert {200, %{"id" => id}} = call(bot, :post, here, @ping)
    assert {200, %{"id" => ^id}} = call(bot, :post, here, @ping)
    assert {200, %{"name" => "ping"}} = call(bot, :get, "#{here}/#{id}")

    assert {200, %{"name" => "pong", "description" => "Answers."}} =
             call(bot, :patch, "#{here}/#{id}", %{name: "pong", default_member_permissions: 8})

    assert {200, [%{"default_member_permissions" => "8"}]} = call(bot, :get, here)
    assert {204, nil} = call(bot, :delete, "#{here}/#{id}")
    assert {404, %{"code" => 10_063}} = call(bot, :get, "#{here}/#{id}")
  end

  test "options nest, and are checked at every depth", %{bot: bot, everywhere: everywhere} do
    leaf = %{type: 4, name: "n", description: "number", min_value: 1, max_value: 1.5}
    nest = fn type, inner -> %{type: type, name: "x", description: "d", options: [inner]} end
    command = Map.put(@ping, :options, [nest.(2, nest.(1, leaf))])

    assert {200, [%{"options" => [%{"options" => [%{"options" => [shown]}]}]}]} =
             call(bot, :put, everywhere, [command])

    assert %{"type" => 4, "min_value" => 1, "max_value" => 1.5} = shown

    bad = Map.put(@ping, :options, [nest.(2, nest.(1, %{leaf | type: 40}))])

    assert {400, %{"errors" => %{"0" => %{"options" => %{"0" => %{"options" => _}}}}}} =
             call(bot, :put, everywhere, [bad])
  end

  test "a form has a name, and no more than so many", %{bot: bot, everywhere: everywhere} do
    assert {400, %{"errors" => %{"0" => %{"name" => _}}}} = call(bot, :put, everywhere, [%{}])
    many = for n <- 1..111, do: %{@ping | name: "c#{n}"}
    assert {400, %{"code" => 50_035}} = call(bot, :put, everywhere, many)
    assert {200, listed} = call(bot, :put, everywhere, tl(many))
    assert length(listed) == 110
    assert {400, %{"code" => 30_032}} = call(bot, :post, everywhere, @ping)
  end

  test "are one's own only, and bots' only", %{node: node, ada: ada, everywhere: everywhere} do
    assert {403, %{"code" => 20_012}} = call(bot(node), :get, everywhere)
    assert {403, %{"code" => 20_002}} = call(ada, :get, everywhere)
  end

  test "none is lost, however many come at once", %{bot: bot, everywhere: everywhere} do
    statuses =
      1..4
      |> Enum.map(fn n ->
        Task.async(fn -> call(bot, :post, everywhere, %{@ping | name: "c#{n}"}) end)
      end)
      |> Enum.map(&elem(Task.await(&1), 0))

    assert {200, listed} = call(bot, :get, everywhere)
    assert length(listed) == Enum.count(statuses, &(&1 == 200))
  end
end
