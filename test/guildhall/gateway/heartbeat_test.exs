defmodule Guildhall.Gateway.HeartbeatTest do
  use ExUnit.Case, async: true

  alias Guildhall.{Events, GatewayClient, TestNode}

  setup context do
    Events.listen()
    node = TestNode.start(Map.get(context, :options, []))
    %{node: node, bot: TestNode.bot(node)}
  end

  @tag options: [heartbeat_interval: 40]
  test "that is missing closes the connection, and the session can be resumed", context do
    %{node: node, bot: bot} = context
    {_ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(bot.token)
    assert {{:close, 4000}, client} = GatewayClient.recv(client)

    id = client.session_id

    assert_receive {:event, [:guildhall, :session, :disconnect], _measured,
                    %{session_id: ^id, reason: :heartbeat_missed}}

    client = GatewayClient.send_resume(GatewayClient.open(node), bot.token, client)
    assert {%{"t" => "RESUMED"}, _client} = GatewayClient.recv(client)
  end

  @tag options: [heartbeat_interval: 600]
  test "that comes in time keeps it", %{node: node, bot: bot} do
    {_ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(bot.token)
    started = System.monotonic_time(:millisecond)
    client = beat_until(client, started + 1_000)

    assert {%{"op" => 11}, _client} =
             client |> GatewayClient.send_op(1, nil) |> GatewayClient.recv()
  end

  test "tells the session what the client has", %{node: node, bot: bot} do
    {_ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(bot.token)
    client = GatewayClient.send_op(client, 1, client.sequence)
    assert {%{"op" => 11}, client} = GatewayClient.recv(client)
    GatewayClient.cut(client)

    # What it has need not be kept.
    client = GatewayClient.send_resume(GatewayClient.open(node), bot.token, client, seq: 0)
    assert {%{"op" => 9, "d" => false}, _client} = GatewayClient.recv(client)
  end

  defp beat_until(client, deadline) do
    if System.monotonic_time(:millisecond) < deadline do
      {%{"op" => 11}, client} = client |> GatewayClient.send_op(1, nil) |> GatewayClient.recv()
      receive do: (:never -> :ok), after: (50 -> beat_until(client, deadline))
    else
      client
    end
  end
end
