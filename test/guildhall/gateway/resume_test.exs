defmodule Guildhall.Gateway.ResumeTest do
  use ExUnit.Case, async: true

  # Nothing is lost: a client that comes back gets what it missed, once and in order.

  alias Guildhall.{Events, GatewayClient, HttpClient, Session, TestNode}

  setup context do
    Events.listen()
    node = TestNode.start(Map.get(context, :options, []))
    [bot, other] = for _n <- 1..2, do: TestNode.bot(node)
    {_guild, channel} = TestNode.guild(node, bot, [other])
    %{node: node, bot: bot, other: other, channel: channel}
  end

  test "what was missed comes with its numbers, then RESUMED with an object", context do
    %{node: node, bot: bot, other: other, channel: channel} = context
    old = GatewayClient.session(node, bot)
    TestNode.post(node, other, channel, "seen")
    {_data, old} = GatewayClient.await(old, "MESSAGE_CREATE")
    last = old.sequence
    GatewayClient.cut(old)
    for n <- 1..3, do: TestNode.post(node, other, channel, "missed #{n}")

    client = resume(node, bot, old)

    {numbers, client} =
      Enum.map_reduce(1..3, client, fn n, client ->
        {%{"t" => "MESSAGE_CREATE", "s" => s, "d" => data}, client} = GatewayClient.recv(client)
        assert data["content"] == "missed #{n}"
        {s, client}
      end)

    assert numbers == [last + 1, last + 2, last + 3]

    assert {%{"t" => "RESUMED", "s" => s, "d" => %{"_trace" => _}}, client} =
             GatewayClient.recv(client)

    assert s == last + 4

    TestNode.post(node, other, channel, "live")
    assert {%{"s" => s, "d" => %{"content" => "live"}}, _client} = GatewayClient.recv(client)
    assert s == last + 5
  end

  test "heartbeats before RESUME are acknowledged", %{node: node, bot: bot} do
    old = GatewayClient.session(node, bot)
    GatewayClient.cut(old)
    client = GatewayClient.open(node) |> GatewayClient.send_op(1, old.sequence)
    assert {%{"op" => 11}, client} = GatewayClient.recv(client)
    client = GatewayClient.send_resume(client, "Bot " <> bot.token, old)
    assert {%{"t" => "RESUMED"}, _client} = GatewayClient.recv(client)
  end

  test "a client may go back further than to the last it saw, again and again", context do
    %{node: node, bot: bot, other: other, channel: channel} = context
    old = GatewayClient.session(node, bot)
    for n <- 1..3, do: TestNode.post(node, other, channel, "#{n}")
    {_data, old} = GatewayClient.await(old, "MESSAGE_CREATE")

    for _time <- 1..3 do
      client = resume(node, bot, old)

      client =
        for n <- 2..3, reduce: client do
          client ->
            assert {%{"d" => %{"content" => content}}, client} = GatewayClient.recv(client)
            assert content == "#{n}"
            client
        end

      GatewayClient.cut(client)
    end
  end

  test "a session with a live connection is taken over, and the old one closed", context do
    %{node: node, bot: bot, other: other, channel: channel} = context
    old = GatewayClient.session(node, bot)
    client = resume(node, bot, old)
    assert {%{"t" => "RESUMED"}, client} = GatewayClient.recv(client)
    assert {{:close, 4000}, old} = GatewayClient.recv(old)

    # What the old one still says, a goodbye too, is nobody's.
    HttpClient.send_frame(old.http, :close, HttpClient.close_payload(1000))
    TestNode.post(node, other, channel, "to the new one")
    assert {%{"d" => %{"content" => "to the new one"}}, _client} = GatewayClient.recv(client)
    assert Session.count(node.instance) == 1
  end

  test "no session is op 9 on the open connection: unknown, of another, or gone", context do
    %{node: node, bot: bot, other: other} = context
    old = GatewayClient.session(node, bot)

    for {token, fields} <- [
          {bot.token, [session_id: "nonsense"]},
          {bot.token,
           [session_id: Base.url_encode64(:crypto.strong_rand_bytes(16), padding: false)]},
          {other.token, []},
          {bot.token, [seq: old.sequence + 1]},
          {bot.token, [seq: -1]},
          {bot.token, [seq: nil]},
          {bot.token, [seq: "1"]}
        ] do
      client = GatewayClient.send_resume(GatewayClient.open(node), token, old, fields)
      assert {%{"op" => 9, "d" => false}, client} = GatewayClient.recv(client)
      client = GatewayClient.send_op(client, 1, nil)
      assert {%{"op" => 11}, _client} = GatewayClient.recv(client)
    end

    # None of these did anything to the session.
    client = GatewayClient.send_op(old, 1, nil)
    assert {%{"op" => 11}, _client} = GatewayClient.recv(client)
  end

  @tag options: [max_events: 3]
  test "a sequence that is no longer kept is op 9", context do
    %{node: node, bot: bot, other: other, channel: channel} = context
    old = GatewayClient.session(node, bot)

    client =
      Enum.reduce(1..5, old, fn n, client ->
        TestNode.post(node, other, channel, "#{n}")
        {_data, client} = GatewayClient.await(client, "MESSAGE_CREATE")
        client
      end)

    GatewayClient.cut(client)
    client = GatewayClient.send_resume(GatewayClient.open(node), bot.token, old)
    assert {%{"op" => 9, "d" => false}, _client} = GatewayClient.recv(client)
  end

  test "a client that closes with 1000 or 1001 has no session any more", context do
    %{node: node, bot: bot} = context

    for code <- [1000, 1001] do
      old = GatewayClient.session(node, bot)
      GatewayClient.close(old, code)
      assert ended(old) == :closed
      client = GatewayClient.send_resume(GatewayClient.open(node), bot.token, old)
      assert {%{"op" => 9, "d" => false}, _client} = GatewayClient.recv(client)
    end
  end

  test "a client that closes with anything else can come back", %{node: node, bot: bot} do
    for code <- [3000, 4000, 4200, 4901] do
      old = GatewayClient.session(node, bot)
      GatewayClient.close(old, code)
      client = resume(node, bot, old)
      assert {%{"t" => "RESUMED"}, client} = GatewayClient.recv(client)
      GatewayClient.close(client, 1000)
    end
  end

  test "a close by the server never ends the session, even if the client echoes 1000", context do
    %{node: node, bot: bot} = context
    old = GatewayClient.session(node, bot)
    client = GatewayClient.send_op(old, 99, nil)
    assert {{:close, 4001}, client} = GatewayClient.recv(client)
    HttpClient.send_frame(client.http, :close, HttpClient.close_payload(1000))

    client = resume(node, bot, old)
    assert {%{"t" => "RESUMED"}, _client} = GatewayClient.recv(client)
  end

  @tag options: [resume_timeout: 50]
  test "a session does not wait for ever", %{node: node, bot: bot} do
    old = GatewayClient.session(node, bot)
    GatewayClient.cut(old)
    assert ended(old) == :expired
    client = GatewayClient.send_resume(GatewayClient.open(node), bot.token, old)
    assert {%{"op" => 9, "d" => false}, _client} = GatewayClient.recv(client)
  end

  test "a wrong token does not even ask for the session", %{node: node, bot: bot} do
    old = GatewayClient.session(node, bot)
    client = GatewayClient.send_resume(GatewayClient.open(node), "a.b.c", old)
    assert {{:close, 4004}, _client} = GatewayClient.recv(client)
    assert Session.count(node.instance) == 1
  end

  defp resume(node, bot, old) do
    GatewayClient.send_resume(GatewayClient.open(node), bot.token, old)
  end

  defp ended(%{session_id: id}) do
    assert_receive {:event, [:guildhall, :session, :stop], _measured,
                    %{session_id: ^id, reason: reason}}

    reason
  end
end
