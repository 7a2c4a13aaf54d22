defmodule Guildhall.Http.HostileTest do
  # Alone, because it counts the VM's ports and listens to every log line.
  use ExUnit.Case, async: false

  import ExUnit.CaptureLog

  alias Guildhall.{Events, Http, HttpClient, HttpFlood, HttpServer}

  @opening "GET /ws HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

  @requests [
    "GET / HTTP/1.1\r\nhost: h\r\n\r\n",
    "GET /a/b%20c?x=1&y=%C3%A9 HTTP/1.1\r\nHost: localhost:4000\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
    "POST /x HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{\"a\":[1,2,3]}",
    "POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n",
    "PUT /x HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nabc",
    "GET http://h:80/x HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    @opening
  ]

  # Deterministic by ExUnit's seed.
  setup do
    :rand.seed(:exsss, ExUnit.configuration()[:seed])
    :ok
  end

  describe "fuzzed" do
    test "requests neither crash nor leak" do
      fuzz(fn -> mutate(Enum.join(Enum.take_random(@requests, 3))) end, 3_000)
    end

    test "frames neither crash nor leak" do
      fuzz(fn -> [@opening, mutate(Enum.join(Enum.take_random(frames(), 5)))] end, 3_000)
    end

    test "noise neither crashes nor leaks" do
      fuzz(fn -> :crypto.strong_rand_bytes(:rand.uniform(2_000)) end, 500)
      fuzz(fn -> [@opening, :crypto.strong_rand_bytes(:rand.uniform(2_000))] end, 500)
    end
  end

  defp frames do
    [
      HttpClient.frame(:text, "hello"),
      HttpClient.frame(:text, "κόσμε", fin: false),
      HttpClient.frame(:continuation, "end"),
      HttpClient.frame(:binary, :crypto.strong_rand_bytes(300)),
      HttpClient.frame(:ping, "ping"),
      HttpClient.frame(:pong, ""),
      HttpClient.frame(:close, HttpClient.close_payload(1000, "bye"))
    ]
  end

  # Every input on a connection of its own; whatever the server does with it, it ends.
  defp fuzz(input, count) do
    ports = length(Port.list())
    test = self()
    id = {__MODULE__, make_ref()}

    log =
      capture_log(fn ->
        {name, port} = HttpServer.start(:echo, body_limit: 10_000, header_limit: 4_000)

        Guildhall.Telemetry.attach(id, [[:guildhall, :http, :exception]], fn _, _, metadata ->
          if metadata.instance == name, do: send(test, {:exception, metadata})
        end)

        inputs = for _ <- 1..count, do: input.()

        inputs
        |> Task.async_stream(&attack(port, &1), max_concurrency: 8, timeout: 20_000)
        |> Enum.each(&assert &1 == {:ok, :ended})

        assert {%{status: 200}, client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
        HttpClient.close(client)
        await(fn -> Http.stats(name).connections == 0 end)
        assert %{receiving: 0, accepted: accepted} = Http.stats(name)
        assert accepted == count + 1
        :ok = stop_supervised({Http, name})
      end)

    Guildhall.Telemetry.detach(id)
    refute_received {:exception, _metadata}
    assert log == ""
    await(fn -> length(Port.list()) <= ports end)
  end

  defp attack(port, bytes) do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    :gen_tcp.send(socket, bytes)
    :gen_tcp.shutdown(socket, :write)
    read_to_end(socket)
  end

  defp read_to_end(socket) do
    case :gen_tcp.recv(socket, 0, 10_000) do
      {:ok, _data} -> read_to_end(socket)
      {:error, :timeout} -> :stuck
      {:error, _closed} -> :ended
    end
  end

  # One to four changes to a valid input.
  defp mutate(bytes) do
    Enum.reduce(1..:rand.uniform(4), bytes, fn _, bytes -> change(:rand.uniform(7), bytes) end)
  end

  defp change(_kind, ""), do: ""

  defp change(kind, bytes) do
    at = :rand.uniform(byte_size(bytes)) - 1
    size = min(:rand.uniform(20), byte_size(bytes) - at)
    <<before::binary-size(at), part::binary-size(size), rest::binary>> = bytes

    case kind do
      1 ->
        before <> rest

      2 ->
        before <> part <> part <> rest

      3 ->
        before <> :crypto.strong_rand_bytes(size) <> rest

      4 ->
        before <> :crypto.strong_rand_bytes(size) <> part <> rest

      5 ->
        before

      6 ->
        before <> String.upcase(part, :ascii) <> rest

      7 ->
        before <> Enum.random(["\r\n", "\n", "\r", "\0", ":", " ", "%", ",", "\r\n\r\n"]) <> rest
    end
  end

  # A condition that comes true by itself; asking is a call to the server, so this does not spin.
  defp await(condition), do: unless(condition.(), do: await(condition))

  describe "from another process" do
    @describetag timeout: 120_000

    setup do
      # A shell's usual limit of descriptors is 1,024; with more, thousands.
      {:ok, scale: min(div(max_files(), 5), 600)}
    end

    defp max_files do
      [_ | _] = info = :erlang.system_info(:check_io)
      info |> List.flatten() |> Keyword.get_values(:max_fds) |> Enum.max()
    end

    test "thousands of silent, half-open and slow clients are cut off, and a good one is served",
         %{scale: scale} do
      ports = length(Port.list())
      flood = HttpFlood.start()
      limits = [max_connections: 10 * scale, header_timeout: 3_000, body_timeout: 3_000]
      {name, port} = HttpServer.start(:echo, limits)
      counter = count_stops(name)
      good = HttpClient.connect(port)
      {%{status: 200}, good} = HttpClient.request(good, "GET", "/")

      kinds = [
        silent: 2 * scale,
        half_head: scale,
        half_body: scale,
        trickle: div(scale, 2),
        half_frame: div(scale, 2)
      ]

      total = 5 * scale
      # The good client goes on while they come, wait and are thrown out.
      opening = Task.async(fn -> HttpFlood.open(flood, port, kinds) end)
      good = serve_until(good, fn -> Task.yield(opening, 0) end, {:ok, total})
      good = serve_until(good, fn -> :counters.get(counter, 1) >= total - div(scale, 2) end, true)

      # All but those that had opened a WebSocket, whose time-outs are its owner's.
      await(fn -> Http.stats(name).connections == 1 + div(scale, 2) end)
      assert {%{status: 200}, _good} = HttpClient.request(good, "GET", "/")
      assert Http.stats(name).receiving == 0
      :peer.stop(flood)
      await(fn -> Http.stats(name).connections == 1 end)
      :ok = stop_supervised({Http, name})
      await(fn -> length(Port.list()) <= ports + 1 end)
    end

    defp count_stops(name) do
      counter = :counters.new(1, [])
      id = {__MODULE__, name}

      Guildhall.Telemetry.attach(id, [[:guildhall, :http, :connection, :stop]], fn _,
                                                                                   _,
                                                                                   metadata ->
        if metadata.instance == name, do: :counters.add(counter, 1, 1)
      end)

      on_exit(fn -> Guildhall.Telemetry.detach(id) end)
      counter
    end

    defp serve_until(client, condition, expected) do
      {%{status: 200, body: "good"}, client} = HttpClient.request(client, "POST", "/", [], "good")
      if condition.() == expected, do: client, else: serve_until(client, condition, expected)
    end

    test "more clients than there may be are refused, and those who were first are served", %{
      scale: scale
    } do
      Events.listen()
      flood = HttpFlood.start()
      {name, port} = HttpServer.start(:echo, max_connections: scale)
      {%{status: 200}, good} = HttpClient.request(HttpClient.connect(port), "GET", "/")
      HttpFlood.open(flood, port, silent: 2 * scale)
      await(fn -> Http.stats(name).refused > div(scale, 2) end)

      assert Http.stats(name).connections in (scale - System.schedulers_online())..(scale +
                                                                                      System.schedulers_online())

      assert_receive {:event, [:guildhall, :http, :refusal], _,
                      %{instance: ^name, reason: :max_connections}}

      assert {%{status: 200}, _good} = HttpClient.request(good, "GET", "/")

      # With them gone there is room again.
      :peer.stop(flood)
      await(fn -> Http.stats(name).connections == 1 end)
      assert {%{status: 200}, _client} = HttpClient.request(HttpClient.connect(port), "GET", "/")
    end
  end
end
