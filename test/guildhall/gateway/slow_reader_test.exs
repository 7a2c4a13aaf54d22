defmodule Guildhall.Gateway.SlowReaderTest do
  use ExUnit.Case, async: true

  # A client that does not read is cut off at a bound in bytes, and the others notice nothing.

  alias Guildhall.{Events, GatewayClient, TestNode}

  test "is cut off, alone" do
    Events.listen()
    node = TestNode.start(max_bytes: 100_000)
    [slow_bot, bot] = for _n <- 1..2, do: TestNode.bot(node)
    {_guild, channel} = TestNode.guild(node, slow_bot, [bot])

    slow = GatewayClient.dial(node, "", recbuf: 4_096)
    {%{"op" => 10}, slow} = GatewayClient.recv(slow)
    {_ready, slow} = GatewayClient.identify(slow, slow_bot.token)
    {_guild, slow} = GatewayClient.await(slow, "GUILD_CREATE")
    quick = GatewayClient.session(node, bot)

    quick = flood(node, bot, channel, quick, slow, 1)

    # Data that waits at the kernel was told of before.
    name = node.instance

    assert_received {:event, [:guildhall, :http, :websocket, :busy], %{bytes: bytes},
                     %{instance: ^name}}

    assert bytes > 0

    # And its session is gone.
    again = GatewayClient.send_resume(GatewayClient.open(node), slow_bot.token, slow)
    assert {%{"op" => 9, "d" => false}, _again} = GatewayClient.recv(again)

    TestNode.post(node, bot, channel, "still here")
    assert {%{"content" => "still here"}, _quick} = GatewayClient.await(quick, "MESSAGE_CREATE")
  end

  # Posts until the slow one is gone; the quick one has each message before the next.
  defp flood(node, bot, channel, quick, slow, n) when n < 20_000 do
    TestNode.post(node, bot, channel, String.duplicate("x", 1_990) <> "#{n}")
    {_data, quick} = GatewayClient.await(quick, "MESSAGE_CREATE")
    id = slow.session_id

    receive do
      {:event, [:guildhall, :session, :stop], _measured, %{session_id: ^id, reason: reason}} ->
        assert reason == :overflow
        quick
    after
      0 -> flood(node, bot, channel, quick, slow, n + 1)
    end
  end
end
