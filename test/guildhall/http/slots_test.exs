defmodule Guildhall.Http.SlotsTest do
  use ExUnit.Case, async: true

  # Slots and bytes of connections and bodies are given back, however they end.

  alias Guildhall.{Events, Http, HttpClient, HttpServer, Tls}
  alias Guildhall.Http.{Address, Response}

  doctest Address

  defp head(client, length) do
    HttpClient.send_raw(client, "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: #{length}\r\n\r\n")
  end

  defp await(condition, tries \\ 5_000_000)
  defp await(_condition, 0), do: flunk("it did not come true")
  defp await(condition, tries), do: unless(condition.(), do: await(condition, tries - 1))

  defp kill_connections(name) do
    for {_, pool, _, _} <- PartitionSupervisor.which_children(Module.concat(name, Connections)),
        {_, pid, _, _} <- DynamicSupervisor.which_children(pool),
        do: Process.exit(pid, :kill)
  end

  @tag :capture_log
  test "the slot and the body of a connection that is killed are given back" do
    {name, port} = HttpServer.start(:echo, connections_per_address: 2)
    for _n <- 1..2, do: port |> HttpClient.connect() |> head(1_000) |> HttpClient.send_raw("part")
    await(fn -> match?(%{connections: 2, receiving: 8}, Http.stats(name)) end)
    kill_connections(name)
    await(fn -> match?(%{connections: 0, receiving: 0}, Http.stats(name)) end)

    for _n <- 1..2 do
      {%{status: 200}, _client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
    end

    assert Http.stats(name).connections == 2
  end

  test "a body has a deadline, however fast it comes" do
    {_name, port} = HttpServer.start(:echo, body_deadline: 100, body_rate: 1)
    client = port |> HttpClient.connect() |> head(1_000_000)
    trickle = Task.async(fn -> trickle(client, 1_000) end)
    assert {%{status: 408}, client} = HttpClient.recv_response(client)
    HttpClient.close(client)
    Task.await(trickle)
  end

  defp trickle(_client, 0), do: :ok

  defp trickle(client, times) do
    with :ok <- :gen_tcp.send(client.socket, "xxxxxxxxxx") do
      receive do
      after
        2 -> trickle(client, times - 1)
      end
    end
  end

  test "chunks that are mostly overhead are cut off" do
    {_name, port} = HttpServer.start(:echo, body_limit: 1_000)
    client = HttpClient.connect(port)
    head = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = "1;#{String.duplicate("x", 200)}\r\na\r\n"
    client = HttpClient.send_raw(client, head)
    spawn(fn -> for _n <- 1..900, do: :gen_tcp.send(client.socket, chunk) end)
    assert {%{status: 413}, _client} = HttpClient.recv_response(client)
  end

  test "an answer has a deadline, however slowly it is read" do
    Events.listen()
    body = :binary.copy("x", 20_000_000)

    {name, port} =
      HttpServer.start(fn _ -> %Response{status: 200, body: body} end,
        send_deadline: 100,
        send_buffer: 8_192
      )

    client = HttpClient.connect(port, recbuf: 8_192)
    HttpClient.send_request(client, "GET", "/")
    reader = Task.async(fn -> read_slowly(client.socket) end)

    assert_receive {:event, [:guildhall, :http, :connection, :stop], _,
                    %{instance: ^name, reason: :closed}},
                   5_000

    assert Task.await(reader) == :cut
  end

  defp read_slowly(socket) do
    case :gen_tcp.recv(socket, 4_096, 5_000) do
      {:ok, _data} ->
        receive do
        after
          2 -> read_slowly(socket)
        end

      {:error, _reason} ->
        :cut
    end
  end

  test "a client that does not finish its TLS handshake has to make room for others" do
    {server, client} = Tls.options()
    {name, port} = HttpServer.start(:echo, tls: server, max_connections: 2)
    silent = for _n <- 1..2, do: HttpClient.connect(port)
    await(fn -> Http.stats(name).connections == 2 end)
    client = HttpClient.connect(port, tls: client)
    assert {%{status: 200}, _client} = HttpClient.request(client, "GET", "/")
    assert Enum.any?(silent, &(:gen_tcp.recv(&1.socket, 0, 0) != {:error, :timeout}))
  end

  test "empty lines do not keep a connection open" do
    {_name, port} = HttpServer.start(:echo, idle_timeout: 200)
    {%{status: 200}, client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
    began = System.monotonic_time(:millisecond)
    sender = spawn_link(fn -> empty_lines(client.socket) end)
    assert HttpClient.closed?(client)
    Process.unlink(sender)
    assert System.monotonic_time(:millisecond) - began < 4_000
  end

  defp empty_lines(socket) do
    with :ok <- :gen_tcp.send(socket, "\r\n") do
      receive do
      after
        20 -> empty_lines(socket)
      end
    end
  end

  test "an acceptor does not wait for an address that another acceptor waits for" do
    {name, port} = HttpServer.start(:echo, connections_per_address: 1)
    locks = Http.Settings.fetch!(name).slots.locks
    first = idle(port)

    hold(locks, self())
    assert {%{status: 503}, _client} = HttpClient.recv_response(HttpClient.connect(port))

    # An acceptor that was killed does not wait any more.
    {dead, monitor} = spawn_monitor(fn -> :ok end)
    assert_receive {:DOWN, ^monitor, :process, ^dead, _reason}
    hold(locks, dead)
    idle(port)
    assert HttpClient.closed?(first)
  end

  defp hold(locks, pid) do
    for n <- 0..3, do: :ets.insert(locks, {{:evicting, n}, pid})
  end

  defp idle(port) do
    {%{status: 200}, client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
    client
  end

  test "an account's connections count for the account alone" do
    handler = fn
      %{headers: headers} ->
        account = List.keyfind(headers, "x-account", 0)
        {:read, 0, account && elem(account, 1), fn _ -> %Response{status: 200} end}
    end

    {name, port} = HttpServer.start(handler, connections_per_address: 2)

    as = fn account ->
      {%{status: 200}, client} =
        HttpClient.request(HttpClient.connect(port), "GET", "/", [{"x-account", account}])

      client
    end

    clients = for account <- ~w(a a b b c c), do: as.(account)
    assert Http.stats(name).connections == 6
    # The third of an account closes the oldest of that account.
    as.("a")
    assert HttpClient.closed?(hd(clients))
    await(fn -> Http.stats(name).connections == 6 end)
  end

  test "networks are read, and what is none is refused" do
    for text <- [
          "",
          "a",
          "1.2.3",
          "1.2.3.4/33",
          "1.2.3.4/-1",
          "1.2.3.4/a",
          "::/129",
          "1.2.3.4/1/2"
        ],
        do: assert(Address.network(text) == :error)

    {:ok, six} = Address.network("fd00::/8")
    assert Address.in?({0xFD12, 0, 0, 0, 0, 0, 0, 1}, [six])
    refute Address.in?({0xFE80, 0, 0, 0, 0, 0, 0, 1}, [six])
    refute Address.in?({10, 0, 0, 1}, [six])
    {:ok, all} = Address.network("0.0.0.0/0")
    assert Address.in?({0, 0, 0, 0, 0, 0xFFFF, 0x0102, 0x0304}, [all])

    assert_raise ArgumentError, ~r/is no address/, fn ->
      Http.start_link(name: __MODULE__, handler: {HttpServer, :echo}, trusted_proxies: ["x"])
    end
  end

  test "the last address that is not a proxy's is the client" do
    {:ok, ten} = Address.network("10.0.0.0/8")
    proxy = {10, 0, 0, 1}
    client = fn values -> Address.forwarded(values, proxy, [ten]) end

    assert client.([]) == proxy
    assert client.(["192.0.2.1"]) == {192, 0, 2, 1}
    assert client.(["192.0.2.9, 192.0.2.1, 10.0.0.7"]) == {192, 0, 2, 1}
    assert client.(["192.0.2.9", "192.0.2.1:80"]) == {192, 0, 2, 1}
    assert client.(["[2001:db8::1]:80"]) == {0x2001, 0xDB8, 0, 0, 0, 0, 0, 1}
    assert client.(["192.0.2.9, nonsense, 10.0.0.7"]) == {10, 0, 0, 7}
    assert client.(["\xFF"]) == proxy
  end
end
