defmodule Guildhall.Gateway do
  @moduledoc """
  The gateway: clients that speak the protocol over a WebSocket become sessions.

  `accept/2` answers the request for an upgrade, `run/3` shakes hands on the open
  socket. A client that identifies, or comes back to its session, takes its socket
  along to the process of its session; from then on that process reads and writes it.

  What the gateway knows and the sessions do not: opcodes, close codes, encodings,
  compression and the limits on what a client may send. It has no process of its own.
  The tables of opcodes and close codes are in `lib/guildhall/gateway/README.md`.
  """

  alias Guildhall.Gateway.{Connection, Handshake, Primer}
  alias Guildhall.Http.{Failures, Request, Response, WebSocket}
  alias Guildhall.{Instance, Outbox, Payload, Session, Telemetry}

  @behaviour WebSocket

  @versions ~w(9 10)
  @encodings %{nil => :json, "" => :json, "json" => :json, "etf" => :etf}
  @transports %{
    nil => :plain,
    "" => :plain,
    "zlib-stream" => :zlib_stream,
    "zstd-stream" => :zstd_stream
  }

  # Beyond what any client may send, so that the answer is the protocol's close code.
  @socket [frame_limit: 65_536, message_limit: 65_536, close_timeout: 5_000]

  @typedoc "What the request asked for: the protocol's version, nil if there is no such version."
  @type parameters ::
          {Instance.t(), version :: 9 | 10 | nil, Outbox.Transport.kind(),
           encoding :: :json | :etf}

  @doc """
  Gives compressed connections typical events to build upon; to be called before the first one.

  Nothing is wrong if others are in use: they serve as well, only for more bytes.
  """
  @spec prime() :: :ok
  def prime do
    _in_use = Outbox.Transport.prime(Primer.json())
    :ok
  end

  @doc """
  Answers a request for the gateway: an upgrade for `run/3`, or a refusal in JSON.

  A transport that is not served is refused here, before the client takes it for granted; so is
  everybody while the node is full. A version that is not served is told by its close code.
  """
  @spec accept(Request.t(), Instance.t()) ::
          {:websocket, module(), parameters(), keyword()} | Response.t()
  def accept(%Request{} = request, instance) do
    query = Map.new(request.query)

    with {:ok, encoding} <- encoding(query["encoding"]),
         {:ok, transport} <- transport(query["compress"]),
         :ok <- failures(request, instance),
         :ok <- capacity(instance) do
      {:websocket, __MODULE__, {instance, version(query["v"]), transport, encoding}, @socket}
    else
      {:error, status, reason, message} -> refuse(instance, status, reason, message)
    end
  end

  defp encoding(name) do
    case @encodings do
      %{^name => encoding} -> {:ok, encoding}
      %{} -> {:error, 400, :encoding, "This gateway serves encoding=json and encoding=etf."}
    end
  end

  defp transport(compress) do
    case @transports do
      %{^compress => transport} ->
        {:ok, transport}

      %{} ->
        message = "This gateway serves compress=zlib-stream, compress=zstd-stream, or none."
        {:error, 400, :compression, message}
    end
  end

  # A failed IDENTIFY or RESUME costs a connection, and REST counts wrong tokens in the same place.
  defp failures(%Request{peer: {address, _port}}, instance) do
    case Failures.check(instance, address) do
      {:ok, _remaining, _reset} -> :ok
      {:limited, _none, _wait} -> {:error, 429, :unauthorized, "Too many failed authentications."}
    end
  end

  defp failures(_request, _instance), do: :ok

  defp capacity(instance) do
    if Session.full?(instance),
      do: {:error, 503, :full, "This node has as many sessions as it takes."},
      else: :ok
  end

  defp version(version) when version in [nil, ""], do: 10
  defp version(version) when version in @versions, do: String.to_integer(version)
  defp version(_other), do: nil

  defp refuse(instance, status, reason, message) do
    Telemetry.emit([:gateway, :refuse], %{count: 1}, %{instance: instance, reason: reason})
    headers = [{"content-type", "application/json"}]
    headers = if status in [429, 503], do: [{"retry-after", "5"} | headers], else: headers

    %Response{
      status: status,
      headers: headers,
      body: Payload.encode!(%{code: 0, message: message})
    }
  end

  @doc "Serves an upgraded connection until it is closed or its session has taken it."
  @spec run(WebSocket.t(), Request.t(), parameters()) :: :ok
  @impl WebSocket
  def run(ws, request, {instance, version, kind, encoding}) do
    options = [encoding: encoding] ++ Instance.get(instance, :transport, [])
    transport = {Outbox.Transport.new(kind, options), encoding}
    connection = %{Connection.new(instance, ws, transport, version) | peer: request.peer}

    if version,
      do: Handshake.run(connection),
      else: Connection.close(connection, :invalid_version)
  end
end
