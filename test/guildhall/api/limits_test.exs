defmodule Guildhall.Api.LimitsTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.{Api, ApiNode, Events, HttpClient, Instance, Payload}

  setup do
    node = ApiNode.start(rate_limits: true)
    ada = person(node)
    {_guild, channel} = guild([ada])
    %{node: node, ada: ada, messages: "/channels/#{channel}/messages"}
  end

  # Many requests of one caller on one connection, sent before the first is answered.
  defp burst(caller, count, method, path, body \\ "") do
    client = HttpClient.connect(caller.node.port)
    headers = [{"authorization", caller.authorization}, {"content-type", "application/json"}]

    for _n <- 1..count do
      HttpClient.send_request(client, method, "/api/v10" <> path, headers, body)
    end

    {responses, client} =
      Enum.map_reduce(1..count, client, fn _n, client -> HttpClient.recv_response(client) end)

    HttpClient.close(client)
    responses
  end

  defp statuses(responses), do: Enum.frequencies_by(responses, & &1.status)

  test "five messages in two seconds, in a channel", %{ada: ada, messages: messages} do
    responses = burst(ada, 7, "POST", messages, ~s({"content": "a"}))
    assert statuses(responses) == %{200 => 5, 429 => 2}

    assert for(response <- responses, do: header(response, "x-ratelimit-remaining")) ==
             ~w(4 3 2 1 0 0 0)

    limited = List.last(responses)
    {:ok, body} = Payload.decode(limited.body)
    assert %{"message" => <<_::binary>>, "retry_after" => wait, "global" => false} = body
    assert is_float(wait) and wait > 0 and wait <= 2
    assert header(limited, "retry-after") in ["1", "2"]
    assert header(limited, "x-ratelimit-limit") == "5"
    assert header(limited, "x-ratelimit-scope") == "user"
    assert header(limited, "x-ratelimit-global") == nil
    assert header(limited, "via") == "1.1 guildhall"
    assert header(limited, "content-type") == "application/json"

    reset = limited |> header("x-ratelimit-reset") |> String.to_float()
    assert_in_delta reset, System.system_time(:millisecond) / 1_000 + wait, 2
  end

  test "each channel has its own, under the same bucket", %{ada: ada, messages: messages} do
    {_guild, other} = guild([ada])
    body = ~s({"content": "a"})
    assert %{429 => 1} = ada |> burst(6, "POST", messages, body) |> statuses()
    assert [response] = burst(ada, 1, "POST", "/channels/#{other}/messages", body)
    assert response.status == 200

    [same] = burst(ada, 1, "POST", messages, body)
    assert header(same, "x-ratelimit-bucket") == header(response, "x-ratelimit-bucket")
  end

  test "fifty requests a second over all", %{ada: ada} do
    Events.listen()
    %{node: %{instance: instance}} = ada
    responses = burst(ada, 60, "GET", "/users/@me")
    limited = Enum.filter(responses, &(&1.status == 429))

    # The route's own limit is as high, but the global one is asked first.
    assert %{200 => 50, 429 => 10} = statuses(responses)
    assert {:ok, %{"global" => true, "retry_after" => wait}} = Payload.decode(hd(limited).body)
    assert is_float(wait) and wait <= 1
    assert header(hd(limited), "x-ratelimit-global") == "true"
    assert header(hd(limited), "x-ratelimit-scope") == "global"
    assert header(hd(limited), "retry-after") == "1"
    assert header(hd(limited), "via")

    assert_receive {:event, [:guildhall, :api, :limited], %{retry_after: _},
                    %{instance: ^instance, scope: :global}}

    # Others are not touched by it.
    assert {200, _user} = call(person(ada.node, "bob"), :get, "/users/@me")
  end

  test "wrong tokens are soon not looked at, right ones still are", %{ada: ada} do
    wrong = %{ada | authorization: "wrong"}
    assert %{401 => 100, 429 => 20} = wrong |> burst(120, "GET", "/users/@me") |> statuses()
    assert {200, _user} = call(ada, :get, "/users/@me")
  end

  test "the operator is not limited, who only says so is", %{node: node} do
    operator = operator(node)
    client = HttpClient.connect(node.port)
    headers = [{"authorization", operator.authorization}]

    for _n <- 1..150, reduce: client do
      client ->
        {response, client} = HttpClient.request(client, "GET", "/admin/users/1", headers)
        assert response.status == 404
        assert header(response, "x-ratelimit-limit") == nil
        client
    end
  end

  test "a full table refuses nobody", %{ada: ada, node: %{instance: instance}} do
    table = Instance.fetch!(instance, :api_limiter)
    rows = for n <- 1..200_000, do: {{:row, n}, 1, System.monotonic_time(:millisecond) + 60_000}
    :ets.insert(table, rows)

    assert {200, _user} = call(ada, :get, "/users/@me")
    assert :ets.info(table, :size) < 200_000
  end

  test "windows that are over are forgotten", %{node: %{instance: instance}} do
    Events.listen()
    table = Instance.fetch!(instance, :api_limiter)
    :ets.insert(table, {{:over}, 1, System.monotonic_time(:millisecond) - 1})

    assert_receive {:event, [:guildhall, :api, :sweep], %{swept: 1, rows: _},
                    %{instance: ^instance}},
                   3_000

    refute :ets.member(table, {:over})
  end

  test "the limits can be turned off, the headers stay", %{ada: ada, messages: messages} do
    Instance.put(ada.node.instance, :rate_limits, false)
    responses = burst(ada, 70, "POST", messages, ~s({"content": "a"}))
    assert statuses(responses) == %{200 => 70}
    assert header(List.last(responses), "x-ratelimit-limit") == "5"
    assert header(List.last(responses), "x-ratelimit-remaining") == "5"
    assert header(List.last(responses), "x-ratelimit-reset-after") == "2.000"
  end

  test "if what counts requests dies, windows begin anew", %{ada: ada, messages: messages} do
    body = ~s({"content": "a"})
    assert %{200 => 5, 429 => 1} = ada |> burst(6, "POST", messages, body) |> statuses()
    :ok = stop_supervised(Api)
    start_supervised!({Api, instance: ada.node.instance}, id: Api)
    assert %{200 => 1} = ada |> burst(1, "POST", messages, body) |> statuses()
  end
end
