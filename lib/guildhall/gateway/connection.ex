defmodule Guildhall.Gateway.Connection do
  @moduledoc false

  # One client's connection: its WebSocket, the transport of what is written, the limits on what is
  # read. It begins in the process that shakes hands and goes on in the session's.

  @behaviour Guildhall.Session.Connection

  alias Guildhall.{Instance, Outbox, Telemetry}
  alias Guildhall.Gateway.{Close, Command, Farewell, Opcode, Rate}
  alias Guildhall.Http.WebSocket
  alias Guildhall.Session

  @enforce_keys [:instance, :version, :ws, :transport, :encoding, :limited?]
  defstruct @enforce_keys ++
              [
                owner: :gateway,
                peer: nil,
                connected?: false,
                pending: [],
                limit: 15_360,
                size: 0,
                rate: Rate.new()
              ]

  @type t :: %__MODULE__{
          instance: Instance.t(),
          version: 9 | 10 | nil,
          ws: WebSocket.t(),
          transport: Outbox.Transport.t(),
          # How both sides spell payloads.
          encoding: :json | :etf,
          # Whether what the client sends is counted.
          limited?: boolean(),
          # Who reads the commands, and those that came before it did.
          owner: :gateway | :session,
          # The client's address.
          peer: {:inet.ip_address(), :inet.port_number()} | nil,
          # Whether the outbox writes by itself.
          connected?: boolean(),
          pending: [Command.t()],
          # How long a payload of this kind of client may be, and how long the last one was.
          limit: pos_integer(),
          size: non_neg_integer(),
          rate: Rate.t()
        }

  @bot_limit 4_096
  # What one write takes, and what a session writes before others get their turn.
  @write 65_536
  @turn 16

  @spec new(
          Instance.t(),
          WebSocket.t(),
          {Outbox.Transport.t(), encoding :: :json | :etf},
          version :: 9 | 10 | nil
        ) :: t()
  def new(instance, ws, {transport, encoding}, version) do
    %__MODULE__{
      instance: instance,
      version: version,
      ws: ws,
      transport: transport,
      encoding: encoding,
      limited?: Session.settings(instance).rate_limits
    }
  end

  @doc "The commands behind this one are the session's."
  @spec pending(t(), [Command.t()]) :: t()
  def pending(%__MODULE__{} = connection, commands), do: %{connection | pending: commands}

  @impl Session.Connection
  def connect(%__MODULE__{ws: ws, transport: transport} = connection, outbox) do
    %{connection | connected?: WebSocket.connect(ws, outbox, transport)}
  end

  @impl Session.Connection
  def activate(%__MODULE__{ws: ws, pending: pending} = connection) do
    {:ok, events, ws} = WebSocket.activate(ws)

    case commands(events, %{connection | ws: ws, pending: []}) do
      {:ok, commands, connection} -> {:ok, Enum.map(pending, &again/1) ++ commands, connection}
      closed -> closed
    end
  end

  @impl Session.Connection
  def authenticated(%__MODULE__{} = connection, %{bot: false}), do: {:ok, connection}

  def authenticated(%__MODULE__{size: size} = connection, _bot) when size <= @bot_limit do
    {:ok, %{connection | limit: @bot_limit}}
  end

  def authenticated(_connection, _bot), do: {:error, :decode_error}

  @impl Session.Connection
  def transfer(%__MODULE__{ws: ws} = connection, pid) do
    with {:ok, ws} <- WebSocket.transfer(ws, pid) do
      {:ok, %{connection | ws: ws, owner: :session}}
    end
  end

  @impl Session.Connection
  def handle_info(message, %__MODULE__{ws: ws} = connection) do
    case WebSocket.handle(ws, message) do
      {:ok, events, ws} -> commands(events, %{connection | ws: ws})
      :unknown -> :unknown
    end
  end

  @impl Session.Connection
  def deliver(%__MODULE__{} = connection, outbox), do: deliver(connection, outbox, @turn)

  defp deliver(connection, _outbox, 0), do: {:more, connection}

  defp deliver(%__MODULE__{connected?: true, ws: ws} = connection, outbox, turns) do
    {progress, flushed} = WebSocket.flush(ws, outbox)
    connection = if flushed == ws, do: connection, else: %{connection | ws: flushed}

    case progress do
      :ok -> {:idle, connection}
      :busy -> {:busy, connection}
      :more -> deliver(connection, outbox, turns - 1)
    end
  end

  defp deliver(%__MODULE__{ws: ws} = connection, outbox, turns) do
    case Outbox.take(outbox, connection.transport, @write) do
      {:ok, frames, more?} ->
        {progress, written} = WebSocket.write(ws, frames)
        # Nearly always the same, and then it is not built anew.
        connection = if written == ws, do: connection, else: %{connection | ws: written}

        cond do
          progress == :busy -> {:busy, connection}
          more? -> deliver(connection, outbox, turns - 1)
          true -> {:idle, connection}
        end

      :empty ->
        {:idle, connection}
    end
  end

  # With TLS nothing waits at the socket, but in the outbox.
  @impl Session.Connection
  def progress(%__MODULE__{connected?: false, ws: ws}, outbox) do
    {WebSocket.written(ws), Outbox.info(outbox).pending_bytes}
  end

  def progress(%__MODULE__{ws: ws}, _outbox) do
    {WebSocket.written(ws), WebSocket.buffered(ws)}
  end

  @impl Session.Connection
  def acknowledge(%__MODULE__{} = connection), do: put(connection, Opcode.acknowledge())

  @impl Session.Connection
  def reconnect(%__MODULE__{} = connection), do: put(connection, Opcode.reconnect())

  @impl Session.Connection
  def close(%__MODULE__{owner: :gateway, ws: ws} = connection, reason) do
    {code, text} = closing(connection, reason)
    {:ok, _ws} = WebSocket.close(ws, code, text)
    :ok
  end

  def close(%__MODULE__{owner: :session, ws: ws} = connection, reason) do
    {code, text} = closing(connection, reason)
    Farewell.say(ws, code, text)
  end

  defp closing(%__MODULE__{instance: instance}, reason) do
    {code, text} = Close.code(reason)
    metadata = %{instance: instance, code: code, reason: reason}
    Telemetry.emit([:gateway, :close], %{count: 1}, metadata)
    {code, text}
  end

  @doc "Writes a payload that has no number."
  @spec put(t(), payload :: binary()) :: t()
  def put(%__MODULE__{ws: ws, transport: transport} = connection, payload) do
    %{connection | ws: WebSocket.put(ws, transport, payload)}
  end

  # The events of a socket in order; the first that ends it is the last that counts.
  defp commands(events, connection), do: commands(events, connection, [])

  defp commands([], connection, commands), do: {:ok, Enum.reverse(commands), connection}
  defp commands([{:closed, code} | _rest], _connection, _commands), do: {:closed, code}

  defp commands([:writable | rest], connection, commands) do
    commands(rest, connection, [:writable | commands])
  end

  defp commands([{:error, code, _reason} | rest], connection, commands) do
    commands(rest, connection, [{:invalid, broken(code)} | commands])
  end

  defp commands([{_text_or_binary, data} | rest], connection, commands) do
    {command, connection} = command(connection, data)
    commands(rest, connection, [command | commands])
  end

  # What is too long, or no text, is what the protocol calls a decode error.
  defp broken(1001), do: :going_away
  defp broken(1002), do: :protocol_error
  defp broken(1008), do: :rate_limited
  defp broken(_code), do: :decode_error

  defp command(%__MODULE__{limit: limit} = connection, data) when byte_size(data) > limit do
    {report({:invalid, :decode_error}, data, connection), connection}
  end

  defp command(%__MODULE__{} = connection, data) do
    connection = %{connection | size: byte_size(data)}
    command = Command.decode(data, connection.encoding)
    command |> report(data, connection) |> again(connection) |> count(connection)
  end

  defp report(command, data, %__MODULE__{instance: instance}) do
    name = if is_tuple(command), do: elem(command, 0), else: command
    metadata = %{instance: instance, command: name}
    Telemetry.emit([:gateway, :command], %{bytes: byte_size(data)}, metadata)
    command
  end

  # Whoever has a session may not ask for another one here.
  defp again(command, %__MODULE__{owner: :gateway}), do: command
  defp again(command, %__MODULE__{owner: :session}), do: again(command)

  defp again({request, _data}) when request in [:identify, :resume] do
    {:invalid, :already_authenticated}
  end

  defp again(command), do: command

  defp count(command, %__MODULE__{limited?: false} = connection), do: {command, connection}

  defp count(command, %__MODULE__{rate: rate} = connection) do
    kind = if match?({:heartbeat, _sequence}, command), do: :heartbeat, else: :payload

    case Rate.count(rate, kind, System.monotonic_time(:millisecond)) do
      {:ok, rate} -> {command, %{connection | rate: rate}}
      {:error, reason} -> {{:invalid, reason}, connection}
    end
  end
end
