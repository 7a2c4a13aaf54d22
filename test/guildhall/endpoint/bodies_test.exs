defmodule Guildhall.Endpoint.BodiesTest do
  use ExUnit.Case, async: true

  # Whose bodies a node receives, and how much of its memory they may use.

  alias Guildhall.{FullNode, Http, HttpClient, Instance, Payload}

  @large 8_000_000
  @moduletag :tmp_dir

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    ada = FullNode.person(node, "ada")
    {_guild_id, channel_id} = FullNode.guild(node, ada)
    %{node: node, ada: ada, messages: "/api/v10/channels/#{channel_id}/messages"}
  end

  defp connect(node, address \\ {127, 0, 0, 1}), do: HttpClient.connect(node.port, ip: address)

  defp head(client, method, path, headers) do
    lines = for {name, value} <- [{"host", "h"} | headers], do: "#{name}: #{value}\r\n"
    HttpClient.send_raw(client, ["#{method} #{path} HTTP/1.1\r\n", lines, "\r\n"])
  end

  defp receiving(node), do: Http.stats(Instance.child(node.instance, :endpoint)).receiving

  test "a large body without a token is refused by its head", %{node: node} = context do
    clients =
      for n <- 1..64 do
        client = connect(node, {127, 0, 1, n})
        head(client, "POST", context.messages, [{"content-length", @large}])
      end

    for client <- clients do
      assert {%{status: 401, headers: headers}, client} = HttpClient.recv_response(client)
      assert {"connection", "close"} in headers
      assert HttpClient.closed?(client)
    end

    assert receiving(node) == 0
  end

  test "who waits for 100 Continue without a token is told before", context do
    headers = [{"content-length", @large}, {"expect", "100-continue"}]
    client = context.node |> connect() |> head("POST", context.messages, headers)
    assert {%{status: 401}, _client} = HttpClient.recv_response(client)

    headers = [{"authorization", context.ada.authorization}, {"expect", "100-continue"}]
    body = ~s({"content": "hi"})
    headers = [{"content-length", byte_size(body)} | headers]
    client = context.node |> connect() |> head("POST", context.messages, headers)
    assert {%{status: 100}, client} = HttpClient.recv_response(client)
    client = HttpClient.send_raw(client, body)
    assert {%{status: 200}, _client} = HttpClient.recv_response(client)
  end

  test "a route, a method or a length that is not served is refused by the head", context do
    token = {"authorization", context.ada.authorization}

    for {method, path, length, status} <- [
          {"POST", "/api/v10/nothing", @large, 404},
          {"PUT", context.messages, @large, 405},
          {"POST", context.messages, 1_048_577, 413},
          {"PATCH", "/api/v10/users/@me", 1_048_577, 413},
          {"GET", context.messages, 16_385, 413},
          {"POST", "/nowhere", @large, 405}
        ] do
      headers = [token, {"content-type", "application/json"}, {"content-length", length}]
      client = context.node |> connect() |> head(method, path, headers)
      assert {%{status: ^status} = response, client} = HttpClient.recv_response(client)
      assert HttpClient.closed?(client)
      if status == 413, do: assert(%{"code" => 40_005} = Payload.decode!(response.body))
    end
  end

  test "after a short body that was not wanted, the connection goes on", context do
    headers = [{"authorization", "wrong"}, {"content-length", 17}]
    client = context.node |> connect() |> head("POST", context.messages, headers)
    assert {%{status: 401, headers: headers}, client} = HttpClient.recv_response(client)
    refute List.keymember?(headers, "connection", 0)

    client = HttpClient.send_raw(client, ~s({"content": "hi"}))
    headers = [{"authorization", context.ada.authorization}]

    assert {%{status: 200}, _client} =
             HttpClient.request(client, "GET", "/api/users/@me", headers)
  end

  test "an account and an address have a share of the budget, others have the rest", context do
    %{node: node, ada: ada} = context
    bob = FullNode.person(node, "bob")
    almost = :binary.copy("x", @large - 1)

    # Four fill the share of 32 MiB; the rest is refused, whatever address the account uses.
    clients =
      for n <- 1..6 do
        headers = [
          {"authorization", ada.authorization},
          {"content-type", "multipart/form-data; boundary=b"},
          {"content-length", @large}
        ]

        client = node |> connect({127, 0, 2, n}) |> head("POST", context.messages, headers)
        Task.async(fn -> :gen_tcp.send(client.socket, almost) end)
        client
      end

    statuses = for client <- clients, do: status(client)
    assert Enum.count(statuses, &(&1 == 503)) >= 1
    assert Enum.all?(statuses, &(&1 in [503, 429, :waits]))
    assert receiving(node) <= 34_000_000

    # Another account's post of 5 MB finds room.
    {_guild_id, channel_id} = FullNode.guild(node, bob)

    form =
      "--b\r\ncontent-disposition: form-data; name=\"files[0]\"; filename=\"a\"\r\n\r\n" <>
        :binary.copy("y", 5_000_000) <> "\r\n--b--\r\n"

    headers = [
      {"authorization", bob.authorization},
      {"content-type", "multipart/form-data; boundary=b"}
    ]

    path = "/api/v10/channels/#{channel_id}/messages"
    client = connect(node, {127, 0, 3, 1})
    assert {%{status: 200}, _client} = HttpClient.request(client, "POST", path, headers, form)
  end

  defp status(client) do
    case :gen_tcp.recv(client.socket, 0, 500) do
      {:ok, <<"HTTP/1.1 ", status::binary-3, _rest::binary>>} -> String.to_integer(status)
      {:error, :timeout} -> :waits
      {:error, _closed} -> 503
    end
  end
end
