defmodule Guildhall.Http.UpgradeTest do
  use ExUnit.Case, async: true

  alias Guildhall.{Http, HttpClient, HttpServer}

  @key {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}
  @valid [
    {"upgrade", "websocket"},
    {"connection", "keep-alive, Upgrade"},
    {"sec-websocket-version", "13"},
    @key
  ]

  defp open(headers, method \\ "GET", body \\ "") do
    {_name, port} = HttpServer.start(:echo)
    HttpClient.request(HttpClient.connect(port), method, "/ws", headers, body)
  end

  defp without(name), do: List.keydelete(@valid, name, 0)
  defp with_header(name, value), do: List.keyreplace(@valid, name, 0, {name, value})

  test "accepts with the answer to the key, and negotiates nothing" do
    offers = [{"sec-websocket-extensions", "permessage-deflate"}, {"sec-websocket-protocol", "x"}]
    {response, _client} = open(@valid ++ offers)
    assert response.status == 101
    # RFC 6455, 1.3.
    assert {"sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="} in response.headers
    assert {"upgrade", "websocket"} in response.headers
    assert {"connection", "upgrade"} in response.headers
    refute List.keymember?(response.headers, "sec-websocket-extensions", 0)
    refute List.keymember?(response.headers, "sec-websocket-protocol", 0)
    refute List.keymember?(response.headers, "content-length", 0)
  end

  test "accepts names in any case" do
    assert {%{status: 101}, _} = open(with_header("upgrade", "h2c, WebSocket"))
  end

  test "sends the handler's headers" do
    {_name, port} =
      HttpServer.start(fn _ -> {:websocket, HttpServer.Echo, nil, headers: [{"x-extra", "1"}]} end)

    {%{status: 101, headers: headers}, _} =
      HttpClient.request(HttpClient.connect(port), "GET", "/", @valid)

    assert {"x-extra", "1"} in headers
  end

  test "says what is required where it is not asked for, or in another version" do
    for headers <- [
          [],
          without("upgrade"),
          with_header("upgrade", "h2c"),
          without("sec-websocket-version"),
          with_header("sec-websocket-version", "8")
        ] do
      assert {%{status: 426, headers: answer}, client} = open(headers)
      assert {"sec-websocket-version", "13"} in answer
      assert {"upgrade", "websocket"} in answer
      # A polite refusal: the connection goes on.
      assert {%{status: 200}, _client} = HttpClient.request(client, "GET", "/")
    end
  end

  test "refuses what is not an opening handshake" do
    for headers <- [
          without("connection"),
          with_header("connection", "keep-alive"),
          without("sec-websocket-key"),
          with_header("sec-websocket-key", "short"),
          with_header("sec-websocket-key", Base.encode64("seventeen bytes!!")),
          [@key | @valid]
        ] do
      assert {%{status: 400}, _client} = open(headers)
    end

    assert {%{status: 400}, _client} = open(@valid, "POST")
    assert {%{status: 400}, _client} = open(@valid, "GET", "body")
  end

  test "needs HTTP/1.1" do
    {_name, port} = HttpServer.start(:echo)
    lines = for {name, value} <- @valid, do: "#{name}: #{value}\r\n"

    client =
      HttpClient.send_raw(HttpClient.connect(port), ["GET /ws HTTP/1.0\r\n", lines, "\r\n"])

    assert {%{status: 400}, _client} = HttpClient.recv_response(client)
  end

  test "can be told before it is granted" do
    request = %Http.Request{method: "GET", path: "/", segments: [], headers: @valid}
    assert Http.upgrade?(request)
    refute Http.upgrade?(%{request | headers: without("upgrade")})
    refute Http.upgrade?(%{request | headers: with_header("upgrade", "websockets")})
  end
end
