defmodule Guildhall.Endpoint.RatesTest do
  use ExUnit.Case, async: true

  # Rates are kept in every window, wherever it begins.

  alias Guildhall.{FullNode, GatewayClient, HttpClient}

  @moduletag :tmp_dir

  setup %{tmp_dir: folder}, do: %{node: FullNode.start(folder)}

  # Sends requests in a row and returns, of those that passed, when they were sent and answered.
  defp burst(client, count, headers, path) do
    {passed, client} =
      Enum.flat_map_reduce(1..count, client, fn _n, client ->
        sent = System.monotonic_time(:millisecond)
        {response, client} = HttpClient.request(client, "GET", path, headers)
        answered = System.monotonic_time(:millisecond)
        {if(response.status == 429, do: [], else: [{sent, answered}]), client}
      end)

    {passed, client}
  end

  # Each burst begins after so many milliseconds.
  defp bursts(client, plan, headers, path) do
    {passed, _client} =
      Enum.flat_map_reduce(plan, client, fn {wait, count}, client ->
        Process.send_after(self(), :go, wait)
        assert_receive :go, wait + 5_000
        burst(client, count, headers, path)
      end)

    passed
  end

  # A request was counted after it was sent and before it was answered.
  defp assert_rate(passed, limit, per) do
    for {{sent, _}, {_, answered}} <- Enum.zip(passed, Enum.drop(passed, limit)) do
      assert answered - sent >= per
    end
  end

  test "of a user over all routes", %{node: node} do
    ada = FullNode.person(node)
    headers = [{"authorization", ada.authorization}]
    client = HttpClient.connect(node.port)

    passed =
      bursts(client, [{0, 1}, {850, 49}, {150, 60}, {1_000, 60}], headers, "/api/users/@me")

    assert length(passed) in 50..160
    assert_rate(passed, 50, 1_000)
  end

  test "of an address without a token", %{node: node} do
    client = HttpClient.connect(node.port)
    passed = bursts(client, [{0, 1}, {850, 99}, {150, 120}], [], "/api/gateway")
    assert length(passed) >= 100
    assert_rate(passed, 100, 1_000)
  end

  test "a client that waits as long as it is told is never refused", %{node: node} do
    ada = FullNode.person(node)
    {_guild_id, channel_id} = FullNode.guild(node, ada)
    path = "/api/v10/channels/#{channel_id}/messages"
    headers = [{"authorization", ada.authorization}, {"content-type", "application/json"}]

    Enum.reduce(1..12, HttpClient.connect(node.port), fn _n, client ->
      {response, client} =
        HttpClient.request(client, "POST", path, headers, ~s({"content": "hi"}))

      assert response.status == 200

      if header(response, "x-ratelimit-remaining") == "0" do
        seconds = response |> header("x-ratelimit-reset-after") |> String.to_float()
        Process.send_after(self(), :go, round(seconds * 1_000))
        assert_receive :go, 5_000
      end

      client
    end)
  end

  test "of RESUME, since each leaves a connection to close", %{node: node} do
    bot = FullNode.bot(node)
    client = FullNode.session(bot, 0)

    {answers, _client} =
      Enum.map_reduce(1..12, client, fn _n, old ->
        client = GatewayClient.send_resume(GatewayClient.open(node), bot.token, old)
        {answer, client} = GatewayClient.recv(client)
        {answer["op"], client}
      end)

    assert answers == List.duplicate(0, 10) ++ [9, 9]
  end

  defp header(response, name), do: response.headers |> List.keyfind(name, 0) |> elem(1)
end
