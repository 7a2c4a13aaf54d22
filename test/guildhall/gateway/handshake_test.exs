defmodule Guildhall.Gateway.HandshakeTest do
  use ExUnit.Case, async: true

  # From the upgrade to READY.

  alias Guildhall.{GatewayClient, HttpClient, Payload, TestNode}

  setup context do
    node = TestNode.start(Map.get(context, :options, []))
    %{node: node, bot: TestNode.bot(node)}
  end

  test "HELLO comes at once", %{node: node} do
    client = GatewayClient.dial(node)

    assert {%{"op" => 10, "s" => nil, "t" => nil, "d" => hello}, _client} =
             GatewayClient.recv(client)

    assert hello["heartbeat_interval"] == 41_250
  end

  test "the query may be short, in any order, and behind more slashes than one", %{node: node} do
    for query <- [
          "",
          "?v=9",
          "?encoding=json",
          "?encoding=json&v=10",
          "/?v=10&encoding=json&compress="
        ] do
      assert %GatewayClient{} = GatewayClient.open(node, query)
    end
  end

  test "heartbeats are acknowledged before IDENTIFY", %{node: node, bot: bot} do
    client =
      Enum.reduce([nil, 0, 3], GatewayClient.open(node), fn sequence, client ->
        client = GatewayClient.send_op(client, 1, sequence)
        assert {%{"op" => 11, "d" => nil}, client} = GatewayClient.recv(client)
        client
      end)

    assert {_ready, _client} = GatewayClient.identify(client, bot.token)
  end

  test "payloads may come in binary frames", %{node: node, bot: bot} do
    client = GatewayClient.open(node)
    identify = Payload.encode!(%{op: 2, d: %{token: bot.token, intents: 0}})
    http = HttpClient.send_frame(client.http, :binary, identify)
    assert {%{"t" => "READY"}, client} = GatewayClient.recv(%{client | http: http})

    http = HttpClient.send_frame(client.http, :binary, ~s({"op":1,"d":1}))
    assert {%{"op" => 11}, _client} = GatewayClient.recv(%{client | http: http})
  end

  test "what comes right behind IDENTIFY is the session's", %{node: node, bot: bot} do
    client = GatewayClient.open(node)
    identify = Payload.encode!(%{op: 2, d: %{token: bot.token, intents: 0}})
    beat = ~s({"op":1,"d":null})
    bytes = for text <- [identify, beat, beat], do: HttpClient.frame(:text, text)
    client = %{client | http: HttpClient.send_raw(client.http, bytes)}

    assert {%{"t" => "READY"}, client} = GatewayClient.recv(client)
    assert {%{"op" => 11}, client} = GatewayClient.recv(client)
    assert {%{"op" => 11}, _client} = GatewayClient.recv(client)

    # And so is what is cut in two by the hand-over.
    <<half::binary-size(5), rest::binary>> = HttpClient.frame(:text, beat)
    client = GatewayClient.send_identify(GatewayClient.open(node), bot.token)
    client = %{client | http: HttpClient.send_raw(client.http, half)}
    assert {%{"t" => "READY"}, client} = GatewayClient.recv(client)
    client = %{client | http: HttpClient.send_raw(client.http, rest)}
    assert {%{"op" => 11}, _client} = GatewayClient.recv(client)
  end

  test "junk that libraries send does not matter", %{node: node, bot: bot} do
    for fields <- [
          [presence: nil],
          [
            presence: %{
              status: "online",
              since: %{secs_since_epoch: 1},
              afk: false,
              activities: []
            }
          ],
          [presence: %{activities: nil, afk: false, since: nil, status: "offline"}],
          [presence: %{game: nil, status: "online", activities: []}, compress: true],
          [large_threshold: 250, shard: nil, guild_subscriptions: true, v: 3],
          [properties: "junk", capabilities: "junk"]
        ] do
      assert {%{"v" => 10}, client} =
               node |> GatewayClient.open() |> GatewayClient.identify(bot.token, fields)

      GatewayClient.close(client, 1000)
    end
  end

  test "the token may come with or without its prefix", %{node: node, bot: bot} do
    for token <- [bot.token, "Bot " <> bot.token] do
      assert {_ready, _client} = node |> GatewayClient.open() |> GatewayClient.identify(token)
    end
  end

  test "READY has what clients cannot do without", %{node: node, bot: bot} do
    {guild, _channel} = TestNode.guild(node, bot)
    client = GatewayClient.open(node, "?v=9")
    {ready, client} = GatewayClient.identify(client, bot.token, shard: [0, 1])

    assert ready["v"] == 9
    assert ready["guilds"] == [%{"id" => "#{guild.id}", "unavailable" => true}]
    assert ready["shard"] == [0, 1]
    assert ready["private_channels"] == []
    assert ready["resume_gateway_url"] == "ws://127.0.0.1:#{node.port}"
    assert %{"id" => id, "flags" => flags} = ready["application"]
    assert id == "#{bot.id}"
    assert is_integer(flags)

    user = ready["user"]
    assert user["id"] == "#{bot.id}"
    assert user["bot"] == true
    for key <- ~w(username discriminator flags mfa_enabled), do: assert(user[key] != nil, key)
    assert Map.has_key?(user, "avatar")

    assert ready["session_id"] == client.session_id
  end

  test "READY says no shard and no guild where there is none", %{node: node, bot: bot} do
    {ready, _client} = node |> GatewayClient.open() |> GatewayClient.identify(bot.token)
    refute Map.has_key?(ready, "shard")
    assert ready["guilds"] == []
  end

  test "people need no intents", %{node: node} do
    person = TestNode.person(node)
    client = GatewayClient.open(node)
    assert {ready, _client} = GatewayClient.identify(client, person.token, intents: nil)
    refute Map.has_key?(ready, "application")
  end

  @tag options: [rate_limits: true]
  test "op 9 leaves the connection open, and IDENTIFY is accepted on it", context do
    %{node: node, bot: bot} = context
    client = GatewayClient.open(node)
    resume = %{token: bot.token, session_id: "gone", seq: 5}
    client = GatewayClient.send_op(client, 6, resume)
    assert {%{"op" => 9, "d" => false}, client} = GatewayClient.recv(client)

    client = GatewayClient.send_op(client, 1, nil)
    assert {%{"op" => 11}, client} = GatewayClient.recv(client)
    assert {_ready, _client} = GatewayClient.identify(client, bot.token)
  end

  @tag options: [rate_limits: true]
  test "more sessions at once than the identify limit get op 9", %{node: node, bot: bot} do
    # A window's end may lie between two of them, but not between three.
    answers =
      for _n <- 1..3 do
        client = GatewayClient.send_identify(GatewayClient.open(node), bot.token)
        {answer, _client} = GatewayClient.recv(client)
        answer
      end

    assert Enum.any?(answers, &match?(%{"t" => "READY"}, &1))
    assert Enum.any?(answers, &match?(%{"op" => 9, "d" => false}, &1))
  end

  @tag options: [identify_timeout: 300]
  test "a refusal leaves the deadline for IDENTIFY as it is", %{node: node, bot: bot} do
    began = System.monotonic_time(:millisecond)
    client = GatewayClient.open(node)
    assert refused_until_closed(client, bot, began + 5_000) == 4009
  end

  defp refused_until_closed(client, bot, deadline) do
    assert System.monotonic_time(:millisecond) < deadline
    client = GatewayClient.send_op(client, 6, %{token: bot.token, session_id: "gone", seq: 5})

    case GatewayClient.recv(client) do
      {%{"op" => 9}, client} -> refused_until_closed(client, bot, deadline)
      {{:close, code}, _client} -> code
    end
  end
end
