defmodule Guildhall.System.DescriptorsTest do
  use ExUnit.Case, async: false

  # A server in a VM of its own that may have few descriptors, and uses them all.

  alias Guildhall.{Http, HttpClient, HttpServer}

  @moduletag :system
  @limit 128

  setup do
    paths = Enum.flat_map(:code.get_path(), &[~c"-pa", &1])
    shell = [~c"-c", ~c"ulimit -n #{@limit} && exec erl \"$@\"", ~c"sh"]

    {:ok, peer, _node} =
      :peer.start(%{connection: :standard_io, exec: {~c"/bin/sh", shell}, args: paths})

    on_exit(fn -> :peer.stop(peer) end)
    {:ok, _started} = :peer.call(peer, Application, :ensure_all_started, [:guildhall])
    # To load a module takes a descriptor.
    {:ok, modules} = :application.get_key(:guildhall, :modules)
    :ok = :peer.call(peer, :code, :ensure_modules_loaded, [modules])

    options = [name: __MODULE__, handler: {HttpServer, :echo}]
    {:ok, _pid} = :peer.call(peer, :supervisor, :start_child, [:kernel_safe_sup, child(options)])

    %{
      port: :peer.call(peer, Http, :port, [__MODULE__]),
      os_pid: :peer.call(peer, System, :pid, [])
    }
  end

  test "an upgrade without a descriptor is a 503, and leaves nothing behind", context do
    before = HttpClient.websocket(context.port, "/ws")
    [client | clients] = fill(context, [])

    # Each makes room for the one after it.
    client =
      Enum.reduce(1..20, client, fn _n, client ->
        {%{status: 503, headers: headers}, client} = upgrade(client)
        assert {"connection", "close"} in headers
        assert HttpClient.closed?(client)
        HttpClient.close(client)
        asked(context.port)
      end)

    # Those that were there are served.
    for client <- [client | clients] do
      assert {%{status: 200}, _client} = HttpClient.request(client, "GET", "/")
    end

    before = HttpClient.send_frame(before, :text, "still here")
    assert {{:text, "still here"}, _before} = HttpClient.recv_frame(before)
  end

  defp child(options), do: Map.merge(Http.child_spec(options), %{restart: :temporary})

  # Connects until the server has no descriptor left.
  defp fill(context, clients) do
    if length(File.ls!("/proc/#{context.os_pid}/fd")) < @limit,
      do: fill(context, [asked(context.port) | clients]),
      else: clients
  end

  defp asked(port) do
    {%{status: 200}, client} = port |> HttpClient.connect() |> HttpClient.request("GET", "/")
    client
  end

  defp upgrade(client) do
    HttpClient.request(client, "GET", "/ws", [
      {"upgrade", "websocket"},
      {"connection", "upgrade"},
      {"sec-websocket-version", "13"},
      {"sec-websocket-key", Base.encode64("0123456789abcdef")}
    ])
  end
end
