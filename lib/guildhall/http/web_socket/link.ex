defmodule Guildhall.Http.WebSocket.Link do
  @moduledoc false

  # What becomes of a WebSocket: messages of the socket and calls of the owner go in, events come out.
  #
  #   :open      frames go both ways
  #   :failed    the client broke a rule: it is no longer listened to, and the owner should close
  #   :closing   our close frame is written, the client's awaited; its messages no longer count
  #   :ending    nothing more will be read or written; what is on its way to the client still leaves,
  #              then it sees our end, and we await its own
  #   :closed    the owner has been told
  #
  # While it is not closed, the socket is read, also to drop what comes: closing over unread data is a
  # reset, and takes from the client what it had not read of ours.

  alias Guildhall.Http
  alias Guildhall.Http.{Decoder, Frame, Socket, WebSocket}
  alias Guildhall.Http.WebSocket.Writer
  alias Guildhall.Outbox
  alias Guildhall.{Telemetry, Window}

  # They cost the client next to nothing.
  @controls {60, 1_000}

  @spec activate(WebSocket.t()) :: {:ok, [WebSocket.event()], WebSocket.t()}
  def activate(%WebSocket{inbox: inbox} = ws) do
    {:ok, writable, ws} = roused(ws)
    {:ok, events, ws} = if ws.left?, do: left(ws), else: received(ws, inbox)
    {:ok, writable ++ events, ws}
  end

  # The message that the socket takes data again may have come before its owner listened.
  defp roused(%{writer: %{busy?: true}} = ws), do: resumed(ws)
  defp roused(ws), do: {:ok, [], ws}

  @spec handle(WebSocket.t(), term()) :: {:ok, [WebSocket.event()], WebSocket.t()} | :unknown
  def handle(%WebSocket{socket: %Outbox.Socket{} = socket} = ws, {:select, _, :undefined, ready}) do
    case ready do
      :ready_input -> arrived(ws, Outbox.Socket.read(socket))
      :ready_output -> resumed(ws)
    end
  end

  def handle(%WebSocket{socket: socket} = ws, message) do
    case message do
      {:ssl, ^socket, data} -> received(ws, data)
      {:ssl_closed, ^socket} -> over(ws)
      {:ssl_error, ^socket, _reason} -> over(ws)
      {WebSocket, ^socket, :left} -> left(ws)
      {WebSocket, ^socket, :over} -> over(ws)
      {Http, :drain} when ws.state == :open -> {:ok, [{:error, 1001, :going_away}], ws}
      {Http, :drain} -> {:ok, [], ws}
      {Http, :evict} -> over(ws)
      _other -> :unknown
    end
  end

  @spec write(WebSocket.t(), iodata()) :: {:ok | :busy, WebSocket.t()}
  def write(%WebSocket{state: state, writer: writer} = ws, frames)
      when state in [:open, :failed] do
    case Writer.write(writer, frames) do
      {:ok, ^writer} ->
        {if(writer.busy?, do: :busy, else: :ok), ws}

      result ->
        ws = wrote(result, ws)
        {if(ws.writer.busy?, do: :busy, else: :ok), ws}
    end
  end

  def write(%WebSocket{} = ws, _frames), do: {:ok, ws}

  @spec connect(WebSocket.t(), Outbox.t(), Outbox.Transport.t()) :: boolean()
  def connect(%WebSocket{socket: %Outbox.Socket{} = socket}, outbox, transport) do
    :ok = Outbox.connect(outbox, socket, transport)
    true
  end

  def connect(%WebSocket{}, _outbox, _transport), do: false

  @spec flush(WebSocket.t(), Outbox.t()) :: {:ok | :busy | :more, WebSocket.t()}
  def flush(%WebSocket{state: state, writer: writer} = ws, outbox)
      when state in [:open, :failed] do
    case Writer.flush(writer, outbox) do
      {:lost, _reason} = lost -> {:ok, wrote(lost, ws)}
      {progress, ^writer} -> {progress, ws}
      {progress, writer} -> {progress, wrote({progress, writer}, ws)}
    end
  end

  def flush(%WebSocket{} = ws, _outbox), do: {:ok, ws}

  @spec put(WebSocket.t(), Outbox.Transport.t(), iodata()) :: WebSocket.t()
  def put(%WebSocket{state: state} = ws, transport, payload) when state in [:open, :failed] do
    ws.writer |> Writer.put(transport, payload) |> wrote(ws)
  end

  def put(%WebSocket{} = ws, _transport, _payload), do: ws

  @spec close(WebSocket.t(), 1000..4999 | nil, String.t()) :: {:ok, WebSocket.t()}
  def close(%WebSocket{state: state} = ws, code, reason) when state in [:open, :failed] do
    ws = ws |> told(code, :server) |> put_last(Frame.close(code, reason)) |> expire()

    case ws.state do
      :open -> {:ok, %{ws | state: :closing}}
      :failed -> {:ok, finish(%{ws | state: :ending})}
      :ending -> {:ok, ws}
    end
  end

  def close(%WebSocket{} = ws, _code, _reason), do: {:ok, ws}

  @spec abort(WebSocket.t()) :: :ok
  def abort(ws) do
    {:ok, _closed, _ws} = over(ws)
    :ok
  end

  @spec transfer(WebSocket.t(), pid()) :: {:ok, WebSocket.t()} | {:error, term()}
  def transfer(%WebSocket{state: state, socket: socket} = ws, pid)
      when state in [:open, :failed] do
    Socket.passivate(socket)

    with {:ok, arrived} <- take(socket, []),
         :ok <- Socket.give(socket, pid) do
      {:ok, %{ws | inbox: IO.iodata_to_binary([ws.inbox | arrived])}}
    end
  end

  def transfer(%WebSocket{}, _pid), do: {:error, :closed}

  # What is already here. Over TCP the messages hold no data, and the new owner is sent its own.
  defp take(%Outbox.Socket{} = socket, arrived) do
    receive do
      {:select, _object, :undefined, _ready} -> take(socket, arrived)
      {WebSocket, ^socket, _message} -> take(socket, arrived)
    after
      0 ->
        case Outbox.Socket.read(socket) do
          {:ok, data} -> {:ok, [arrived, data]}
          :empty -> {:ok, arrived}
          :lost -> {:error, :closed}
        end
    end
  end

  defp take(socket, arrived) do
    receive do
      {:ssl, ^socket, data} -> take(socket, [arrived, data])
      {WebSocket, ^socket, _message} -> take(socket, arrived)
      {:ssl_closed, ^socket} -> {:error, :closed}
      {:ssl_error, ^socket, _reason} -> {:error, :closed}
    after
      0 -> {:ok, arrived}
    end
  end

  defp arrived(%{state: :closed} = ws, _read), do: {:ok, [], ws}
  defp arrived(ws, {:ok, data}), do: received(ws, data)
  defp arrived(ws, :empty), do: {:ok, [], again(ws)}
  defp arrived(ws, :lost), do: over(ws)

  defp received(%{state: state} = ws, data) when state in [:open, :closing] do
    {frames, decoder} = Decoder.feed(ws.decoder, data)
    {events, ws} = act(frames, %{ws | decoder: decoder, inbox: ""}, [], [])
    {:ok, events, again(ws)}
  end

  defp received(ws, _data), do: {:ok, [], again(ws)}

  defp again(%{state: :closed} = ws), do: ws

  defp again(ws) do
    unless Socket.activate(ws.socket) == :ok, do: over_soon(ws)
    ws
  end

  # Pings in a row are answered in one write.
  defp act([{type, payload} | frames], ws, pings, events) when type in [:ping, :pong] do
    case Window.count(ws.controls, System.monotonic_time(:millisecond), @controls) do
      {:ok, controls} ->
        pings = if type == :ping, do: [payload | pings], else: pings
        act(frames, %{ws | controls: controls}, pings, events)

      {:error, :limited} ->
        act([{:error, 1008, :control_frames}], ws, pings, events)
    end
  end

  defp act(frames, ws, [_ | _] = pings, events), do: act(frames, pong(ws, pings), [], events)
  defp act([], ws, [], events), do: {Enum.reverse(events), ws}

  # What the client said before it left is the owner's to answer first.
  defp act([{:close, code, _reason}], ws, [], events) do
    ws = %{ws | left?: true, code: code || 1005}

    if events == [] do
      {:ok, closed, ws} = left(ws)
      {closed, ws}
    else
      send(self(), {WebSocket, ws.socket, :left})
      {Enum.reverse(events), ws}
    end
  end

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

  defp resumed(%{state: :closed} = ws), do: {:ok, [], ws}

  defp resumed(ws) do
    case Writer.resume(ws.writer) do
      {:lost, _reason} -> over(ws)
      {:writable, writer} when ws.state == :open -> {:ok, [:writable], %{ws | writer: writer}}
      {_ok, writer} when ws.state == :ending -> {:ok, [], finish(%{ws | writer: writer})}
      {_ok, writer} -> {:ok, [], %{ws | writer: writer}}
    end
  end

  # Once both close frames are exchanged it is over, unless something of ours is on its way.
  defp left(%{state: state} = ws) when state in [:open, :closing] do
    ws = if state == :open, do: answer_close(ws), else: ws
    ws = %{ws | state: :ending}

    if Socket.queued(ws.socket) == 0,
      do: over(ws),
      else: {:ok, [], ws |> expire() |> finish()}
  end

  defp left(ws), do: {:ok, [], ws}

  defp answer_close(ws) do
    code = if ws.code == 1005, do: nil, else: ws.code
    ws |> told(ws.code, :client) |> put_last(Frame.close(code, ""))
  end

  defp finish(ws) do
    Socket.finish(ws.socket)
    ws
  end

  defp over(%{state: :closed} = ws), do: {:ok, [], ws}

  defp over(ws) do
    ws = told(ws, ws.code, :nobody)
    Socket.abort(ws.socket)
    if ws.timer, do: Process.cancel_timer(ws.timer)
    {:ok, [{:closed, ws.code}], %{ws | state: :closed, inbox: ""}}
  end

  defp put_last(ws, frame), do: ws.writer |> Writer.write_last(frame) |> wrote(ws)

  defp wrote({:lost, reason}, ws) do
    Socket.abort(ws.socket)
    over_soon(ws)
    %{told(ws, nil, if(reason == :slow, do: :slow, else: :nobody)) | state: :ending}
  end

  defp wrote({_ok_or_busy, writer}, ws) do
    if writer.busy? and not ws.writer.busy? do
      metadata = %{instance: ws.instance}
      Telemetry.emit([:http, :websocket, :busy], %{bytes: Socket.queued(ws.socket)}, metadata)
    end

    %{ws | writer: writer}
  end

  # The owner learns of it by a message, as of everything.
  defp over_soon(ws), do: send(self(), {WebSocket, ws.socket, :over})

  defp expire(%{timer: nil} = ws) do
    timer = Process.send_after(self(), {WebSocket, ws.socket, :over}, ws.close_timeout)
    %{ws | timer: timer}
  end

  defp expire(ws), do: ws

  # Once for each WebSocket: how it ended is decided when the first side says so.
  defp told(%{told?: true} = ws, _code, _by), do: ws

  defp told(ws, code, by) do
    duration = System.monotonic_time() - ws.opened_at
    metadata = %{instance: ws.instance, code: code, by: by}
    Telemetry.emit([:http, :websocket, :close], %{duration: duration}, metadata)
    %{ws | told?: true}
  end
end
