defmodule Guildhall.Http.WebSocket do
  @moduledoc """
  The server's end of a WebSocket, as a value in the hands of whichever process owns the socket.

  `c:run/3` of the module that the handler named is called in the connection's process with a fresh
  struct. It may serve the socket there, or hand it to another process and return:

      def run(ws, _request, _argument) do
        {:ok, events, ws} = WebSocket.activate(ws)
        loop(events, ws)
      end

      defp loop([{:text, text} | events], ws) do
        {_ok_or_busy, ws} = WebSocket.send(ws, {:text, text})
        loop(events, ws)
      end

      defp loop([{:error, code, _reason} | _events], ws), do: WebSocket.close(ws, code, "")
      defp loop([{:closed, _code} | _events], _ws), do: :ok
      defp loop([_writable | events], ws), do: loop(events, ws)

      defp loop([], ws) do
        receive do
          message ->
            case WebSocket.handle(ws, message) do
              {:ok, events, ws} -> loop(events, ws)
              :unknown -> loop([], ws)
            end
        end
      end

  **The owner** gives every message that may be the socket's to `handle/2`, and acts on the events:

    * `{:text, text}`, `{:binary, data}` - a whole message
    * `{:error, code, reason}` - the client broke a rule (or the server is about to stop): close with
      that code. Nothing more is read.
    * `:writable` - the socket takes data again
    * `{:closed, code}` - it is over, and always the last event: the client's code, 1005 if it gave
      none, nil if the connection ended without a closing handshake

  Pings are answered inside; more than 60 pings and pongs in a second are an error (1008).

  **Writing** never waits for TCP. Where the kernel's buffer is full, the data is kept beside the
  socket, and the answer is `:busy`: it has been taken, so it must not be written again,
  and the owner should produce no more before `:writable`. If it does, up to `:write_limit` bytes
  wait; beyond that the connection is cut. So a client that does not read holds the kernel's send
  buffer and at most three writes.

  *Over TCP* the connection has no port: its descriptor is a `Guildhall.Outbox.Socket`, to which an outbox
  can write by itself (`connect/3`).

  *With TLS* a write waits until TCP has taken the data, at most the server's `:send_timeout` for each
  64 KiB; it is never `:busy`.
  """

  alias Guildhall.Http.{Decoder, Frame, Request, Socket}
  alias Guildhall.Http.WebSocket.{Link, Writer}
  alias Guildhall.{Outbox, Telemetry, Window}

  @enforce_keys [:socket, :instance, :decoder, :writer, :close_timeout, :opened_at]
  defstruct @enforce_keys ++
              [:code, :timer, :controls, state: :open, inbox: "", left?: false, told?: false]

  @typedoc "Its fields are its own affair."
  @type t :: %__MODULE__{
          socket: Socket.t(),
          instance: atom(),
          decoder: Decoder.t(),
          writer: Writer.t(),
          close_timeout: pos_integer(),
          opened_at: integer(),
          # See `Guildhall.Http.WebSocket.Link`.
          state: :open | :failed | :closing | :ending | :closed,
          # Received and not decoded: what came with the request, or before a transfer.
          inbox: binary(),
          # Whether the client's close frame has come, and its code.
          left?: boolean(),
          code: 1000..4999 | nil,
          timer: reference() | nil,
          # When pings and pongs came lately.
          controls: Window.t(),
          # Whether telemetry has heard how it ended.
          told?: boolean()
        }

  @type event ::
          {:text | :binary, binary()}
          | {:error, close_code :: 1001..1011, reason :: atom()}
          | {:closed, 1000..4999 | nil}
          | :writable

  @doc "Serves the socket; the connection ends when it returns, unless it gave the socket away."
  @callback run(t(), Request.t(), argument :: term()) :: term()

  @doc false
  # What is to be done before the client is told that it has a WebSocket, because it may fail.
  @spec adopt(Socket.t(), keyword()) :: {:ok, Socket.t()} | :error
  def adopt(socket, options) do
    Socket.adopt(socket, Keyword.get(options, :write_limit, 1_048_576))
  end

  @doc false
  @spec new(Socket.t(), atom(), inbox :: binary(), keyword()) :: t()
  def new(socket, instance, inbox, options) do
    frame_limit = Keyword.get(options, :frame_limit, 65_536)
    message_limit = Keyword.get(options, :message_limit, 65_536)
    Telemetry.emit([:http, :websocket, :open], %{count: 1}, %{instance: instance})

    %__MODULE__{
      socket: socket,
      instance: instance,
      inbox: inbox,
      decoder: Decoder.new(frame_limit, message_limit),
      writer: Writer.new(socket),
      close_timeout: Keyword.get(options, :close_timeout, 5_000),
      opened_at: System.monotonic_time()
    }
  end

  @doc """
  Starts the flow of messages to the calling process, its owner, and returns what has arrived before.

  Each owner calls it once: in `c:run/3`, and in the other process after `transfer/2`.
  """
  @spec activate(t()) :: {:ok, [event()], t()}
  defdelegate activate(ws), to: Link

  @doc "Handles a message to the owner, or says that it is not the socket's."
  @spec handle(t(), message :: term()) :: {:ok, [event()], t()} | :unknown
  defdelegate handle(ws, message), to: Link

  @doc """
  Writes ready frames, of `Guildhall.Outbox` for example.

  What is written after `close/3` or after the end is dropped.
  """
  @spec write(t(), iodata()) :: {:ok | :busy, t()}
  defdelegate write(ws, frames), to: Link

  @doc """
  Has an outbox write to the socket by itself from now on, whoever pushes to it.

  False where it cannot (with TLS): then the owner takes from the outbox and writes.
  """
  @spec connect(t(), Outbox.t(), Outbox.Transport.t()) :: boolean()
  defdelegate connect(ws, outbox, transport), to: Link

  @doc """
  Has a connected outbox write what waits in it. `:more` says that more waits, and `:busy` that the
  client must read first.
  """
  @spec flush(t(), Outbox.t()) :: {:ok | :busy | :more, t()}
  defdelegate flush(ws, outbox), to: Link

  @doc "Writes a payload that has no number, in its place among those of a connected outbox."
  @spec put(t(), Outbox.Transport.t(), payload_json :: iodata()) :: t()
  defdelegate put(ws, transport, payload_json), to: Link

  @doc "Writes a message as one frame."
  @spec send(t(), {:text | :binary, iodata()}) :: {:ok | :busy, t()}
  def send(%__MODULE__{} = ws, {type, data}), do: write(ws, Frame.encode(type, data))

  @doc """
  Starts the closing handshake, or ends a connection whose client broke a rule.

  `{:closed, code}` follows as soon as the client has answered, and after `:close_timeout` at the
  latest. Without a code (nil) the close frame is empty. A `c:run/3` may also just return: the
  connection's process sees the rest through. Any other owner keeps handling messages until the end.
  """
  @spec close(t(), 1000..4999 | nil, reason :: String.t()) :: {:ok, t()}
  def close(%__MODULE__{} = ws, code, reason \\ ""), do: Link.close(ws, code, reason)

  @doc "Ends the connection at once, for an owner that will not see it through. No event follows."
  @spec abort(t()) :: :ok
  defdelegate abort(ws), to: Link

  @doc """
  Gives the socket to another process of this node, with every byte that has arrived.

  The caller then sends `pid` the struct, which calls `activate/1`. Afterwards a late message of the
  socket's may still come to the caller; it means nothing. A socket that is to be closed may be given away too,
  before `close/3`, to a process that sees it through.
  """
  @spec transfer(t(), pid()) :: {:ok, t()} | {:error, :closed | term()}
  defdelegate transfer(ws, pid), to: Link

  @doc "Returns how many bytes are written and not yet with the kernel."
  @spec buffered(t()) :: non_neg_integer()
  def buffered(%__MODULE__{state: :closed}), do: 0
  def buffered(%__MODULE__{} = ws), do: Socket.queued(ws.socket)

  @doc "Returns how many bytes the kernel has taken in all."
  @spec written(t()) :: non_neg_integer()
  def written(%__MODULE__{state: :closed}), do: 0
  def written(%__MODULE__{} = ws), do: Socket.sent(ws.socket)
end
