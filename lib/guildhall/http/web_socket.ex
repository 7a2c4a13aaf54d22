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

  Pings are answered inside.

  **Writing** never waits for TCP. Where the kernel's and the driver's buffers are full, the data is
  kept in the struct, and the answer is `:busy`: it has been taken, so it must not be written again,
  and the owner should produce no more before `:writable`. If it does, up to `:write_limit` bytes
  wait; beyond that the connection is cut. So a client that does not read holds the kernel's send
  buffer and at most three writes.

  *With TLS* a write waits until TCP has taken the data, at most the server's `:send_timeout` for each
  64 KiB; it is never `:busy`.
  """

  alias Guildhall.Http
  alias Guildhall.Http.{Decoder, Frame, Request, Socket}
  alias Guildhall.Http.WebSocket.Writer
  alias Guildhall.Telemetry

  @enforce_keys [:socket, :server, :decoder, :writer, :close_timeout, :opened_at]
  defstruct @enforce_keys ++
              [
                # :open; :failed, the client broke a rule and the owner has not closed yet; :closing,
                # our close frame is on its way; :ending, nothing more is read or written, only the
                # end awaited; :closed.
                state: :open,
                # Received and not decoded: what came with the request, or before a transfer.
                inbox: "",
                # The client's close code.
                code: nil,
                told?: false
              ]

  @opaque t :: %__MODULE__{}
  @type event ::
          {:text | :binary, binary()}
          | {:error, close_code :: 1001..1011, reason :: atom()}
          | {:closed, 1000..4999 | nil}
          | :writable

  @doc "Serves the socket; the connection ends when it returns, unless it gave the socket away."
  @callback run(t(), Request.t(), argument :: term()) :: term()

  @doc false
  @spec new(Socket.t(), atom(), inbox :: binary(), keyword()) :: t()
  def new(socket, server, inbox, options) do
    Telemetry.emit([:http, :websocket, :open], %{count: 1}, %{server: server})
    frame_limit = Keyword.get(options, :frame_limit, 65_536)
    message_limit = Keyword.get(options, :message_limit, 65_536)

    %__MODULE__{
      socket: socket,
      server: server,
      inbox: inbox,
      decoder: Decoder.new(frame_limit, message_limit),
      writer: Writer.new(socket, Keyword.get(options, :write_limit, 1_048_576)),
      close_timeout: Keyword.get(options, :close_timeout, 5_000),
      opened_at: System.monotonic_time()
    }
  end

  @doc """
  Starts the flow of messages to the calling process, its owner, and returns what has arrived before.

  Each owner calls it once: in `c:run/3`, and in the other process after `transfer/2`.
  """
  @spec activate(t()) :: {:ok, [event()], t()}
  def activate(%__MODULE__{inbox: inbox} = ws) do
    ws.writer |> Writer.resume() |> wrote(ws) |> received(inbox)
  end

  @doc "Handles a message to the owner, or says that it is not the socket's."
  @spec handle(t(), message :: term()) :: {:ok, [event()], t()} | :unknown
  def handle(%__MODULE__{socket: socket} = ws, message) do
    case message do
      {tag, ^socket, data} when tag in [:tcp, :ssl] -> received(ws, data)
      {:inet_reply, ^socket, result} -> answered(ws, {:inet_reply, result})
      {:inet_reply, ^socket, result, _reference} -> answered(ws, {:inet_reply, result})
      {tag, ^socket} when tag in [:tcp_closed, :ssl_closed] -> over(ws)
      {tag, ^socket, _reason} when tag in [:tcp_error, :ssl_error] -> over(ws)
      {__MODULE__, ^socket, :poll} -> answered(ws, :poll)
      {__MODULE__, ^socket, :over} -> over(ws)
      {Http, :drain} when ws.state == :open -> {:ok, [{:error, 1001, :going_away}], ws}
      {Http, :drain} -> {:ok, [], ws}
      _other -> :unknown
    end
  end

  @doc """
  Writes ready frames, of `Guildhall.Outbox` for example.

  What is written after `close/3` or after the end is dropped.
  """
  @spec write(t(), iodata()) :: {:ok | :busy, t()}
  def write(%__MODULE__{state: :open} = ws, frames) do
    result = Writer.write(ws.writer, frames)
    ws = wrote(result, ws)
    {if(ws.writer.busy?, do: :busy, else: :ok), ws}
  end

  def write(%__MODULE__{} = ws, _frames), do: {:ok, ws}

  @doc "Writes a message as one frame."
  @spec send(t(), {:text | :binary, iodata()}) :: {:ok | :busy, t()}
  def send(%__MODULE__{} = ws, {type, data}), do: write(ws, Frame.encode(type, data))

  @doc """
  Starts the closing handshake, or ends a connection whose client broke a rule.

  `{:closed, code}` follows as soon as the client has answered, and after `:close_timeout` at the
  latest. Without a code (nil) the close frame is empty. A `c:run/3` may also just return: the
  connection's process sees the rest through.
  """
  @spec close(t(), 1000..4999 | nil, reason :: String.t()) :: {:ok, t()}
  def close(ws, code, reason \\ "")

  def close(%__MODULE__{state: state} = ws, code, reason) when state in [:open, :failed] do
    ws = ws |> told(code, :server) |> put(Frame.close(code, reason)) |> expire()

    case ws.state do
      :open -> {:ok, %{ws | state: :closing}}
      :failed -> {:ok, finish(%{ws | state: :ending})}
      :ending -> {:ok, ws}
    end
  end

  def close(%__MODULE__{} = ws, _code, _reason), do: {:ok, ws}

  @doc """
  Gives the socket to another process of this node, with every byte that has arrived.

  The caller then sends `pid` the struct, which calls `activate/1`. Afterwards a late `:inet_reply`
  may still come to the caller; it means nothing.
  """
  @spec transfer(t(), pid()) :: {:ok, t()} | {:error, :closed | term()}
  def transfer(%__MODULE__{state: :open, socket: socket} = ws, pid) do
    with _ok_or_gone = Socket.passivate(socket),
         {:ok, arrived} <- take(socket, []),
         :ok <- Socket.give(socket, pid) do
      {:ok, %{ws | inbox: IO.iodata_to_binary([ws.inbox | arrived])}}
    end
  end

  def transfer(%__MODULE__{}, _pid), do: {:error, :closed}

  @doc "Returns how many bytes are written and not yet with the kernel."
  @spec buffered(t()) :: non_neg_integer()
  def buffered(%__MODULE__{state: :closed}), do: 0
  def buffered(%__MODULE__{} = ws), do: ws.writer.waiting_bytes + Socket.queued(ws.socket)

  defp take(socket, arrived) do
    receive do
      {tag, ^socket, data} when tag in [:tcp, :ssl] -> take(socket, [arrived | data])
      {:inet_reply, ^socket, :ok} -> take(socket, arrived)
      {:inet_reply, ^socket, :ok, _reference} -> take(socket, arrived)
      {tag, ^socket} when tag in [:tcp_closed, :ssl_closed] -> {:error, :closed}
      {tag, ^socket, _reason} when tag in [:tcp_error, :ssl_error] -> {:error, :closed}
    after
      0 -> {:ok, arrived}
    end
  end

  defp received(%{state: state} = ws, data) when state in [:open, :closing] do
    {frames, decoder} = Decoder.feed(ws.decoder, data)
    {events, ws} = act(frames, %{ws | decoder: decoder, inbox: ""}, [], [])
    {:ok, events, again(ws)}
  end

  # Read to see the end, and to keep unread data from turning it into a reset.
  defp received(ws, _data), do: {:ok, [], again(ws)}

  defp again(%{state: :closed} = ws), do: ws

  defp again(ws) do
    unless Socket.activate(ws.socket) == :ok, do: over_soon(ws)
    ws
  end

  defp act([{:ping, payload} | frames], ws, pings, events) do
    act(frames, ws, [payload | pings], events)
  end

  defp act(frames, ws, [_ | _] = pings, events), do: act(frames, pong(ws, pings), [], events)
  defp act([], ws, [], events), do: {Enum.reverse(events), ws}
  defp act([{:pong, _payload} | frames], ws, [], events), do: act(frames, ws, [], events)

  defp act([{:close, code, _reason}], ws, [], events) do
    ws = if ws.state == :open, do: put(told(ws, code, :client), Frame.close(code, "")), else: ws
    {closed, ws} = ending(%{ws | state: :ending, code: code || 1005})
    {Enum.reverse(events, closed), ws}
  end

  # After our close frame only the client's counts.
  defp act([{:error, _code, _reason}], %{state: :closing} = ws, [], events) do
    {Enum.reverse(events), finish(%{ws | state: :ending})}
  end

  defp act([_message | frames], %{state: :closing} = ws, [], events) do
    act(frames, ws, [], events)
  end

  defp act([{:error, _code, _reason} = error], ws, [], events) do
    {Enum.reverse(events, [error]), %{ws | state: :failed}}
  end

  defp act([message | frames], ws, [], events), do: act(frames, ws, [], [message | events])

  defp pong(%{state: :open} = ws, pings) do
    ws.writer |> Writer.pong(Enum.reverse(pings)) |> wrote(ws)
  end

  defp pong(ws, _pings), do: ws

  defp answered(%{state: :closed} = ws, _answer), do: {:ok, [], ws}

  defp answered(ws, answer) do
    case Writer.handle(ws.writer, answer) do
      {:writable, writer} when ws.state == :open -> {:ok, [:writable], %{ws | writer: writer}}
      {:lost, _reason} -> over(ws)
      {_ok_or_busy, writer} -> {:ok, [], ended(%{ws | writer: writer})}
    end
  end

  # Both close frames have been exchanged. The end comes at once where nothing of ours is on its way.
  defp ending(%{writer: %{waiting: []}} = ws) do
    if Socket.queued(ws.socket) == 0 do
      {:ok, events, ws} = over(ws)
      {events, ws}
    else
      {[], ws |> expire() |> finish()}
    end
  end

  defp ending(ws), do: {[], expire(ws)}

  defp ended(%{state: :ending} = ws), do: finish(ws)
  defp ended(ws), do: ws

  defp finish(%{writer: %{waiting: []}} = ws) do
    Socket.finish(ws.socket)
    ws
  end

  defp finish(ws), do: ws

  defp over(%{state: :closed} = ws), do: {:ok, [], ws}

  defp over(ws) do
    ws = told(ws, ws.code, :nobody)
    Socket.abort(ws.socket)
    {:ok, [{:closed, ws.code}], %{ws | state: :closed, inbox: "", writer: nil}}
  end

  defp put(ws, frame), do: ws.writer |> Writer.write(frame) |> wrote(ws)

  defp wrote({:lost, reason}, ws) do
    Socket.abort(ws.socket)
    over_soon(ws)
    %{told(ws, nil, if(reason == :slow, do: :slow, else: :nobody)) | state: :ending}
  end

  defp wrote({_ok_or_busy, writer}, ws) do
    if writer.busy? and not ws.writer.busy?,
      do:
        Telemetry.emit([:http, :websocket, :busy], %{bytes: writer.waiting_bytes}, %{
          server: ws.server
        })

    %{ws | writer: writer}
  end

  defp over_soon(ws), do: Kernel.send(self(), {__MODULE__, ws.socket, :over})

  defp expire(ws) do
    Process.send_after(self(), {__MODULE__, ws.socket, :over}, ws.close_timeout)
    ws
  end

  # Once for each WebSocket: how it ended is decided when the first side says so.
  defp told(%{told?: true} = ws, _code, _by), do: ws

  defp told(ws, code, by) do
    duration = System.monotonic_time() - ws.opened_at
    metadata = %{server: ws.server, code: code, by: by}
    Telemetry.emit([:http, :websocket, :close], %{duration: duration}, metadata)
    %{ws | told?: true}
  end
end
