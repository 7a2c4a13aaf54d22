defmodule Guildhall.HttpTest do
  use ExUnit.Case, async: true

  alias Guildhall.{Events, Http, HttpClient, HttpServer}
  alias Guildhall.Http.Response

  # A handler that waits until it is told.
  defp gate(test) do
    fn _request ->
      send(test, {:handling, self()})

      receive do
        :go -> %Response{status: 200, body: "done"}
      end
    end
  end

  defp get(port), do: port |> HttpClient.connect() |> HttpClient.send_request("GET", "/")

  test "a port in use is a plain error, and the caller lives on" do
    {_name, port} = HttpServer.start(:echo)
    options = [name: __MODULE__.InUse, port: port, handler: {HttpServer, :echo}]

    refute ExUnit.CaptureLog.capture_log(fn ->
             assert Http.start_link(options) == {:error, :eaddrinuse}
           end) =~ "eaddrinuse"
  end

  test "a name in use is an error, and leaves no socket behind" do
    {name, _port} = HttpServer.start(:echo)
    ports = listening()

    assert {:error, {:already_started, _pid}} =
             Http.start_link(name: name, handler: {HttpServer, :echo})

    assert listening() -- ports == []
  end

  defp listening do
    for port <- Port.list(),
        {:connected, pid} <- [Port.info(port, :connected)],
        pid == self(),
        do: port
  end

  test "the options are checked" do
    assert_raise Guildhall.Options.ValidationError, ~r/:body_limit/, fn ->
      Http.start_link(name: __MODULE__, handler: {HttpServer, :echo}, body_limit: 0)
    end
  end

  test "a stopped server can be started again on its port" do
    {name, port} = HttpServer.start(:echo)
    {%{status: 200}, _client} = port |> HttpClient.connect() |> HttpClient.request("GET", "/")
    :ok = stop_supervised({Http, name})
    {_name, ^port} = HttpServer.start(:echo, port: port)
    {%{status: 200}, _client} = port |> HttpClient.connect() |> HttpClient.request("GET", "/")
  end

  test "counts connections, requests and refusals" do
    {name, port} = HttpServer.start(gate(self()))
    client = get(port)
    assert_receive {:handling, pid}

    assert %{connections: 1, accepted: 1, requests: 1, refused: 0, receiving: 0} =
             Http.stats(name)

    send(pid, :go)
    {%{status: 200}, _client} = HttpClient.recv_response(client)

    bad = port |> HttpClient.connect() |> HttpClient.send_raw("?\r\n\r\n")
    {%{status: 400}, _client} = HttpClient.recv_response(bad)
    assert %{accepted: 2, refused: 1} = Http.stats(name)
  end

  test "beyond :max_connections, answers 503 and closes" do
    Events.listen()
    {name, port} = HttpServer.start(gate(self()), max_connections: 2)
    clients = for _ <- 1..2, do: get(port)
    pids = for _ <- 1..2, do: assert_receive({:handling, _pid}) |> elem(1)

    third = get(port)
    assert {%{status: 503}, third} = HttpClient.recv_response(third)
    assert HttpClient.closed?(third)

    assert_receive {:event, [:guildhall, :http, :refusal], _,
                    %{instance: ^name, reason: :max_connections}}

    Enum.each(pids, &send(&1, :go))
    for client <- clients, do: assert({%{status: 200}, _} = HttpClient.recv_response(client))
  end

  test "a partition that is full leaves the rest of the room to others" do
    partitions = System.schedulers_online()
    {name, port} = HttpServer.start(:echo, max_connections: 2 * partitions, acceptors: 1)
    clients = for _ <- 1..(2 * partitions), do: get(port)
    for client <- clients, do: {%{status: 200}, _client} = HttpClient.recv_response(client)
    # The next would go where the first is; there is room where the second was.
    HttpClient.close(Enum.at(clients, 1))
    await_connections(name, 2 * partitions - 1)
    assert {%{status: 200}, _client} = HttpClient.recv_response(get(port))
  end

  test "or leaves them in the queue, with overload: :wait" do
    {_name, port} = HttpServer.start(gate(self()), max_connections: 1, overload: :wait)
    first = get(port)
    assert_receive {:handling, pid}
    second = get(port)
    refute_received {:handling, _pid}

    send(pid, :go)
    {%{status: 200}, first} = HttpClient.recv_response(first)
    HttpClient.close(first)
    assert_receive {:handling, pid}
    send(pid, :go)
    assert {%{status: 200}, _client} = HttpClient.recv_response(second)
  end

  test "a stop lets requests finish, and closes the idle" do
    {name, port} = HttpServer.start(gate(self()))
    busy = get(port)
    assert_receive {:handling, pid}
    idle = HttpClient.connect(port)
    await_connections(name, 2)

    stop = Task.async(fn -> Supervisor.stop(name, :shutdown) end)
    assert HttpClient.closed?(idle)
    assert {:error, :econnrefused} = :gen_tcp.connect({127, 0, 0, 1}, port, [])
    send(pid, :go)
    assert {%{status: 200, body: "done", headers: headers}, busy} = HttpClient.recv_response(busy)
    assert {"connection", "close"} in headers
    assert HttpClient.closed?(busy)
    HttpClient.close(busy)
    assert Task.await(stop) == :ok
  end

  test "a stop does not wait for ever" do
    {name, port} = HttpServer.start(gate(self()), drain_timeout: 50)
    client = get(port)
    assert_receive {:handling, pid}
    monitor = Process.monitor(pid)
    assert stop_supervised({Http, name}) == :ok
    assert_receive {:DOWN, ^monitor, :process, ^pid, :killed}
    assert HttpClient.closed?(client)
  end

  test "a stop tells WebSockets to close with 1001" do
    {name, port} = HttpServer.start(:echo)
    ws = HttpClient.websocket(port, "/ws")
    stop = Task.async(fn -> Supervisor.stop(name, :shutdown) end)
    assert {{:close, 1001, "going_away"}, ws} = HttpClient.recv_frame(ws)
    HttpClient.send_frame(ws, :close, HttpClient.close_payload(1001))
    assert HttpClient.closed?(ws)
    assert Task.await(stop) == :ok
  end

  test "an acceptor that dies is replaced" do
    {name, port} = HttpServer.start(:echo, acceptors: 1)

    {_id, supervisor, _type, _modules} =
      List.keyfind(Supervisor.which_children(name), Acceptors, 0)

    [{_id, acceptor, _, _}] = Supervisor.which_children(supervisor)
    monitor = Process.monitor(acceptor)
    Process.exit(acceptor, :kill)
    assert_receive {:DOWN, ^monitor, :process, ^acceptor, :killed}

    assert {%{status: 200}, _client} =
             port |> HttpClient.connect() |> HttpClient.request("GET", "/")
  end

  test "a listening socket that closes is opened again" do
    Events.listen()
    {name, port} = HttpServer.start(:echo)

    [socket] =
      for port <- Port.list(),
          Port.info(port, :connected) == {:connected, Process.whereis(name)},
          do: port

    monitor = Process.monitor(name)

    assert ExUnit.CaptureLog.capture_log(fn ->
             Port.close(socket)
             assert_receive {:DOWN, ^monitor, :process, _, :shutdown}, 5_000
           end) =~ "socket_closed"

    assert port
  end

  test "tells of connections and requests" do
    Events.listen()
    {name, port} = HttpServer.start(:echo)
    client = HttpClient.connect(port)
    assert_receive {:event, [:guildhall, :http, :connection, :start], _, %{instance: ^name}}
    {_response, client} = HttpClient.request(client, "GET", "/x")

    assert_receive {:event, [:guildhall, :http, :request], %{duration: duration},
                    %{instance: ^name} = metadata}

    assert duration > 0
    assert %{method: "GET", path: "/x", status: 200} = metadata
    HttpClient.close(client)

    assert_receive {:event, [:guildhall, :http, :connection, :stop], %{requests: 1},
                    %{instance: ^name, reason: :closed}}
  end

  # Asks until the acceptor has handed them over; each answer comes from the server's process.
  defp await_connections(name, count) do
    unless Http.stats(name).connections == count, do: await_connections(name, count)
  end
end
