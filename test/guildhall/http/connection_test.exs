defmodule Guildhall.Http.ConnectionTest do
  use ExUnit.Case, async: true

  alias Guildhall.{Events, HttpClient, HttpServer}
  alias Guildhall.Http.{Request, Response}

  # What the server answers to these bytes: its statuses, and whether it closes then.
  defp statuses(port, bytes) do
    client = port |> HttpClient.connect() |> HttpClient.send_raw(bytes)
    :gen_tcp.shutdown(client.socket, :write)
    read(client, [])
  end

  defp read(client, statuses) do
    {response, client} = HttpClient.recv_response(client)
    read(client, [response.status | statuses])
  rescue
    MatchError -> Enum.reverse(statuses)
  end

  defp ask(port, bytes) do
    client = port |> HttpClient.connect() |> HttpClient.send_raw(bytes)
    HttpClient.recv_response(client)
  end

  defp refused(port, status, bytes) do
    {response, client} = ask(port, bytes)
    assert response.status == status, "#{inspect(bytes)} got #{response.status}"
    assert {"connection", "close"} in response.headers
    assert HttpClient.closed?(client)
  end

  describe "a request" do
    test "reaches the handler whole" do
      test = self()

      {_name, port} =
        HttpServer.start(fn request ->
          send(test, request)
          %Response{status: 200}
        end)

      client = HttpClient.connect(port)
      {:ok, peer} = :inet.sockname(client.socket)

      headers = [{"X-Thing", " a  b \t"}, {"x-thing", "c"}, {"Content-Type", "text/plain"}]

      {_response, _client} =
        HttpClient.request(
          client,
          "PATCH",
          "/a//b%2Fc/%F0%9F%98%80?x=1+2&&y&x=%3d",
          headers,
          "body"
        )

      assert_receive %Request{} = request

      assert request == %Request{
               method: "PATCH",
               path: "/a//b%2Fc/%F0%9F%98%80",
               segments: ["a", "b/c", "😀"],
               query: [{"x", "1 2"}, {"y", ""}, {"x", "="}],
               headers: [
                 {"host", "localhost"},
                 {"x-thing", "a  b"},
                 {"x-thing", "c"},
                 {"content-type", "text/plain"},
                 {"content-length", "4"}
               ],
               body: "body",
               peer: peer,
               scheme: :http
             }

      assert Request.header(request, "x-thing") == "a  b"
      assert Request.header(request, "x-other") == nil
    end

    test "may have an absolute target, an asterisk, an unknown method" do
      {_name, port} =
        HttpServer.start(
          &%Response{status: 200, body: "#{&1.method} #{&1.path} #{inspect(&1.query)}"}
        )

      for {line, body} <- [
            {"GET http://other:99/a?b=c", ~s(GET /a [{"b", "c"}])},
            {"GET http://other", ~s(GET / [])},
            {"OPTIONS *", ~s(OPTIONS * [])},
            {"PURGE /x?&limit=10", ~s(PURGE /x [{"limit", "10"}])}
          ] do
        assert {%{status: 200, body: ^body}, _} = ask(port, "#{line} HTTP/1.1\r\nhost: h\r\n\r\n")
      end
    end

    test "may come after empty lines, and one after the other" do
      {_name, port} = HttpServer.start(&%Response{status: 200, body: &1.path})
      one = "GET /1 HTTP/1.1\r\nhost: h\r\n\r\n"
      two = "POST /2 HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi"
      three = "GET /3 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"

      client =
        port
        |> HttpClient.connect()
        |> HttpClient.send_raw(["\r\n\r\n", one, two, "\r\n", three, one])

      {%{body: "/1"}, client} = HttpClient.recv_response(client)
      {%{body: "/2"}, client} = HttpClient.recv_response(client)
      {%{body: "/3"}, client} = HttpClient.recv_response(client)
      assert HttpClient.closed?(client)
    end

    test "may have a chunked body" do
      {_name, port} = HttpServer.start(:echo)

      body = "5;x=y\r\nhello\r\n1 \r\n,\r\n6\r\n world\r\n000\r\nTrailer: x\r\n\r\n"
      head = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: Chunked\r\n\r\n"
      client = port |> HttpClient.connect() |> HttpClient.send_raw([head, body, head, body])
      assert {%{status: 200, body: "hello, world"}, client} = HttpClient.recv_response(client)
      assert {%{status: 200, body: "hello, world"}, _client} = HttpClient.recv_response(client)
    end

    test "is told to continue if it asks" do
      {_name, port} = HttpServer.start(:echo)
      client = HttpClient.connect(port)

      client =
        HttpClient.send_raw(
          client,
          "PUT / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
        )

      assert {%{status: 100}, client} = HttpClient.recv_response(client)
      client = HttpClient.send_raw(client, "ok")
      assert {%{status: 200, body: "ok"}, client} = HttpClient.recv_response(client)

      # Nothing to continue with.
      client =
        HttpClient.send_raw(client, "GET / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\n\r\n")

      assert {%{status: 200}, _client} = HttpClient.recv_response(client)
      refused(port, 417, "PUT / HTTP/1.1\r\nhost: h\r\nexpect: miracles\r\n\r\n")
    end

    test "of HTTP/1.0 closes unless it says otherwise, and needs no host" do
      {_name, port} = HttpServer.start(:echo)
      {%{status: 200, headers: headers}, client} = ask(port, "GET / HTTP/1.0\r\n\r\n")
      assert {"connection", "close"} in headers
      assert HttpClient.closed?(client)

      client =
        HttpClient.send_raw(
          HttpClient.connect(port),
          "GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n"
        )

      {%{status: 200, headers: headers}, client} = HttpClient.recv_response(client)
      assert {"connection", "keep-alive"} in headers
      assert {%{status: 200}, _client} = HttpClient.request(client, "GET", "/")
    end
  end

  describe "a response" do
    test "has the handler's headers as they are, a date and a length" do
      headers = [{"X-Exact", ["a", "b"]}, {"x-exact", "2"}]

      {_name, port} =
        HttpServer.start(fn _ -> %Response{status: 201, headers: headers, body: ["o", ~c"k"]} end)

      client = HttpClient.send_request(HttpClient.connect(port), "GET", "/")
      {:ok, bytes} = :gen_tcp.recv(client.socket, 0)

      assert bytes =~
               ~r"\AHTTP/1\.1 201 Created\r\nX-Exact: ab\r\nx-exact: 2\r\ndate: \w\w\w, \d\d \w\w\w \d{4} \d\d:\d\d:\d\d GMT\r\ncontent-length: 2\r\n\r\nok\z"
    end

    test "to HEAD has the length and no body; 204 and 304 have neither" do
      {_name, port} =
        HttpServer.start(fn
          %{segments: [status]} -> %Response{status: String.to_integer(status), body: "hello"}
        end)

      client = HttpClient.connect(port)

      {%{status: 200, body: "", headers: headers}, client} =
        HttpClient.request(client, "HEAD", "/200")

      assert {"content-length", "5"} in headers
      {%{status: 204, headers: headers}, client} = HttpClient.request(client, "GET", "/204")
      refute List.keymember?(headers, "content-length", 0)
      {%{status: 304, body: ""}, client} = HttpClient.request(client, "GET", "/304")
      assert {%{status: 200, body: "hello"}, _client} = HttpClient.request(client, "GET", "/200")
    end

    test "may close the connection" do
      {_name, port} =
        HttpServer.start(fn _ -> %Response{status: 200, headers: [{"Connection", "close"}]} end)

      {%{headers: headers}, client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
      assert for({"connection", value} <- headers, do: value) == ["close"]
      assert HttpClient.closed?(client)
    end

    test "is a plain 500 where the handler raises, exits, throws, or answers nonsense" do
      Events.listen()

      {name, port} =
        HttpServer.start(fn
          %{segments: ["raise"]} -> raise "oh"
          %{segments: ["exit"]} -> exit(:oh)
          %{segments: ["throw"]} -> throw(:oh)
          %{segments: ["nonsense"]} -> :ok
          %{segments: ["status"]} -> %Response{status: 999}
          %{segments: ["body"]} -> %Response{status: 200, body: :atom}
          %{segments: ["split"]} -> %Response{status: 200, headers: [{"x", "a\r\nset-cookie: b"}]}
          _other -> %Response{status: 200, body: "fine"}
        end)

      client = HttpClient.connect(port)

      Enum.reduce(~w(raise exit throw nonsense status body split), client, fn path, client ->
        {response, client} = HttpClient.request(client, "GET", "/" <> path)
        assert %{status: 500, body: "Internal Server Error\n"} = response

        assert_receive {:event, [:guildhall, :http, :exception], _,
                        %{instance: ^name, path: "/" <> ^path}}

        {%{status: 200, body: "fine"}, client} = HttpClient.request(client, "GET", "/")
        client
      end)
    end

    test "of any size reaches a client that reads" do
      body = :binary.copy("0123456789abcdef", 200_000)
      {_name, port} = HttpServer.start(fn _ -> %Response{status: 200, body: [body, "!"]} end)
      {response, client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
      assert response.body == body <> "!"
      assert {%{status: 200}, _client} = HttpClient.request(client, "HEAD", "/")
    end

    test "reaches a client that has ended its side and reads late" do
      Events.listen()
      body = :binary.copy("x", 60_000)

      {name, port} =
        HttpServer.start(fn _ -> %Response{status: 200, body: body} end, send_buffer: 8_192)

      for headers <- [[], [{"connection", "close"}]] do
        client = HttpClient.connect(port, recbuf: 4_096, exit_on_close: false)
        client = HttpClient.send_request(client, "GET", "/", headers)
        :ok = :gen_tcp.shutdown(client.socket, :write)
        # Part of the answer is with the driver, and the connection must wait for that.
        assert_receive {:event, [:guildhall, :http, :request], _, %{instance: ^name}}

        refute_receive {:event, [:guildhall, :http, :connection, :stop], _, %{instance: ^name}},
                       30

        assert {%{status: 200, body: ^body}, client} = HttpClient.recv_response(client)
        assert HttpClient.closed?(client)
        assert_receive {:event, [:guildhall, :http, :connection, :stop], _, %{instance: ^name}}
      end
    end

    test "is given up when the client does not read" do
      Events.listen()
      body = :binary.copy("x", 8_000_000)

      {name, port} =
        HttpServer.start(fn _ -> %Response{status: 200, body: body} end, send_timeout: 50)

      client = HttpClient.connect(port, recbuf: 4_096)
      HttpClient.send_request(client, "GET", "/")

      assert_receive {:event, [:guildhall, :http, :connection, :stop], _,
                      %{instance: ^name, reason: :closed}}
    end
  end

  describe "refuses" do
    setup do
      {name, port} =
        HttpServer.start(:echo,
          body_limit: 1_000,
          header_limit: 2_000,
          request_line_limit: 500,
          header_count_limit: 10
        )

      %{name: name, port: port}
    end

    test "what is no request", %{port: port} do
      for line <- [
            "GET /",
            "GET  HTTP/1.1",
            "GET /a b HTTP/1.1",
            "GET a HTTP/1.1",
            "G(T / HTTP/1.1",
            " GET / HTTP/1.1",
            "GET /%zz HTTP/1.1",
            "GET /%f HTTP/1.1",
            "GET /%ff HTTP/1.1",
            "GET /?a=%C0%80 HTTP/1.1",
            "CONNECT h:80 HTTP/1.1",
            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
          ] do
        refused(port, 400, line <> "\r\nhost: h\r\n\r\n")
      end
    end

    test "another version", %{port: port} do
      refused(port, 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    end

    test "bare line feeds, folded lines and control characters", %{port: port} do
      for bytes <- [
            "GET / HTTP/1.1\nhost: h\n\n",
            "GET / HTTP/1.1\r\nhost: h\nx: y\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\nx: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\nx: \0\r\n\r\n",
            "GET / HTTP/1.1\r\nhost : h\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\n: y\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\nnothing\r\n\r\n"
          ] do
        refused(port, 400, bytes)
      end
    end

    test "a missing, second or impossible host", %{port: port} do
      for host <- [
            "",
            "host: a\r\nhost: a\r\n",
            "host: a b\r\n",
            "host: a,b\r\n",
            "host: a/b\r\n"
          ] do
        refused(port, 400, "GET / HTTP/1.1\r\n#{host}\r\n")
      end
    end

    test "bodies whose end is a matter of opinion", %{port: port} do
      for headers <- [
            ["content-length: 3", "content-length: 4"],
            ["content-length: 3", "content-length: 3"],
            ["content-length: 3, 3"],
            ["content-length: +3"],
            ["content-length: -3"],
            ["content-length: 0x3"],
            ["content-length: "],
            ["content-length: 3", "transfer-encoding: chunked"],
            ["transfer-encoding: chunked", "transfer-encoding: chunked"],
            ["transfer-encoding: chunked, chunkedd"],
            ["transfer-encoding: identity"],
            ["transfer-encoding: chunked, identity"],
            ["transfer-encoding: xchunked"],
            ["transfer-encoding: "]
          ] do
        refused(port, 400, [
          "POST / HTTP/1.1\r\nhost: h\r\n",
          Enum.map(headers, &[&1, "\r\n"]),
          "\r\nabc"
        ])
      end

      refused(port, 400, "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")

      refused(
        port,
        501,
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
      )
    end

    test "chunks that are none", %{port: port} do
      head = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"

      for body <- [
            "x\r\n",
            "\r\n",
            "-1\r\n",
            "0x1\r\na\r\n",
            "1\na\r\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
            "1ffffffffffff\r\n",
            String.duplicate("1", 300),
            "1;" <> String.duplicate("x", 300),
            "0\r\n" <> String.duplicate("a: b\r\n", 2_000)
          ] do
        refused(port, 400, head <> body)
      end
    end

    test "what is too long", %{port: port, name: name} do
      Events.listen()
      long = String.duplicate("x", 3_000)
      head = "POST / HTTP/1.1\r\nhost: h\r\n"
      refused(port, 414, "GET /#{long}")

      assert_receive {:event, [:guildhall, :http, :refusal], _,
                      %{instance: ^name, reason: :uri_too_long}}

      refused(port, 431, head <> "x: " <> long)
      refused(port, 431, [head, List.duplicate("x: y\r\n", 12), "\r\n"])
      refused(port, 413, head <> "content-length: 1001\r\n\r\n")
      refused(port, 413, head <> "content-length: 99999999999999999999999999\r\n\r\n")
      refused(port, 413, head <> "content-length: 1001\r\nexpect: 100-continue\r\n\r\n")
      refused(port, 413, head <> "transfer-encoding: chunked\r\n\r\n3e9\r\n")

      refused(
        port,
        413,
        head <>
          "transfer-encoding: chunked\r\n\r\n3e8\r\n" <>
          binary_part(long, 0, 1_000) <> "\r\n1\r\n"
      )

      assert statuses(port, head <> "content-length: 1000\r\n\r\n" <> binary_part(long, 0, 1_000)) ==
               [200]
    end
  end

  describe "does not wait for" do
    test "a head that trickles in" do
      {_name, port} = HttpServer.start(:echo, header_timeout: 100)
      client = HttpClient.connect(port)

      trickle =
        Task.async(fn ->
          trickle(client, "GET / HTTP/1.1\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy")
        end)

      assert {%{status: 408}, client} = HttpClient.recv_response(client)
      assert HttpClient.closed?(client)
      Task.await(trickle)
    end

    test "a client that says nothing" do
      {_name, port} = HttpServer.start(:echo, header_timeout: 50)
      assert port |> HttpClient.connect() |> HttpClient.closed?()
    end

    test "a body that is slower than the rate" do
      {_name, port} = HttpServer.start(:echo, body_timeout: 100, body_rate: 1_000_000)
      client = HttpClient.connect(port)

      trickle =
        Task.async(fn ->
          trickle(
            client,
            "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\n" <>
              String.duplicate("x", 40)
          )
        end)

      assert {%{status: 408}, client} = HttpClient.recv_response(client)
      assert HttpClient.closed?(client)
      Task.await(trickle)
    end

    test "the next request, beyond the idle time-out, hibernating meanwhile" do
      {_name, port} = HttpServer.start(:echo, idle_timeout: 100, hibernate_after: 10)
      {%{status: 200}, client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
      assert HttpClient.closed?(client)
    end

    test "memory: all bodies in flight share a budget" do
      Events.listen()
      {name, port} = HttpServer.start(:echo, body_budget: 1_000)
      head = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5000\r\n\r\n"
      refused(port, 503, head <> String.duplicate("x", 1_001))

      assert_receive {:event, [:guildhall, :http, :refusal], _,
                      %{instance: ^name, reason: :body_budget}}

      assert Guildhall.Http.stats(name).receiving == 0
    end

    # One byte every few milliseconds, for as long as the server takes them.
    defp trickle(client, bytes) do
      for <<byte <- bytes>> do
        :gen_tcp.send(client.socket, <<byte>>)

        receive do
        after
          5 -> :ok
        end
      end
    end
  end

  test "a connection survives hibernation" do
    {name, port} = HttpServer.start(:echo, hibernate_after: 1)
    {%{status: 200}, client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
    pid = connection(name)
    await_hibernation(pid)
    send(pid, :stray)
    assert {%{status: 200}, _client} = HttpClient.request(client, "GET", "/")
    assert connection(name) == pid
  end

  test "a connection's stack does not grow with its requests" do
    {name, port} = HttpServer.start(:echo)
    client = HttpClient.connect(port)
    {_response, client} = HttpClient.request(client, "GET", "/")
    await_waiting(connection(name))
    {:stack_size, before} = Process.info(connection(name), :stack_size)

    Enum.reduce(1..200, client, fn _, client ->
      {_response, client} = HttpClient.request(client, "GET", "/")
      client
    end)

    await_waiting(connection(name))
    assert Process.info(connection(name), :stack_size) == {:stack_size, before}
  end

  defp connection(name) do
    pools = PartitionSupervisor.which_children(Module.concat(name, Connections))

    [pid] =
      for {_, pool, _, _} <- pools,
          {_, pid, _, _} <- DynamicSupervisor.which_children(pool),
          do: pid

    pid
  end

  defp await_hibernation(pid) do
    unless Process.info(pid, :current_function) == {:current_function, {:erlang, :hibernate, 3}},
      do: await_hibernation(pid)
  end

  defp await_waiting(pid),
    do: unless(Process.info(pid, :status) == {:status, :waiting}, do: await_waiting(pid))
end
