defmodule Guildhall.Api.BootTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.ApiNode

  setup_all do
    node = ApiNode.start()
    %{node: node, ada: person(node), bot: bot(node)}
  end

  test "anyone may ask where the gateway is", %{node: node} do
    anyone = %{node: node, authorization: ""}
    url = "ws://127.0.0.1:#{node.port}"
    assert {200, %{"url" => ^url}} = call(anyone, :get, "/gateway")
  end

  test "a bot learns how often it may start", %{bot: bot, ada: ada} do
    assert {200, %{"url" => "ws://" <> _, "shards" => 1, "session_start_limit" => limit}} =
             call(bot, :get, "/gateway/bot")

    assert %{"total" => _, "remaining" => _, "reset_after" => _, "max_concurrency" => _} = limit
    assert {403, %{"code" => 20_002}} = call(ada, :get, "/gateway/bot")
  end

  test "a bot sees its application", %{bot: bot, ada: ada} do
    id = bot.id

    for path <- ["/applications/@me", "/oauth2/applications/@me"] do
      assert {200, %{"id" => ^id, "bot" => %{"id" => ^id}, "flags" => flags, "owner" => _}} =
               call(bot, :get, path)

      assert flags > 0
      assert {403, %{"code" => 20_002}} = call(ada, :get, path)
    end
  end

  test "what there is none of is an empty list", %{bot: bot} do
    assert {200, []} = call(bot, :get, "/soundboard-default-sounds")
    assert {200, []} = call(bot, :get, "/voice/regions")
  end

  test "every version's path is served, others are refused", %{ada: ada} do
    for prefix <- ["/api", "/api/v9", "/api/v10"] do
      assert {200, _user} = versioned(ada, prefix)
    end

    assert {400, %{"code" => 50_041}} = versioned(ada, "/api/v3")
  end

  defp versioned(caller, prefix) do
    alias Guildhall.{HttpClient, Payload}
    client = HttpClient.connect(caller.node.port)
    headers = [{"authorization", caller.authorization}]
    {response, client} = HttpClient.request(client, "GET", prefix <> "/users/@me", headers)
    HttpClient.close(client)
    {:ok, body} = Payload.decode(response.body)
    {response.status, body}
  end
end
