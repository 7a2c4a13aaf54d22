defmodule Guildhall.Api.PipelineTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.{Api, ApiNode, Events, Payload}

  setup_all do
    node = ApiNode.start()
    ada = person(node)
    {_guild, channel} = guild([ada])
    %{node: node, ada: ada, bot: bot(node), channel: "/channels/#{channel}"}
  end

  defp as(caller, authorization), do: %{caller | authorization: authorization}

  describe "who" do
    test "people send the bare token, bots theirs behind Bot", %{ada: ada, bot: bot} do
      "Bot " <> bots = bot.authorization
      assert {200, _user} = call(ada, :get, "/users/@me")
      assert {200, _user} = call(bot, :get, "/users/@me")

      for wrong <- ["", "Bot ", "nonsense", bots, "Bot " <> ada.authorization, "Bearer " <> bots] do
        assert {401, body} = call(as(ada, wrong), :get, "/users/@me")
        assert body == %{"message" => "401: Unauthorized", "code" => 0}
      end
    end
  end

  describe "where" do
    test "an unknown path is 404, an unknown method 405", %{ada: ada} do
      assert {404, %{"message" => "404: Not Found", "code" => 0}} =
               call(ada, :get, "/nothing/here")

      assert {404, _error} = call(ada, :get, "")

      # Whoever asks.
      assert {404, _error} = call(as(ada, ""), :get, "/nothing/here")

      response = request(ada, :post, "/users/@me")
      assert response.status == 405
      assert header(response, "allow") == "GET, PATCH"

      assert {:ok, %{"message" => "405: Method Not Allowed", "code" => 0}} =
               Payload.decode(response.body)
    end

    test "an id in a path is a snowflake", %{ada: ada} do
      for bad <- ["abc", "-1", "1.0", "99999999999999999999"] do
        assert {400, %{"code" => 50_035, "errors" => %{"channel_id" => %{"_errors" => [error]}}}} =
                 call(ada, :get, "/channels/#{bad}")

        assert error["code"] == "NUMBER_TYPE_COERCE"
      end
    end
  end

  describe "what" do
    test "a body is JSON, and an object", %{ada: ada, channel: channel} do
      messages = channel <> "/messages"
      json = [{"content-type", "application/json; charset=utf-8"}]

      assert {200, _message} = call(ada, :post, messages, ~s({"content": "a"}), json)
      assert {200, _message} = call(ada, :post, messages, ~s({"content": "a"}))

      for broken <- ["{", "nope", <<123, 34, 255, 34, 58, 49, 125>>] do
        assert {400, %{"code" => 50_109}} = call(ada, :post, messages, broken, json)
      end

      for other <- ["[]", "1", "null", ~s("a")] do
        assert {400, %{"code" => 50_035, "errors" => %{"_errors" => [%{"code" => code}]}}} =
                 call(ada, :post, messages, other, json)

        assert code == "DICT_TYPE_CONVERT"
      end
    end

    test "a content type that is not served is refused", %{ada: ada, channel: channel} do
      for {method, path} <- [{:post, channel <> "/messages"}, {:patch, "/users/@me"}] do
        headers = [{"content-type", "application/x-www-form-urlencoded"}]

        assert {400, %{"code" => 50_035, "errors" => %{"_errors" => [%{"code" => code}]}}} =
                 call(ada, method, path, "content=a", headers)

        assert code == "CONTENT_TYPE_INVALID"
      end
    end

    test "a body that is too large is refused", %{ada: ada, channel: channel} do
      large = ~s({"content": "#{String.duplicate("x", 1_100_000)}"})
      assert {413, %{"code" => 40_005}} = call(ada, :post, channel <> "/messages", large)
    end

    test "what nobody asked for is ignored", %{ada: ada, channel: channel} do
      assert {200, _message} =
               call(ada, :post, channel <> "/messages", %{content: "a", whatever: [1], tts: nil})

      assert {200, _channel} = call(ada, :get, channel <> "?whatever=1", "not json at all")
    end
  end

  describe "the answer" do
    test "has exactly the headers that clients compare", %{ada: ada, channel: channel} do
      for path <- ["/users/@me", "/nothing", "/channels/1"] do
        response = request(ada, :get, path)
        assert header(response, "content-type") == "application/json"
        assert header(response, "date")
        assert header(response, "x-ratelimit-limit") =~ ~r/^\d+$/
        assert header(response, "x-ratelimit-remaining") =~ ~r/^\d+$/
        assert header(response, "x-ratelimit-reset") =~ ~r/^\d+\.\d+$/
        assert header(response, "x-ratelimit-reset-after") =~ ~r/^\d+\.\d+$/
        assert header(response, "x-ratelimit-bucket") =~ ~r/^[0-9a-f]+$/
        assert header(response, "x-ratelimit-scope") == "user"
      end

      response = request(ada, :post, channel <> "/typing")
      assert %{status: 204, body: ""} = response
      assert header(response, "content-type") == nil
      assert header(response, "x-ratelimit-limit")
    end

    test "comes in the order of requests on one connection", %{ada: ada, node: node} do
      client = Guildhall.HttpClient.connect(node.port)
      headers = [{"authorization", ada.authorization}]

      for path <- ["/gateway", "/users/@me", "/nothing"] do
        Guildhall.HttpClient.send_request(client, "GET", "/api/v10" <> path, headers)
      end

      {statuses, client} =
        Enum.map_reduce(1..3, client, fn _n, client ->
          {response, client} = Guildhall.HttpClient.recv_response(client)
          {response.status, client}
        end)

      assert statuses == [200, 200, 404]
      Guildhall.HttpClient.close(client)
    end

    test "is told, by route and reason", %{ada: ada, node: %{instance: instance}} do
      Events.listen()
      {404, _error} = call(ada, :get, "/channels/77")

      assert_receive {:event, [:guildhall, :api, :request], %{duration: duration},
                      %{instance: ^instance, route: "/channels/{channel_id}", status: 404} =
                        metadata}

      assert duration > 0
      assert %{method: "GET", reason: :unknown_channel} = metadata

      {200, _user} = call(ada, :get, "/users/@me")

      assert_receive {:event, [:guildhall, :api, :request], _duration,
                      %{instance: ^instance, route: "/users/@me", status: 200, reason: nil}}
    end
  end

  test "every route is one of Discord's document, and is there once" do
    spec = "test/conformance/openapi.json" |> File.read!() |> Payload.decode() |> elem(1)

    for {method, path} <- Api.routes() do
      assert get_in(spec, ["paths", path, String.downcase(method)]), "#{method} #{path}"
    end

    # The document is cut down to what is served, so that what no check covers is seen.
    documented =
      for {path, methods} <- spec["paths"],
          {method, _} <- methods,
          do: {String.upcase(method), path}

    assert Enum.sort(documented) == Enum.sort(Api.routes())
  end

  test "rooms' reasons are all in the table of errors" do
    {:docs_v1, _, _, _, %{"en" => docs}, _, _} = Code.fetch_docs(Guildhall.Guild)
    [_before, reasons] = String.split(docs, "## Reasons")
    [reasons | _after] = String.split(reasons, "## Sessions")
    known = for {name, _status, _code, _message} <- Api.errors(), do: to_string(name)

    named = for [_all, name] <- Regex.scan(~r/`:(\w+)`/, reasons), do: name
    assert length(named) > 20
    assert named -- known == []
  end
end
