defmodule Guildhall.Gateway.PresenceTest do
  use ExUnit.Case, async: true

  # Presence and voice states, from one client to another.

  alias Guildhall.{GatewayClient, TestNode}

  setup context do
    node = TestNode.start(Map.get(context, :options, []))
    [bot, other] = for _n <- 1..2, do: TestNode.bot(node)
    {guild, _channel} = TestNode.guild(node, bot, [other])
    %{node: node, bot: bot, other: other, guild: guild}
  end

  test "op 3 tells the others", %{node: node, bot: bot, other: other, guild: guild} do
    client = GatewayClient.session(node, bot)
    peer = GatewayClient.session(node, other)
    assert {%{"status" => "online"}, client} = presence_of(client, other)

    update = %{status: "dnd", since: nil, afk: false, activities: [%{name: "chess", type: 0}]}
    GatewayClient.send_op(peer, 3, update)
    assert {data, _client} = presence_of(client, other)
    assert data["status"] == "dnd"
    assert data["guild_id"] == "#{guild.id}"
    assert [%{"name" => "chess", "type" => 0, "created_at" => at}] = data["activities"]
    assert is_integer(at)
    assert data["client_status"] == %{"desktop" => "dnd"}
  end

  test "the presence of IDENTIFY counts", %{node: node, bot: bot, other: other} do
    client = GatewayClient.session(node, bot)
    GatewayClient.session(node, other, presence: %{status: "idle", activities: []})
    assert {%{"status" => "idle"}, _client} = presence_of(client, other)
  end

  test "a client that goes is offline, one that is cut off is not at once", context do
    %{node: node, bot: bot, other: other} = context
    client = GatewayClient.session(node, bot)
    peer = GatewayClient.session(node, other)
    assert {%{"status" => "online"}, client} = presence_of(client, other)

    GatewayClient.cut(peer)
    again = GatewayClient.send_resume(GatewayClient.open(node), other.token, peer)
    {_data, again} = GatewayClient.await(again, "RESUMED")
    GatewayClient.close(again, 1000)
    assert {%{"status" => "offline"}, _client} = presence_of(client, other)
  end

  @tag options: [resume_timeout: 50]
  test "a client that does not come back is offline", %{node: node, bot: bot, other: other} do
    client = GatewayClient.session(node, bot)
    peer = GatewayClient.session(node, other)
    assert {%{"status" => "online"}, client} = presence_of(client, other)
    GatewayClient.cut(peer)
    assert {%{"status" => "offline"}, _client} = presence_of(client, other)
  end

  @tag options: [absence_timeout: 50]
  test "a client that is away is offline, and what it was when it is back", context do
    %{node: node, bot: bot, other: other} = context
    client = GatewayClient.session(node, bot)
    peer = GatewayClient.session(node, other)
    assert {%{"status" => "online"}, client} = presence_of(client, other)
    GatewayClient.cut(peer)
    assert {%{"status" => "offline"}, client} = presence_of(client, other)

    again = GatewayClient.send_resume(GatewayClient.open(node), other.token, peer)
    {_data, _again} = GatewayClient.await(again, "RESUMED")
    assert {%{"status" => "online"}, _client} = presence_of(client, other)
  end

  test "op 4 puts a user into a voice channel and takes him out", context do
    %{node: node, bot: bot, other: other, guild: guild} = context
    voice = Enum.find(Map.values(guild.channels), &(&1.type == 2))
    client = GatewayClient.session(node, bot)
    peer = GatewayClient.session(node, other)

    join = %{
      guild_id: "#{guild.id}",
      channel_id: "#{voice.id}",
      self_mute: true,
      self_deaf: false
    }

    peer = GatewayClient.send_op(peer, 4, join)
    assert {data, client} = GatewayClient.await(client, "VOICE_STATE_UPDATE")
    assert data["user_id"] == "#{other.id}"
    assert data["channel_id"] == "#{voice.id}"
    assert data["self_mute"] == true

    assert {%{"token" => _, "guild_id" => _}, peer} =
             GatewayClient.await(peer, "VOICE_SERVER_UPDATE")

    leave = %{guild_id: guild.id, channel_id: nil, self_mute: false, self_deaf: false}
    GatewayClient.send_op(peer, 4, leave)
    assert {%{"channel_id" => nil}, _client} = GatewayClient.await(client, "VOICE_STATE_UPDATE")
  end

  defp presence_of(client, %{id: id}) do
    id = Integer.to_string(id)

    case GatewayClient.await(client, "PRESENCE_UPDATE") do
      {%{"user" => %{"id" => ^id}} = data, client} -> {data, client}
      {_own, client} -> presence_of(client, %{id: String.to_integer(id)})
    end
  end
end
