defmodule Guildhall.Gateway.TransportTest do
  use ExUnit.Case, async: true

  # Encodings and compression: what is served, and that the rest is refused and never ignored.

  alias Guildhall.{GatewayClient, HttpClient, Payload, TestNode}

  setup context do
    node = TestNode.start(Map.get(context, :options, []))
    %{node: node, bot: TestNode.bot(node)}
  end

  test "what is not served is refused before the upgrade", %{node: node} do
    for query <- ["encoding=xml", "compress=gzip", "compress=zlib-payload"] do
      assert %{status: 400} = response = upgrade(node, "/?v=10&" <> query)
      assert {"content-type", "application/json"} in response.headers

      assert {:ok, %{"code" => 0, "message" => "This gateway serves" <> _}} =
               Payload.decode(response.body)
    end
  end

  @tag options: [max_sessions: 1]
  test "a full node refuses", %{node: node, bot: bot} do
    {_ready, _client} = node |> GatewayClient.open() |> GatewayClient.identify(bot.token)
    assert %{status: 503} = response = upgrade(node, "/")
    assert {"retry-after", "5"} in response.headers
  end

  test "permessage-deflate is not negotiated", %{node: node} do
    offer = [{"sec-websocket-extensions", "permessage-deflate; client_max_window_bits"}]
    response = upgrade(node, "/", offer)
    assert response.status == 101
    refute List.keymember?(response.headers, "sec-websocket-extensions", 0)
  end

  test "zlib-stream is one stream of binary messages from HELLO on", %{node: node, bot: bot} do
    {guild, channel} = TestNode.guild(node, bot)
    client = GatewayClient.dial(node, "?compress=zlib-stream")
    z = :zlib.open()
    :ok = :zlib.inflateInit(z)

    {%{"op" => 10}, client} = inflate(client, z)
    client = GatewayClient.send_identify(client, bot.token)
    {%{"t" => "READY"}, client} = inflate(client, z)
    assert {%{"t" => "GUILD_CREATE", "d" => %{"id" => id}}, client} = inflate(client, z)
    assert id == "#{guild.id}"

    for n <- 1..20, do: TestNode.post(node, bot, channel, "message #{n}")

    client =
      Enum.reduce(1..20, client, fn n, client ->
        assert {%{"t" => "MESSAGE_CREATE", "d" => data}, client} = inflate(client, z)
        assert data["content"] == "message #{n}"
        client
      end)

    client = GatewayClient.send_op(client, 1, 22)
    assert {%{"op" => 11}, _client} = inflate(client, z)
  end

  test "etf is maps with atoms as keys, and ids that are text", %{node: node, bot: bot} do
    {guild, channel} = TestNode.guild(node, bot)
    client = GatewayClient.dial(node, "?encoding=etf")
    {%{op: 10, d: %{heartbeat_interval: _ms}}, client} = term(client)

    client = send_term(client, 1, nil)
    {%{op: 11, d: nil, s: nil, t: nil}, client} = term(client)
    identify = %{"token" => bot.token, "intents" => GatewayClient.intents(), "properties" => %{}}
    client = send_term(client, 2, identify)
    assert {%{op: 0, s: 1, t: :READY}, client} = term(client)
    assert {%{t: :GUILD_CREATE, d: %{id: id, unavailable: false}}, client} = term(client)
    assert id == "#{guild.id}"

    TestNode.post(node, bot, channel, "a message")
    assert {%{t: :MESSAGE_CREATE, s: 3, d: %{content: "a message"}}, _client} = term(client)
  end

  test "atoms, pids and JSON are not what a client of etf sends", %{node: node} do
    for payload <- [Payload.to_etf(%{op: 1}), Payload.to_etf(%{"op" => self()}), ~s({"op":1})] do
      {%{op: 10}, client} = term(GatewayClient.dial(node, "?encoding=etf"))
      http = HttpClient.send_frame(client.http, :binary, payload)
      assert {{:close, 4_002, _reason}, _http} = HttpClient.recv_frame(http)
    end
  end

  test "a resumed connection has a stream of its own", %{node: node, bot: bot} do
    old = GatewayClient.open(node)
    {_ready, old} = GatewayClient.identify(old, bot.token)
    GatewayClient.cut(old)

    client = GatewayClient.dial(node, "?compress=zlib-stream")
    z = :zlib.open()
    :ok = :zlib.inflateInit(z)
    {%{"op" => 10}, client} = inflate(client, z)
    client = GatewayClient.send_resume(client, bot.token, old)
    assert {%{"t" => "RESUMED"}, _client} = inflate(client, z)
  end

  test "zstd-stream is one frame of binary messages that never ends", %{node: node, bot: bot} do
    client = GatewayClient.dial(node, "?compress=zstd-stream")

    assert {{:binary, <<0x28, 0xB5, 0x2F, 0xFD, _rest::binary>>}, http} =
             HttpClient.recv_frame(client.http)

    client = GatewayClient.send_identify(%{client | http: http}, bot.token)
    assert {{:binary, data}, _http} = HttpClient.recv_frame(client.http)
    # The same frame goes on.
    refute match?(<<0x28, 0xB5, 0x2F, 0xFD, _rest::binary>>, data)
  end

  defp term(client) do
    {{:binary, data}, http} = HttpClient.recv_frame(client.http)
    {:erlang.binary_to_term(data), %{client | http: http}}
  end

  defp send_term(client, op, data) do
    payload = Payload.to_etf(%{"op" => op, "d" => data})
    %{client | http: HttpClient.send_frame(client.http, :binary, payload)}
  end

  defp inflate(client, z) do
    {{:binary, data}, http} = HttpClient.recv_frame(client.http)
    assert binary_part(data, byte_size(data), -4) == <<0, 0, 0xFF, 0xFF>>
    {:ok, payload} = z |> :zlib.inflate(data) |> IO.iodata_to_binary() |> Payload.decode()
    {payload, %{client | http: http, sequence: payload["s"] || client.sequence}}
  end

  defp upgrade(node, path, headers \\ []) do
    opening = [
      {"upgrade", "websocket"},
      {"connection", "upgrade"},
      {"sec-websocket-version", "13"},
      {"sec-websocket-key", Base.encode64("0123456789abcdef")}
    ]

    {response, _client} =
      node.port |> HttpClient.connect() |> HttpClient.request("GET", path, opening ++ headers)

    response
  end
end
