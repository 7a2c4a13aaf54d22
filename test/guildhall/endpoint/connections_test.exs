defmodule Guildhall.Endpoint.ConnectionsTest do
  use ExUnit.Case, async: true

  # How many connections an address may have, and which are closed when a node has no more.

  alias Guildhall.{FullNode, GatewayClient, Http, HttpClient, Instance}

  @moduletag :tmp_dir

  defp start(%{tmp_dir: folder}, options), do: FullNode.start(folder, options)

  defp connect(node, address), do: HttpClient.connect(node.port, ip: address)

  # A keep-alive connection that has asked once.
  defp idle(node, address) do
    {%{status: 200}, client} =
      node |> connect(address) |> HttpClient.request("GET", "/api/v10/gateway")

    client
  end

  defp connections(node), do: Http.stats(Instance.child(node.instance, :endpoint)).connections

  defp open?(client), do: :gen_tcp.recv(client.socket, 0, 0) == {:error, :timeout}

  defp served?(client) do
    match?({%{status: 200}, _client}, HttpClient.request(client, "GET", "/api/v10/gateway"))
  end

  test "one address has 256 connections, and the oldest idle one makes room for another",
       context do
    node = start(context, [])
    clients = for _n <- 1..256, do: connect(node, {127, 0, 0, 2})
    await(fn -> connections(node) == 256 end)
    assert served?(connect(node, {127, 0, 0, 3}))

    # They are idle once they have asked.
    [first | others] = Enum.map(clients, &ask/1)
    ask(connect(node, {127, 0, 0, 2}))
    refute open?(first)
    assert Enum.all?(others, &open?/1)
    assert connections(node) <= 257
  end

  # Its answer may be a 429.
  defp ask(client) do
    {%{status: _status}, client} = HttpClient.request(client, "GET", "/api/v10/gateway")
    client
  end

  test "when connections run out, idle ones without an account are closed first", context do
    node = start(context, max_connections: 40, connections_per_address: 10)
    ada = FullNode.person(node)
    headers = [{"authorization", ada.authorization}]

    {%{status: 200}, known} =
      node |> connect({127, 0, 9, 9}) |> HttpClient.request("GET", "/api/v10/users/@me", headers)

    for address <- 1..4, _n <- 1..10, do: idle(node, {127, 0, 4, address})

    for n <- 1..20 do
      assert node |> connect({127, 0, 5, n}) |> served?()
    end

    assert connections(node) <= 40
    assert {%{status: 200}, _} = HttpClient.request(known, "GET", "/api/v10/users/@me", headers)
  end

  test "silent connections and sockets without a session are closed for others too", context do
    node = start(context, max_connections: 40, connections_per_address: 20)
    for _n <- 1..20, do: connect(node, {127, 0, 4, 1})
    at = fn address -> %{node | port: node.port} |> Map.put(:ip, address) end
    for n <- 1..20, do: dial(at.({127, 0, 6, n}))

    for n <- 1..20, do: assert(node |> connect({127, 0, 5, n}) |> served?())
    assert connections(node) <= 40
  end

  defp dial(node), do: GatewayClient.dial(node, "?v=10&encoding=json", ip: node.ip)

  test "sockets without a session count for their address, those with one do not", context do
    node = start(context, connections_per_address: 3, max_connections: 5)

    sessions =
      for n <- 1..8 do
        FullNode.session(FullNode.bot(node, "bot#{n}"), 0)
      end

    await(fn -> connections(node) == 0 end)
    assert length(sessions) == 8
    for _n <- 1..3, do: dial(Map.put(node, :ip, {127, 0, 0, 2}))
    await(fn -> connections(node) == 3 end)
    fourth = dial(Map.put(node, :ip, {127, 0, 0, 2}))
    assert connections(node) <= 3
    assert %GatewayClient{} = fourth
  end

  test "--no-rate-limits lifts the limit per address", context do
    node = start(context, rate_limits: false, connections_per_address: 3)
    clients = for _n <- 1..30, do: idle(node, {127, 0, 0, 2})
    assert Enum.all?(clients, &open?/1)
  end

  test "behind a trusted proxy the client is who X-Forwarded-For names", context do
    node = start(context, trusted_proxies: ["127.0.0.8"], connections_per_address: 2)

    # The proxy itself may have more connections.
    clients = for _n <- 1..10, do: idle(node, {127, 0, 0, 8})
    assert Enum.all?(clients, &open?/1)

    # 100 wrong tokens of one client are that client's alone.
    wrong = fn client, from ->
      headers = [{"authorization", "wrong"}, {"x-forwarded-for", from}]
      {%{status: status}, client} = HttpClient.request(client, "GET", "/api/users/@me", headers)
      {status, client}
    end

    {statuses, client} =
      Enum.map_reduce(1..101, hd(clients), fn _n, client ->
        wrong.(client, "203.0.113.9, 198.51.100.1")
      end)

    assert List.last(statuses) == 429
    assert {401, client} = wrong.(client, "198.51.100.1, 198.51.100.2")
    # A client that is no proxy cannot choose an address.
    direct = connect(node, {127, 0, 0, 2})

    {_statuses, direct} =
      Enum.map_reduce(1..100, direct, fn n, client -> wrong.(client, "192.0.2.#{n}") end)

    assert {429, _direct} = wrong.(direct, "192.0.2.200")
    assert {429, _client} = wrong.(client, "198.51.100.1")
  end

  test "there are descriptors left when all connections are in use", context do
    node = start(context, max_connections: 1_000_000_000)
    info = List.flatten(:erlang.system_info(:check_io))
    descriptors = info |> Keyword.get_values(:max_fds) |> Enum.max()
    most = Http.stats(Instance.child(node.instance, :endpoint)).max_connections
    assert most == div(descriptors * 3, 4)
  end

  test "a /64 is one address", context do
    node = start(context, trusted_proxies: ["127.0.0.8"])
    client = connect(node, {127, 0, 0, 8})

    ask = fn client, from ->
      headers = [{"authorization", "wrong"}, {"x-forwarded-for", from}]
      {%{status: status}, client} = HttpClient.request(client, "GET", "/api/users/@me", headers)
      {status, client}
    end

    {statuses, client} =
      Enum.map_reduce(1..120, client, fn n, client -> ask.(client, "2001:db8:1:2::#{n}") end)

    assert Enum.frequencies(statuses) == %{401 => 100, 429 => 20}
    assert {401, client} = ask.(client, "2001:db8:1:3::1")
    # The same address, written differently.
    assert {429, client} = ask.(client, "2001:0DB8:0001:0002:0:0:0:1")
    for _n <- 1..100, do: ask.(client, "192.0.2.1")
    assert {429, _client} = ask.(client, "::ffff:192.0.2.1")
  end

  # A condition that comes true by itself; asking is a call of the server's counters.
  defp await(condition, tries \\ 1_000_000)
  defp await(_condition, 0), do: flunk("it did not come true")
  defp await(condition, tries), do: unless(condition.(), do: await(condition, tries - 1))
end
