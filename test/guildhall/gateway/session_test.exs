defmodule Guildhall.Gateway.SessionTest do
  use ExUnit.Case, async: true

  # The path of every client: HELLO, IDENTIFY, READY, its guilds, and what happens in them.

  alias Guildhall.{GatewayClient, TestNode}

  setup do
    node = TestNode.start()
    [bot, other] = for _n <- 1..2, do: TestNode.bot(node)
    {guild, channel} = TestNode.guild(node, bot, [other])
    %{node: node, bot: bot, other: other, guild: guild, channel: channel}
  end

  test "begins with HELLO, READY and the guilds", %{node: node, bot: bot, guild: guild} do
    client = GatewayClient.open(node)
    {ready, client} = GatewayClient.identify(client, bot.token)
    assert ready["guilds"] == [%{"id" => "#{guild.id}", "unavailable" => true}]

    assert {%{"t" => "GUILD_CREATE", "s" => 2, "d" => create}, _client} =
             GatewayClient.recv(client)

    assert create["id"] == "#{guild.id}"
    assert create["unavailable"] == false
  end

  test "goes on with what happens", context do
    %{node: node, bot: bot, other: other, channel: channel} = context
    client = GatewayClient.session(node, bot)
    message = TestNode.post(node, other, channel, "hello")

    assert {data, _client} = GatewayClient.await(client, "MESSAGE_CREATE")
    assert data["id"] == "#{message.id}"
    assert data["content"] == "hello"
  end
end
