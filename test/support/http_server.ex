defmodule Guildhall.HttpServer do
  @moduledoc false

  @limit 8_388_608

  # A server for tests: `HttpServer.start(handler, options)` answers `{name, port}`. The handler is a
  # function of the request, or `:echo`, which answers with what it was asked and upgrades to
  # `Guildhall.HttpServer.Echo`.

  @behaviour Guildhall.Http.Handler

  alias Guildhall.Http
  alias Guildhall.Http.Response

  defmodule Echo do
    @moduledoc false

    # Sends every message back, and tells the process that it is given about every event.

    @behaviour Guildhall.Http.WebSocket

    alias Guildhall.Http.WebSocket

    @impl WebSocket
    def run(ws, _request, listener) do
      {:ok, events, ws} = WebSocket.activate(ws)
      loop(events, ws, listener)
    end

    def loop([], ws, listener) do
      receive do
        message ->
          case WebSocket.handle(ws, message) do
            {:ok, events, ws} -> loop(events, ws, listener)
            :unknown -> loop([], ws, listener)
          end
      end
    end

    def loop([event | events], ws, listener) do
      if listener, do: send(listener, {self(), event})

      case event do
        {:closed, _code} ->
          :ok

        {:error, code, reason} ->
          {:ok, ws} = WebSocket.close(ws, code, Atom.to_string(reason))
          loop(events, ws, listener)

        {type, data} ->
          {_ok_or_busy, ws} = WebSocket.send(ws, {type, data})
          loop(events, ws, listener)

        :writable ->
          loop(events, ws, listener)
      end
    end
  end

  def start(handler, options \\ []) do
    name = Module.concat(__MODULE__, "Server#{System.unique_integer([:positive])}")

    child = {Http, [name: name, handler: {__MODULE__, handler}] ++ options}
    ExUnit.Callbacks.start_supervised!(child, restart: :temporary)

    {name, Http.port(name)}
  end

  @impl Http.Handler
  def handle(request, :echo) do
    case request.segments do
      ["ws" | _rest] -> {:websocket, Echo, nil, []}
      _other -> {:read, @limit, nil, &echo/1}
    end
  end

  def handle(%{length: 0} = request, fun), do: fun.(request)
  def handle(_request, fun), do: {:read, @limit, nil, fun}

  defp echo(request) do
    %Response{status: 200, headers: [{"x-path", request.path}], body: request.body}
  end
end
