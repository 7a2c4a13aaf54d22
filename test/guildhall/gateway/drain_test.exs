defmodule Guildhall.Gateway.DrainTest do
  use ExUnit.Case, async: true

  # A node that wants its clients to come back elsewhere, or stops.

  alias Guildhall.{Events, GatewayClient, Session, TestNode}

  setup context do
    Events.listen()
    node = TestNode.start(Map.get(context, :options, []))
    %{node: node, bot: TestNode.bot(node)}
  end

  test "op 7 asks every client, and they resume", %{node: node, bot: bot} do
    clients = for _n <- 1..5, do: identified(node, bot)
    assert Session.drain(node.instance, 20) == 5

    for client <- clients do
      assert {%{"op" => 7, "s" => nil, "d" => nil}, client} = GatewayClient.recv(client)
      new = GatewayClient.send_resume(GatewayClient.open(node), bot.token, client)
      assert {%{"t" => "RESUMED"}, _new} = GatewayClient.recv(new)
      assert {{:close, 4000}, _client} = GatewayClient.recv(client)
    end
  end

  @tag options: [drain_grace: 20]
  test "a client that does not go is closed, and can resume", %{node: node, bot: bot} do
    client = identified(node, bot)
    assert Session.drain(node.instance, 0) == 1
    assert {%{"op" => 7}, client} = GatewayClient.recv(client)
    assert {{:close, 4000}, client} = GatewayClient.recv(client)

    new = GatewayClient.send_resume(GatewayClient.open(node), bot.token, client)
    assert {%{"t" => "RESUMED"}, _new} = GatewayClient.recv(new)
  end

  test "a node that stops says so to all, and does not wait for them", %{node: node, bot: bot} do
    clients = for _n <- 1..20, do: identified(node, bot)
    started = System.monotonic_time(:millisecond)
    :ok = stop_supervised(Session)
    assert System.monotonic_time(:millisecond) - started < 4_000

    for client <- clients do
      assert {%{"op" => 7}, client} = GatewayClient.recv(client)
      assert {{:close, 1001}, _client} = GatewayClient.recv(client)
      id = client.session_id

      assert_received {:event, [:guildhall, :session, :stop], _measured,
                       %{session_id: ^id, reason: :shutdown}}
    end
  end

  defp identified(node, bot) do
    {_ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(bot.token)
    client
  end
end
