defmodule Guildhall.Endpoint.CanonicalTest do
  use ExUnit.Case, async: true

  # Ids, names, headers and tokens have one form before anything is decided by them.

  alias Guildhall.{FullNode, GatewayClient, HttpClient, Instance, User}

  @moduletag :tmp_dir

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    ada = FullNode.person(node, "ada")
    {_guild_id, channel_id} = FullNode.guild(node, ada)
    %{node: node, ada: ada, channel: channel_id}
  end

  defp ask(caller, method, path, body \\ "", headers \\ []) do
    headers = [{"authorization", caller.authorization} | headers]
    client = HttpClient.connect(caller.node.port)
    {response, client} = HttpClient.request(client, method, path, headers, body)
    HttpClient.close(client)
    response
  end

  test "an id has one bucket, however it is written", %{ada: ada, channel: id} do
    paths = ["/channels/#{id}", "//channels/0#{id}", "/channels/%30#{id}", "/channels//#{id}"]

    statuses =
      for path <- Enum.take(Stream.cycle(paths), 8) do
        ask(ada, "POST", "/api/v10#{path}/messages", ~s({"content": "hi"})).status
      end

    assert Enum.frequencies(statuses) == %{200 => 5, 429 => 3}
  end

  test "a token's scheme may be followed by spaces, and comes once", %{node: node} do
    bot = FullNode.bot(node)

    assert %{status: 200} =
             ask(%{bot | authorization: "Bot   #{bot.token}"}, "GET", "/api/users/@me")

    again = [{"Authorization", "Bot #{bot.token}"}]
    assert %{status: 400} = ask(bot, "GET", "/api/users/@me", "", again)
    types = [{"content-type", "application/json"}, {"Content-Type", "text/plain"}]
    assert %{status: 400} = ask(bot, "PATCH", "/api/users/@me", "{}", types)
  end

  test "names are composed, trimmed and visible", %{ada: ada} do
    body = ~s({"username": "  e\\u0301\\u200B \\u0000 \\u00a0b\\u202e "})
    assert %{status: 200, body: answer} = ask(ada, "PATCH", "/api/users/@me", body)
    assert Guildhall.Payload.decode!(answer)["username"] == "é b"

    assert %{status: 400} =
             ask(ada, "PATCH", "/api/users/@me", ~s({"username": "a\\u200b\\u200b"}))
  end

  test "a reason that is not percent-encoded well is none", %{ada: ada, node: node} do
    {guild_id, _channel_id} = FullNode.guild(node, ada)

    for reason <- ["%zz", "%", "\xFF", "%FF"] do
      path = "/api/guilds/#{guild_id}/bans/#{FullNode.person(node).id}"
      headers = [{"x-audit-log-reason", reason}]
      assert %{status: 204} = ask(ada, "PUT", path, "{}", headers)
    end
  end

  test "a list that is too long never reaches a room", %{node: node, channel: id} do
    # Nobody of this guild: the room would say so.
    stranger = FullNode.person(node, "eve")
    path = "/api/channels/#{id}/messages/bulk-delete"
    ids = fn count -> Guildhall.Payload.encode!(%{messages: List.duplicate("1", count)}) end
    assert %{status: 400, body: body} = ask(stranger, "POST", path, ids.(101))
    assert body =~ "50016"
    mallory = FullNode.person(node, "mallory")
    assert %{status: 400} = ask(mallory, "POST", path, ids.(1))
    body = ~s({"content": "a", "allowed_mentions": {"parse": ["users","users","users","users"]}})

    assert %{status: 400, body: body} =
             ask(stranger, "POST", "/api/channels/#{id}/messages", body)

    assert body =~ "BASE_TYPE_MAX_LENGTH"
  end

  test "made-up tokens cost the store nothing", %{ada: ada, node: %{instance: instance}} do
    [owner, generation, _signature] = String.split(ada.token, ".")

    for n <- 1..50 do
      id = Base.url_encode64("1#{n}", padding: false)
      signature = String.duplicate("a", 27)
      assert User.authenticate(instance, "#{id}.#{generation}.#{signature}") == unauthorized()
      assert User.authenticate(instance, "#{owner}.#{generation}.#{signature}") == unauthorized()
    end

    assert :ets.info(Instance.fetch!(instance, :user_cache).strangers, :size) == 0
    assert {:ok, _user} = User.authenticate(instance, ada.token)
  end

  defp unauthorized, do: {:error, :unauthorized}

  test "an address that failed to authenticate too often gets no WebSocket", %{node: node} do
    # Over the gateway and over REST, 100 in a minute together.
    for n <- 1..40, do: assert(fails(node, n) == {:close, 4004})
    client = HttpClient.connect(node.port, ip: {127, 0, 0, 2})

    Enum.reduce(1..60, client, fn _n, client ->
      headers = [{"authorization", "wrong"}]
      {%{status: 401}, client} = HttpClient.request(client, "GET", "/api/users/@me", headers)
      client
    end)

    assert_raise MatchError, ~r/429/, fn -> fails(node, 0) end
    client = GatewayClient.dial(node, "?v=10", ip: {127, 0, 0, 3})
    assert {%{"op" => 10}, _client} = GatewayClient.recv(client)
  end

  defp fails(node, n) do
    client = GatewayClient.dial(node, "?v=10", ip: {127, 0, 0, 2})
    {%{"op" => 10}, client} = GatewayClient.recv(client)
    client = GatewayClient.send_identify(client, "wrong#{n}")
    {answer, client} = GatewayClient.recv(client)
    HttpClient.close(client.http)
    answer
  end

  test "pings and empty frames without end are cut off", %{node: node} do
    pings = for _n <- 1..200, do: HttpClient.frame(:ping, "x")
    assert closes(node, pings) == 4008

    fragments = for _n <- 1..5_000, do: HttpClient.frame(:continuation, "", fin: false)
    assert closes(node, [HttpClient.frame(:text, "", fin: false) | fragments]) == 4002
  end

  defp closes(node, frames) do
    client = GatewayClient.open(node)
    code(%{client | http: HttpClient.send_raw(client.http, frames)})
  end

  defp code(client) do
    case HttpClient.recv_frame(client.http) do
      {{:close, code, _reason}, _http} -> code
      {_pong, http} -> code(%{client | http: http})
    end
  end
end
