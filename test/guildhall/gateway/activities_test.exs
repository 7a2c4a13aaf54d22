defmodule Guildhall.Gateway.ActivitiesTest do
  use ExUnit.Case, async: true

  # Activities that are too large, on a node as users start it.

  alias Guildhall.{FullNode, GatewayClient, Payload}
  alias Guildhall.Model.{Intents, Limits}

  @moduletag :tmp_dir
  @moduletag timeout: 120_000

  # Some 13 KB: a person may send 15, a bot 4.
  @text String.duplicate("\u0001é", 100)
  @activities for n <- 1..5, do: %{name: "#{n}#{@text}", type: 0, state: @text, details: @text}

  setup %{tmp_dir: folder}, do: %{node: FullNode.start(folder)}

  defp bytes(presence), do: byte_size(Payload.encode!(presence["activities"]))

  defp presence_of(client, id) do
    case GatewayClient.await(client, "PRESENCE_UPDATE") do
      {%{"user" => %{"id" => ^id}} = data, client} -> {data, client}
      {_other, client} -> presence_of(client, id)
    end
  end

  test "are cut, and the client stays", %{node: node} do
    [bot, other] = for _n <- 1..2, do: FullNode.bot(node)
    FullNode.guild(node, bot, [other])
    client = FullNode.session(bot)
    id = to_string(other.id)

    peer = FullNode.session(other, 1, presence: %{status: "dnd", activities: [hd(@activities)]})
    assert {%{"status" => "dnd"} = presence, client} = presence_of(client, id)
    assert [%{"name" => name, "state" => state}] = presence["activities"]
    assert String.length(state) == Limits.activity_text()
    assert String.starts_with?(name, "1\u0001é")

    activities = [%{name: "chess", type: 0}, hd(@activities), %{name: "go", type: 0}]

    peer =
      GatewayClient.send_op(peer, 3, %{
        status: "idle",
        afk: false,
        since: nil,
        activities: activities
      })

    assert {%{"status" => "idle"} = presence, _client} = presence_of(client, id)
    assert bytes(presence) <= Limits.activities_bytes() + 2
    assert [%{"name" => "chess"} | _] = presence["activities"]

    GatewayClient.send_op(peer, 1, nil)
    assert {%{"op" => 11}, _peer} = heartbeat(peer)
  end

  defp heartbeat(client) do
    case GatewayClient.recv(client) do
      {%{"op" => 11}, _client} = answer -> answer
      {%{"op" => 0}, client} -> heartbeat(client)
    end
  end

  test "of 300 members keep no bot from connecting", %{node: node} do
    bot = FullNode.bot(node)
    members = for _n <- 1..300, do: FullNode.person(node)
    {guild, _channel} = FullNode.guild(node, bot, members)
    presence = %{status: "online", since: nil, afk: false, activities: @activities}
    guilds = Intents.bit(:guilds)

    # The guild is large, so that they are shown each other by nothing.
    _clients =
      for member <- members do
        client = FullNode.session(member, 1, intents: guilds)
        client = client |> GatewayClient.send_op(3, presence) |> GatewayClient.send_op(1, nil)
        assert {%{"op" => 11}, _client} = heartbeat(client)
      end

    client = node |> GatewayClient.open() |> GatewayClient.send_identify(bot.token)
    {frame, client} = recv(client, "GUILD_CREATE")
    {:ok, %{"d" => %{"id" => id} = shown}} = Payload.decode(frame)
    assert id == to_string(guild)
    assert length(shown["presences"]) > 200
    assert byte_size(frame) < Limits.guild_bytes() + Limits.members_bytes()

    for presence <- shown["presences"],
        do: assert(bytes(presence) <= Limits.activities_bytes() + 2)

    assert {200, _message} = FullNode.call(bot, :get, "/users/@me")
    GatewayClient.send_op(client, 1, nil)
    assert {%{"op" => 11}, _client} = heartbeat(client)
  end

  defp recv(client, type) do
    {{:text, frame}, http} = Guildhall.HttpClient.recv_frame(client.http)
    client = %{client | http: http}
    if frame =~ ~s("#{type}"), do: {frame, client}, else: recv(client, type)
  end
end
