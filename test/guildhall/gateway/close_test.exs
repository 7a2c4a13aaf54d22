defmodule Guildhall.Gateway.CloseTest do
  use ExUnit.Case, async: true

  # Every close code, on a real socket, by what a client does to get it. 4000 is for what happens to a
  # session: see heartbeat, resume and drain tests.

  alias Guildhall.{GatewayClient, HttpClient, Payload, Session, TestNode, User}
  alias Guildhall.Gateway.Close
  alias Guildhall.Model.Intents

  setup context do
    node = TestNode.start(Map.get(context, :options, []))
    %{node: node, bot: TestNode.bot(node)}
  end

  test "4001: an opcode that is none, before and after IDENTIFY", %{node: node, bot: bot} do
    assert_closed(4001, GatewayClient.open(node) |> GatewayClient.send_op(99, nil))
    assert_closed(4001, identified(node, bot) |> GatewayClient.send_op(99, nil))
  end

  test "4002: what is no payload, before and after IDENTIFY", %{node: node, bot: bot} do
    for text <- ["nope", "[]", ~s({"d":1}), ~s({"op":2,"d":7}), ~s({"op":8,"d":{}})] do
      assert_closed(4002, GatewayClient.open(node) |> GatewayClient.send_text(text))
      assert_closed(4002, identified(node, bot) |> GatewayClient.send_text(text))
    end
  end

  test "4002: a client that has ended its side gets the code and the end", %{node: node, bot: bot} do
    http = [exit_on_close: false]
    {%{"op" => 10}, client} = GatewayClient.recv(GatewayClient.dial(node, "", http))
    {_ready, client} = GatewayClient.identify(client, bot.token)

    [{session, _user_id}] =
      Guildhall.PartitionedRegistry.lookup(registry(node), client.session_id)

    # It learns of both at once.
    :ok = :sys.suspend(session)
    client = GatewayClient.send_text(client, "nope")
    :ok = :gen_tcp.shutdown(client.http.socket, :write)
    :ok = :sys.resume(session)
    assert_closed(4002, client)
    assert Session.count(node.instance) == 1
  end

  test "4002: text that is not UTF-8", %{node: node, bot: bot} do
    client = identified(node, bot)
    http = HttpClient.send_frame(client.http, :text, <<0xFF, 0xFE>>)
    assert_closed(4002, %{client | http: http})
  end

  test "4002: a payload of more than 4,096 bytes from a bot", %{node: node, bot: bot} do
    client = identified(node, bot)
    client = GatewayClient.send_text(client, heartbeat(4_096))
    {%{"op" => 11}, client} = GatewayClient.recv(client)
    assert_closed(4002, GatewayClient.send_text(client, heartbeat(4_097)))
  end

  test "4002: an IDENTIFY of more than 4,096 bytes from a bot", %{node: node, bot: bot} do
    client = GatewayClient.open(node)
    long = [properties: %{os: String.duplicate("x", 4_096)}]
    assert_closed(4002, GatewayClient.send_identify(client, bot.token, long))
  end

  test "4002: a payload of more than 15 KiB from a person", %{node: node} do
    person = TestNode.person(node)
    client = GatewayClient.open(node)
    long = [properties: %{os: String.duplicate("x", 8_192)}, intents: nil]
    {_ready, client} = GatewayClient.identify(client, person.token, long)

    client = GatewayClient.send_text(client, heartbeat(15_360))
    {%{"op" => 11}, client} = GatewayClient.recv(client)
    assert_closed(4002, GatewayClient.send_text(client, heartbeat(15_361)))
  end

  test "4002: a frame longer than the server reads", %{node: node} do
    client = GatewayClient.open(node)
    assert_closed(4002, GatewayClient.send_text(client, heartbeat(70_000)))
  end

  test "4003: a command before IDENTIFY", %{node: node} do
    for op <- [3, 4, 8] do
      data = %{guild_id: "1", status: "online"}
      assert_closed(4003, GatewayClient.open(node) |> GatewayClient.send_op(op, data))
    end
  end

  test "4004: a token that is nobody's", %{node: node, bot: bot} do
    forged = String.replace_suffix(bot.token, String.last(bot.token), "?")

    for token <- ["", "nonsense", forged, nil, 7] do
      assert_closed(4004, GatewayClient.open(node) |> GatewayClient.send_identify(token))
    end

    resume = %{token: forged, session_id: "s", seq: 1}
    assert_closed(4004, GatewayClient.open(node) |> GatewayClient.send_op(6, resume))
  end

  test "4004: a token that is revoked while it is used", %{node: node, bot: bot} do
    client = identified(node, bot)
    User.revoke(node.instance, bot.id)
    assert_closed(4004, client)
    assert_closed(4004, GatewayClient.open(node) |> GatewayClient.send_identify(bot.token))
  end

  test "4005: IDENTIFY or RESUME on a connection that has a session", %{node: node, bot: bot} do
    assert_closed(4005, identified(node, bot) |> GatewayClient.send_identify(bot.token))
    client = identified(node, bot)
    assert_closed(4005, GatewayClient.send_resume(client, bot.token, client))

    # Also when it was sent with the first one.
    client = GatewayClient.open(node)
    identify = Payload.encode!(%{op: 2, d: %{token: bot.token, intents: 0}})
    frame = HttpClient.frame(:text, identify)
    client = %{client | http: HttpClient.send_raw(client.http, [frame, frame])}
    assert_closed(4005, client)
  end

  @tag options: [rate_limits: true]
  test "4008: more than the clients' own pace allows", %{node: node} do
    client = GatewayClient.open(node)
    beat = HttpClient.frame(:text, ~s({"op":1,"d":null}))
    client = %{client | http: HttpClient.send_raw(client.http, List.duplicate(beat, 150))}
    assert_closed(4008, client)
  end

  @tag options: [rate_limits: true]
  test "4008 is not for 120 payloads in a minute", %{node: node, bot: bot} do
    client = identified(node, bot)
    op = HttpClient.frame(:text, ~s({"op":14,"d":{}}))
    beat = HttpClient.frame(:text, ~s({"op":1,"d":null}))
    client = %{client | http: HttpClient.send_raw(client.http, List.duplicate(op, 119) ++ [beat])}
    assert {%{"op" => 11}, _client} = GatewayClient.recv(client)
  end

  @tag options: [rate_limits: true, max_concurrency: 16, sessions_per_user: 2]
  test "4008: too many sessions of one user", %{node: node, bot: bot} do
    for id <- 0..1, do: identified(node, bot, shard: [id, 16])
    client = GatewayClient.open(node)
    assert_closed(4008, GatewayClient.send_identify(client, bot.token, shard: [2, 16]))
  end

  @tag options: [identify_timeout: 50]
  test "4009: no IDENTIFY in time", %{node: node} do
    assert_closed(4009, GatewayClient.open(node))
  end

  test "4010: a shard that is none", %{node: node, bot: bot} do
    for shard <- [[1, 1], [2, 1], [-1, 1], [0, 0], [0], "0", [0, 100_000]] do
      client = GatewayClient.open(node)
      assert_closed(4010, GatewayClient.send_identify(client, bot.token, shard: shard))
    end
  end

  @tag options: [guilds_per_shard: 1]
  test "4011: more guilds than a shard may have", %{node: node, bot: bot} do
    for _n <- 1..2, do: TestNode.guild(node, bot)
    assert_closed(4011, GatewayClient.open(node) |> GatewayClient.send_identify(bot.token))
  end

  test "4012: a version that is not served", %{node: node} do
    for query <- ["?v=8", "?v=11", "?v=x", "?encoding=json&v=6"] do
      assert_closed(4012, GatewayClient.dial(node, query))
    end
  end

  test "4013: intents that are missing or undefined", %{node: node, bot: bot} do
    for intents <- [nil, "513", -1, 1.5, 131_072, 1_099_511_627_776] do
      client = GatewayClient.open(node)
      assert_closed(4013, GatewayClient.send_identify(client, bot.token, intents: intents))
    end
  end

  test "4014: privileged intents that were not granted", %{node: node} do
    none = TestNode.bot(node, intents: 0)
    some = TestNode.bot(node, intents: Intents.bit(:message_content))

    for name <- [:guild_members, :guild_presences, :message_content] do
      client = GatewayClient.open(node)
      intents = Intents.bit(name)
      assert_closed(4014, GatewayClient.send_identify(client, none.token, intents: intents))
    end

    client = GatewayClient.open(node)
    intents = Intents.bit(:message_content)
    assert {_ready, _client} = GatewayClient.identify(client, some.token, intents: intents)
    client = GatewayClient.open(node)
    assert_closed(4014, GatewayClient.send_identify(client, some.token, intents: intents + 2))
  end

  test "1001: the node stops", %{node: node, bot: bot} do
    client = identified(node, bot)
    :ok = ExUnit.Callbacks.stop_supervised(Session)
    assert {%{"op" => 7, "d" => nil}, client} = GatewayClient.recv(client)
    assert_closed(1001, client)
  end

  test "1002: what is no WebSocket frame", %{node: node, bot: bot} do
    client = identified(node, bot)
    http = HttpClient.send_frame(client.http, :text, "{}", mask: false)
    assert_closed(1002, %{client | http: http})
  end

  test "every reason has a code and a text" do
    for reason <- Close.reasons() do
      {code, text} = Close.code(reason)
      assert code in [1001, 1002] or code in 4000..4014
      assert byte_size(text) in 1..123
      # Three libraries would resume with the same sequence for ever.
      refute code == 4007
    end
  end

  defp identified(node, bot, fields \\ []) do
    {_ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(bot.token, fields)
    client
  end

  # A heartbeat of so many bytes.
  defp heartbeat(size) do
    text = ~s({"op":1,"d":null,"x":"")

    String.replace_suffix(
      text,
      ~s("),
      String.duplicate("x", size - byte_size(text) - 1) <> ~s("})
    )
  end

  defp registry(node), do: Session.Supervisor.registry(node.instance)

  defp assert_closed(code, client) do
    case GatewayClient.recv(client) do
      {{:close, found}, _client} -> assert found == code
      {_payload, client} -> assert_closed(code, client)
    end
  end
end
