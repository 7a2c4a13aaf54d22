defmodule Guildhall.MetricsTest do
  use ExUnit.Case, async: true

  alias Guildhall.{HttpClient, Instance, Payload}

  # A whole node, as a service starts it.
  setup do
    name = Module.concat(__MODULE__, "N#{System.unique_integer([:positive])}")
    data = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-#{name}")
    on_exit(fn -> File.rm_rf!(data) end)
    start_supervised!({Guildhall, name: name, data: data, port: 0})
    %{port: URI.parse(Guildhall.url(name)).port, name: name}
  end

  test "what happened is counted", %{port: port} do
    assert sample(port, ~r/^guildhall_api_requests_total\{status="200"\} (\d+)$/m) == nil
    assert %{status: 200} = get(port, "/api/v10/gateway")
    assert %{status: 401} = get(port, "/api/v10/users/@me")
    assert sample(port, ~r/^guildhall_api_requests_total\{status="200"\} (\d+)$/m) == "1"
    assert sample(port, ~r/^guildhall_api_requests_total\{status="401"\} (\d+)$/m) == "1"
    assert sample(port, ~r/^guildhall_api_request_seconds_count (\d+)$/m) == "2"
    assert sample(port, ~r/^guildhall_api_request_seconds_bucket\{le="\+Inf"\} (\d+)$/m) == "2"
  end

  test "connections, refusals and WebSockets are the node's", %{port: port} do
    ws = HttpClient.websocket(port, "/?v=10&encoding=json")
    HttpClient.send_raw(HttpClient.connect(port), "?\r\n\r\n") |> HttpClient.recv_response()
    HttpClient.send_frame(ws, :close, HttpClient.close_payload(1000))
    assert closed?(ws)
    assert sample(port, ~r/^guildhall_http_refusals_total\{reason="[a-z_]+"\} (\d+)$/m) == "1"
    assert sample(port, ~r/^guildhall_websocket_closes_total\{by="client"\} (\d+)$/m) == "1"
    connections = sample(port, ~r/^guildhall_http_connections_total (\d+)$/m)
    assert String.to_integer(connections) >= 3
  end

  # Reads what comes before the close frame, too.
  defp closed?(ws) do
    case HttpClient.recv_frame(ws) do
      {{:close, _code, _reason}, _ws} -> true
      {_hello, ws} -> closed?(ws)
    end
  end

  test "every line is a comment or a sample", %{port: port} do
    get(port, "/health")
    text = get(port, "/metrics").body

    for line <- String.split(text, "\n", trim: true) do
      assert line =~ ~r/^(# (HELP|TYPE) guildhall_\w+ .+|guildhall_\w+(\{[^}]+\})? [-+.e\d]+)$/
    end

    # A gauge of each kind is read.
    assert text =~ ~r/^guildhall_sessions 0$/m
    assert text =~ ~r/^guildhall_relay_mailbox\{relay="0"\} \d+$/m
    assert text =~ ~r/^guildhall_store_commit_seconds_count [1-9]/m
  end

  test "nodes in one VM count apart", %{port: port, name: name} do
    other = Module.concat(name, Other)
    data = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-#{other}")
    on_exit(fn -> File.rm_rf!(data) end)
    start_supervised!({Guildhall, name: other, data: data, port: 0})

    get(URI.parse(Guildhall.url(other)).port, "/api/v10/gateway")
    assert sample(port, ~r/^guildhall_api_requests_total\{status="200"\} (\d+)$/m) == nil
  end

  test "the pages say what they are, and what is not there", %{port: port} do
    assert %{status: 200, body: "ok\n"} = get(port, "/health")
    assert %{status: 200, body: body} = get(port, "/")
    assert body =~ "What it is doing"
    assert %{status: 404} = get(port, "/nowhere")
    assert %{status: 400, body: refusal} = upgrade(port, "/?encoding=xml")
    assert Payload.decode!(refusal)["message"] =~ "encoding=json"
  end

  test "a node on a folder that is in use does not start", %{name: name} do
    data = Instance.fetch!(name, :store).path
    options = [name: Module.concat(name, Second), data: data, port: 0]
    assert {:error, :in_use} = Guildhall.Application.start_node(options)
  end

  defp get(port, path) do
    {response, client} = port |> HttpClient.connect() |> HttpClient.request("GET", path)
    HttpClient.close(client)
    response
  end

  defp upgrade(port, path) do
    headers = [
      {"upgrade", "websocket"},
      {"connection", "upgrade"},
      {"sec-websocket-version", "13"},
      {"sec-websocket-key", Base.encode64("0123456789abcdef")}
    ]

    {response, _client} = port |> HttpClient.connect() |> HttpClient.request("GET", path, headers)
    response
  end

  defp sample(port, pattern) do
    with [_all, value] <- Regex.run(pattern, get(port, "/metrics").body), do: value
  end
end
