defmodule Guildhall.Http.TlsTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureLog

  alias Guildhall.{Events, HttpClient, HttpServer, Tls}
  alias Guildhall.Http.{Response, WebSocket}

  setup_all do
    {server, client} = Tls.options()
    %{server: server, client: client}
  end

  defmodule Give do
    @behaviour WebSocket

    @impl WebSocket
    def run(ws, _request, test) do
      {:ok, ws} = WebSocket.transfer(ws, test)
      send(test, {:given, ws})
    end
  end

  defp events(ws) do
    receive do
      message when elem(message, 0) in [:ssl, :ssl_closed, WebSocket] ->
        case WebSocket.handle(ws, message) do
          {:ok, [], ws} -> events(ws)
          {:ok, events, ws} -> {events, ws}
        end
    after
      5_000 -> flunk("no event")
    end
  end

  defp pair(context) do
    test = self()

    {_name, port} =
      HttpServer.start(fn _ -> {:websocket, Give, test, []} end, tls: context.server)

    client = port |> HttpClient.connect(tls: context.client) |> HttpClient.websocket("/")
    assert_receive {:given, ws}
    {:ok, [], ws} = WebSocket.activate(ws)
    {client, ws}
  end

  test "requests are answered, one after the other", context do
    {_name, port} =
      HttpServer.start(&%Response{status: 200, body: "#{&1.scheme} #{&1.body}"},
        tls: context.server
      )

    client = HttpClient.connect(port, tls: context.client)

    assert {%{status: 200, body: "https 1"}, client} =
             HttpClient.request(client, "POST", "/", [], "1")

    client = HttpClient.send_raw(client, List.duplicate("GET / HTTP/1.1\r\nhost: h\r\n\r\n", 2))
    assert {%{status: 200, body: "https "}, client} = HttpClient.recv_response(client)
    assert {%{status: 200, body: "https "}, client} = HttpClient.recv_response(client)
    client = HttpClient.send_request(client, "POST", "/", [], :binary.copy("x", 500_000))
    assert {%{status: 200, body: "https " <> body}, client} = HttpClient.recv_response(client)
    assert byte_size(body) == 500_000
    client = HttpClient.send_raw(client, "?\r\n\r\n")
    assert {%{status: 400}, client} = HttpClient.recv_response(client)
    assert HttpClient.closed?(client)
  end

  test "a WebSocket echoes and closes", context do
    {_name, port} = HttpServer.start(:echo, tls: context.server)
    ws = port |> HttpClient.connect(tls: context.client) |> HttpClient.websocket("/ws")
    ws = HttpClient.send_frame(ws, :text, "hello")
    assert {{:text, "hello"}, ws} = HttpClient.recv_frame(ws)
    ws = HttpClient.send_frame(ws, :ping, "p")
    assert {{:pong, "p"}, ws} = HttpClient.recv_frame(ws)
    ws = HttpClient.send_frame(ws, :close, HttpClient.close_payload(1000))
    assert {{:close, 1000, ""}, ws} = HttpClient.recv_frame(ws)
    assert HttpClient.closed?(ws)

    ws = port |> HttpClient.connect(tls: context.client) |> HttpClient.websocket("/ws")
    ws = HttpClient.send_frame(ws, 3, "?")
    assert {{:close, 1002, "opcode"}, ws} = HttpClient.recv_frame(ws)
    assert HttpClient.closed?(ws)
  end

  test "a WebSocket goes to another process with every byte, also what is in the mailbox",
       context do
    {client, ws} = pair(context)
    <<first::binary-size(5), second::binary>> = HttpClient.frame(:text, "cut in two")
    client = HttpClient.send_raw(client, [HttpClient.frame(:text, "one"), first])
    # It has come, and nobody has handled it.
    assert_receive {:ssl, _socket, _data} = message
    send(self(), message)
    test = self()

    owner =
      Task.async(fn ->
        ws = receive do: ({:ws, ws} -> ws)
        {:ok, events, ws} = WebSocket.activate(ws)
        send(test, {:first, events})
        {events, ws} = events(ws)
        {:ok, ws} = WebSocket.send(ws, {:text, "from the owner"})
        {:ok, ws} = WebSocket.close(ws, 4_000, "done")
        {events, events(ws) |> elem(0)}
      end)

    {:ok, ws} = WebSocket.transfer(ws, owner.pid)
    send(owner.pid, {:ws, ws})
    assert_receive {:first, [{:text, "one"}]}
    client = HttpClient.send_raw(client, second)
    assert {{:text, "from the owner"}, client} = HttpClient.recv_frame(client)
    assert {{:close, 4_000, "done"}, client} = HttpClient.recv_frame(client)
    HttpClient.send_frame(client, :close, HttpClient.close_payload(4_000))
    assert Task.await(owner) == {[{:text, "cut in two"}], [{:closed, 4_000}]}
  end

  test "a client that leaves is an end", context do
    {client, ws} = pair(context)
    HttpClient.close(client)
    assert {[{:closed, nil}], _ws} = events(ws)
  end

  test "a write waits while the client reads slowly, then gives it up", context do
    test = self()

    {_name, port} =
      HttpServer.start(fn _ -> {:websocket, Give, test, []} end,
        tls: context.server,
        send_timeout: 100
      )

    client = HttpClient.connect(port, tls: context.client, recbuf: 4_096)
    _client = HttpClient.websocket(client, "/")
    assert_receive {:given, ws}
    {:ok, [], ws} = WebSocket.activate(ws)
    {:ok, ws} = WebSocket.write(ws, :binary.copy("x", 10_000_000))
    assert {[{:closed, nil}], _ws} = events(ws)
  end

  test "what is no TLS is refused, without a word in the log", context do
    Events.listen()

    refute capture_log(fn ->
             {name, port} = HttpServer.start(:echo, tls: context.server)
             HttpClient.send_request(HttpClient.connect(port), "GET", "/")

             assert_receive {:event, [:guildhall, :http, :refusal], _,
                             %{instance: ^name, reason: :tls}},
                            10_000

             client = HttpClient.connect(port, tls: context.client)
             assert {%{status: 200}, _client} = HttpClient.request(client, "GET", "/")
           end) =~ "TLS"
  end

  test "a handshake that does not come is not waited for", context do
    {_name, port} = HttpServer.start(:echo, tls: context.server, header_timeout: 50)
    assert port |> HttpClient.connect() |> HttpClient.closed?()
  end
end
