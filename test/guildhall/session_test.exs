defmodule Guildhall.SessionTest do
  use ExUnit.Case, async: true

  alias Guildhall.{GatewayClient, Relay, Session, TestNode}

  test "counts sessions, with and without a connection, and starts" do
    node =
      TestNode.start(rate_limits: true, identify_limit: 10, max_concurrency: 16, max_sessions: 2)

    bot = TestNode.bot(node)
    assert Session.count(node.instance) == 0
    refute Session.full?(node.instance)

    clients =
      for id <- 0..1 do
        client = GatewayClient.open(node)
        elem(GatewayClient.identify(client, bot.token, shard: [id, 16]), 1)
      end

    assert Session.count(node.instance) == 2
    assert Session.full?(node.instance)

    assert %{total: 10, remaining: 8, max_concurrency: 16, reset_after: ms} =
             Session.start_limit(node.instance, bot.id)

    assert ms in 1..86_400_000

    GatewayClient.cut(hd(clients))
    assert Session.count(node.instance) == 2
  end

  test "options are checked" do
    assert_raise Guildhall.Options.ValidationError, fn ->
      Session.start_link(instance: :x, resume_timeout: 0)
    end
  end

  test "a session whose relay crashes attaches again, with its connection and its sequence" do
    node = TestNode.start()
    bot = TestNode.bot(node)
    {guild, channel} = TestNode.guild(node, bot)
    client = GatewayClient.session(node, bot)
    {sequence, guild_id} = {client.sequence, to_string(guild.id)}

    for relay <- Relay.all(node.instance) do
      ref = Process.monitor(relay)
      Process.exit(relay, :kill)
      assert_receive {:DOWN, ^ref, :process, ^relay, :killed}
    end

    assert {%{"t" => "GUILD_DELETE", "s" => lost, "d" => deleted}, client} =
             GatewayClient.recv(client)

    assert deleted == %{"id" => guild_id, "unavailable" => true}
    assert lost == sequence + 1

    assert {%{"t" => "GUILD_CREATE", "s" => back, "d" => created}, client} =
             GatewayClient.recv(client)

    assert {back, created["id"]} == {sequence + 2, guild_id}

    TestNode.post(node, bot, channel, "again")
    assert {%{"content" => "again"}, client} = GatewayClient.await(client, "MESSAGE_CREATE")

    GatewayClient.cut(client)
    resumed = GatewayClient.send_resume(GatewayClient.open(node), bot.token, client)
    assert {%{}, _resumed} = GatewayClient.await(resumed, "RESUMED")
  end

  test "a session that waits for its client attaches again as well" do
    node = TestNode.start()
    bot = TestNode.bot(node)
    {_guild, channel} = TestNode.guild(node, bot)
    client = node |> GatewayClient.session(bot) |> GatewayClient.cut()
    for relay <- Relay.all(node.instance), do: Process.exit(relay, :kill)
    resumed = GatewayClient.send_resume(GatewayClient.open(node), bot.token, client)
    assert {%{"unavailable" => true}, resumed} = GatewayClient.await(resumed, "GUILD_DELETE")
    assert {%{"id" => _id}, resumed} = GatewayClient.await(resumed, "GUILD_CREATE")
    TestNode.post(node, bot, channel, "again")
    assert {%{"content" => "again"}, _resumed} = GatewayClient.await(resumed, "MESSAGE_CREATE")
  end
end
