defmodule Guildhall.Http.WebSocket.Writer do
  @moduledoc false

  # The writing side of a WebSocket. Over TCP it never waits: what the kernel does not take is kept by
  # `Guildhall.Outbox.Socket`, which says when it is gone. Over TLS it waits for TCP.
  #
  # A write that leaves nothing behind answers the very struct it was given, so that the owner has
  # nothing to rebuild.

  alias Guildhall.Http.{Frame, Socket}
  alias Guildhall.Outbox

  @enforce_keys [:socket]
  defstruct @enforce_keys ++
              [
                busy?: false,
                # The newest ping that came while it was busy; RFC 6455 lets us forget the older ones.
                ping: nil
              ]

  @type t :: %__MODULE__{
          socket: Socket.t(),
          busy?: boolean(),
          ping: binary() | nil
        }
  @type result :: {:ok | :busy, t()} | {:lost, :closed | :slow}

  @spec new(Socket.t()) :: t()
  def new(socket), do: %__MODULE__{socket: socket}

  @spec write(t(), iodata()) :: result()
  def write(%__MODULE__{socket: %Outbox.Socket{} = socket} = writer, data) do
    wrote(writer, Outbox.Socket.write(socket, data))
  end

  def write(%__MODULE__{socket: socket} = writer, data) do
    case Socket.send(socket, data) do
      :ok -> {:ok, writer}
      {:error, _reason} -> {:lost, :closed}
    end
  end

  @doc "Writes the last frame: no pong and nothing that an outbox writes by itself comes behind it."
  @spec write_last(t(), iodata()) :: result()
  def write_last(%__MODULE__{socket: %Outbox.Socket{} = socket} = writer, data) do
    wrote(%{writer | ping: nil}, Outbox.Socket.write_last(socket, data))
  end

  def write_last(writer, data), do: write(writer, data)

  @doc "Frames a payload with the connection's transport and writes it."
  @spec put(t(), Outbox.Transport.t(), iodata()) :: result()
  def put(%__MODULE__{socket: %Outbox.Socket{} = socket} = writer, transport, payload) do
    wrote(writer, Outbox.Socket.put(socket, transport, payload))
  end

  def put(writer, transport, payload) do
    write(writer, Outbox.Transport.frame(transport, payload))
  end

  @doc "Has an outbox write what waits in it, if it is connected to this socket."
  @spec flush(t(), Outbox.t()) :: result() | {:more, t()}
  def flush(writer, outbox) do
    case Outbox.flush(outbox) do
      :more -> {:more, writer}
      :blocked -> wrote(writer, :blocked)
      :lost -> wrote(writer, :lost)
      _idle_or_unconnected -> {:ok, writer}
    end
  end

  @doc "Answers pings: all of them, or where the client does not read the newest."
  @spec pong(t(), [binary(), ...]) :: result()
  def pong(%__MODULE__{busy?: true} = writer, pings) do
    {:busy, %{writer | ping: List.last(pings)}}
  end

  def pong(writer, pings), do: write(writer, Enum.map(pings, &Frame.encode(:pong, &1)))

  @doc "Goes on, since the socket takes data again."
  @spec resume(t()) :: {:busy | :writable, t()} | {:lost, :closed | :slow}
  def resume(%__MODULE__{socket: socket} = writer) do
    case wrote(%{writer | busy?: false}, Outbox.Socket.resume(socket)) do
      {:ok, %{ping: nil} = writer} -> {:writable, writer}
      {:ok, writer} -> answer(writer)
      other -> other
    end
  end

  defp answer(%{ping: ping} = writer) do
    with {:ok, writer} <- write(%{writer | ping: nil}, Frame.encode(:pong, ping)) do
      {:writable, writer}
    end
  end

  defp wrote(writer, :ok), do: {:ok, writer}
  defp wrote(%{busy?: true} = writer, :blocked), do: {:busy, writer}
  defp wrote(writer, :blocked), do: {:busy, %{writer | busy?: true}}
  defp wrote(_writer, :slow), do: {:lost, :slow}
  defp wrote(_writer, :lost), do: {:lost, :closed}
end
