defmodule Guildhall.Endpoint.PagesTest do
  use ExUnit.Case, async: true

  # Pages that anybody may request cost a bounded amount, regardless of the number of requests.

  alias Guildhall.{Events, FullNode, HttpClient, Instance, Store}
  alias Guildhall.Pages.Cache

  @moduletag :tmp_dir

  defp get(client, path, headers \\ []), do: HttpClient.request(client, "GET", path, headers)

  defp ask(port, path, times) do
    1..8
    |> Enum.map(fn _n -> Task.async(fn -> ask(HttpClient.connect(port), path, times, []) end) end)
    |> Task.await_many(30_000)
    |> Enum.concat()
  end

  defp ask(_client, _path, 0, statuses), do: statuses

  defp ask(client, path, times, statuses) do
    {%{status: status}, client} = get(client, path)
    ask(client, path, times - 1, [status | statuses])
  end

  test "/health writes once a second for all who ask", %{tmp_dir: folder} do
    node = FullNode.start(folder)
    Events.listen()
    began = System.monotonic_time(:millisecond)
    assert node.port |> ask("/health", 100) |> Enum.uniq() == [200]
    seconds = div(System.monotonic_time(:millisecond) - began, 1_000) + 1

    assert commits(node.instance) in 1..seconds
  end

  # Nothing but /health writes in this node.
  defp commits(instance, count \\ 0) do
    receive do
      {:event, [:guildhall, :store, :commit], %{ops: 1}, %{instance: ^instance}} ->
        commits(instance, count + 1)

      {:event, _event, _measurements, _metadata} ->
        commits(instance, count)
    after
      100 -> count
    end
  end

  test "/health and /metrics do not wait for ever", %{tmp_dir: folder} do
    node = FullNode.start(folder)
    cache = Instance.child(node.instance, :pages)
    :sys.suspend(cache)
    waiting = HttpClient.send_request(HttpClient.connect(node.port), "GET", "/metrics")
    client = HttpClient.connect(node.port)
    assert {%{status: 503}, client} = get(client, "/health")
    assert {%{status: 503}, _client} = HttpClient.recv_response(waiting)
    assert {%{status: 200}, client} = get(client, "/api/gateway")
    :sys.resume(cache)
    assert {%{status: 200}, _client} = get(client, "/health")
  end

  test "a page that is being made is made once, and has an end", %{tmp_dir: folder} do
    node = FullNode.start(folder)
    test = self()

    make = fn ->
      send(test, {:making, self()})
      receive do: (:go -> :page)
    end

    fetch = fn -> Cache.fetch(node.instance, :slow, {1, 1_000}, make) end
    tasks = for _n <- 1..5, do: Task.async(fetch)
    assert_receive {:making, pid}
    refute_receive {:making, _pid}, 50
    send(pid, :go)
    assert Task.await_many(tasks) |> Enum.uniq() == [{:ok, :page}]
    assert fetch.() == {:ok, :page}
    refute_received {:making, _pid}

    # One that crashes is an answer too.
    crash = fn -> exit(:oh) end
    assert Cache.fetch(node.instance, :crash, {1, 1_000}, crash) == {:error, :unavailable}
  end

  test "/metrics and / are rendered 20 times a second at most", %{tmp_dir: folder} do
    node = FullNode.start(folder)
    for path <- ["/metrics", "/"], do: assert(Enum.uniq(ask(node.port, path, 50)) == [200])
  end

  test "/ and /metrics may be the operator's alone", %{tmp_dir: folder} do
    node = FullNode.start(folder, pages: :operator)
    secret = Base.url_encode64(Store.secret(node.instance, "operator"), padding: false)
    client = HttpClient.connect(node.port)

    client =
      for path <- ["/", "/metrics"], reduce: client do
        client ->
          assert {%{status: 401}, client} = get(client, path)
          assert {%{status: 401}, client} = get(client, path, [{"authorization", "Bearer x"}])
          right = [{"authorization", "Bearer " <> secret}]
          assert {%{status: 200}, client} = get(client, path, right)
          client
      end

    assert {%{status: 200}, _client} = get(client, "/health")
  end
end
