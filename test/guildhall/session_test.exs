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

  test "a session whose relay dies ends, and its client begins anew" do
    node = TestNode.start()
    bot = TestNode.bot(node)
    {_guild, channel} = TestNode.guild(node, bot)
    client = GatewayClient.session(node, bot)

    for relay <- Relay.all(node.instance) do
      ref = Process.monitor(relay)
      Process.exit(relay, :kill)
      assert_receive {:DOWN, ^ref, :process, ^relay, :killed}
    end

    assert {{:close, 4000}, client} = GatewayClient.recv(client)
    again = GatewayClient.send_resume(GatewayClient.open(node), bot.token, client)
    assert {%{"op" => 9, "d" => false}, _again} = GatewayClient.recv(again)

    client = GatewayClient.session(node, bot)
    TestNode.post(node, bot, channel, "anew")
    assert {%{"content" => "anew"}, _client} = GatewayClient.await(client, "MESSAGE_CREATE")
  end
end
