defmodule Guildhall.Http.WebSocket.Writer do
  @moduledoc false

  # The writing side of a WebSocket that never waits for TCP. The driver takes a write whole or not at
  # all. For each that it takes it owes the caller an answer, and holds it back while its queue is full:
  # so the answer to the last one says that there is room again, and nothing has to poll. Only after a
  # transfer, when the old owner is the one who gets that answer, does a timer ask.
  #
  # A write that leaves nothing behind answers the very struct it was given, so that the owner has
  # nothing to rebuild.

  alias Guildhall.Http.{Frame, Socket}

  @enforce_keys [:socket, :limit]
  defstruct @enforce_keys ++
              [
                # Refused by the driver and not written yet.
                waiting: [],
                waiting_bytes: 0,
                # The newest ping that came meanwhile; RFC 6455 lets us forget the older ones.
                ping: nil,
                # Answers that the driver owes this process.
                owed: 0,
                busy?: false,
                polling?: false
              ]

  @type t :: %__MODULE__{}
  @type result :: {:ok | :busy, t()} | {:lost, :closed | :slow}

  # How long until a full driver is asked again that owes this process nothing.
  @poll 20

  @spec new(Socket.t(), limit :: pos_integer()) :: t()
  def new(socket, limit), do: %__MODULE__{socket: socket, limit: limit}

  @spec write(t(), iodata()) :: result()
  def write(%__MODULE__{waiting: []} = writer, data) do
    case offer(writer.socket, data) do
      :taken -> {:ok, taken(writer)}
      :sent -> {:ok, writer}
      :full -> {:busy, hold(writer, data)}
      :closed -> {:lost, :closed}
    end
  end

  # What the driver refused first is kept whatever its size: the owner could not know.
  def write(writer, data) do
    writer = hold(writer, data)
    if writer.waiting_bytes > writer.limit, do: {:lost, :slow}, else: {:busy, writer}
  end

  # Where the kernel takes it all, which it nearly always does, the driver's answer is here before
  # `offer/2` returns: taken now, it costs no turn of the owner's later.
  defp taken(%{socket: socket} = writer) do
    receive do
      {:inet_reply, ^socket, :ok} -> writer
      {:inet_reply, ^socket, :ok, _reference} -> writer
    after
      0 -> owed(writer, 1)
    end
  end

  @doc "Answers pings: all of them, or behind a full driver the newest."
  @spec pong(t(), [binary(), ...]) :: result()
  def pong(%__MODULE__{waiting: []} = writer, pings) do
    write(writer, Enum.map(pings, &Frame.encode(:pong, &1)))
  end

  def pong(writer, pings), do: {:busy, %{writer | ping: List.last(pings)}}

  @doc "Handles what the driver owed, or the timer."
  @spec handle(t(), {:inet_reply, :ok | {:error, term()}} | :poll) ::
          {:ok | :busy | :writable, t()} | {:lost, :closed}
  def handle(writer, {:inet_reply, {:error, _reason}}) when is_map(writer), do: {:lost, :closed}
  def handle(writer, {:inet_reply, :ok}), do: writer |> owed(-1) |> answered()
  def handle(writer, :poll), do: flush(%{writer | polling?: false})

  defp answered(%{waiting: [], owed: 0, busy?: true} = writer) do
    {:writable, %{writer | busy?: false}}
  end

  defp answered(%{waiting: []} = writer), do: {:ok, writer}
  defp answered(writer), do: flush(writer)

  @doc "For a new owner: no answer that is still owed will come to it, so it asks for one of its own."
  @spec resume(t()) :: {:ok | :busy, t()} | {:lost, :closed}
  def resume(%__MODULE__{} = writer) do
    writer = %{writer | owed: 0, polling?: false}
    if writer.busy?, do: flush(writer), else: {:ok, writer}
  end

  defp flush(writer) do
    pong = if writer.ping, do: Frame.encode(:pong, writer.ping), else: []

    case offer(writer.socket, [writer.waiting, pong]) do
      :taken -> {:busy, owed(%{writer | waiting: [], waiting_bytes: 0, ping: nil}, 1)}
      :full -> {:busy, poll(writer)}
      :closed -> {:lost, :closed}
    end
  end

  defp hold(writer, data) do
    bytes = writer.waiting_bytes + :erlang.iolist_size(data)
    poll(%{writer | waiting: [writer.waiting, data], waiting_bytes: bytes, busy?: true})
  end

  defp poll(%{owed: 0, polling?: false} = writer) do
    Process.send_after(self(), {Guildhall.Http.WebSocket, writer.socket, :poll}, @poll)
    %{writer | polling?: true}
  end

  defp poll(writer), do: writer

  defp owed(writer, change), do: %{writer | owed: max(writer.owed + change, 0)}

  defp offer(socket, data) when is_port(socket), do: Socket.offer(socket, data)

  defp offer(socket, data) do
    case Socket.send(socket, data) do
      :ok -> :sent
      {:error, _reason} -> :closed
    end
  end
end
