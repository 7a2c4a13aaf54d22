defmodule Guildhall.Outbox.Socket do
  @moduledoc """
  A TCP connection that outboxes write to by themselves.

  A process that has shaken hands on a `:gen_tcp` socket gives it up for one of these, which
  has no port and no driver: what is pushed to an outbox can then be written by whoever pushed
  (`Guildhall.Outbox.Queue`), without a message to any process.

      iex> alias Guildhall.Outbox
      iex> options = [:binary, active: false, ip: {127, 0, 0, 1}]
      iex> {:ok, listener} = :gen_tcp.listen(0, options)
      iex> {:ok, number} = :inet.port(listener)
      iex> {:ok, client} = :gen_tcp.connect({127, 0, 0, 1}, number, [:binary, active: false])
      iex> {:ok, port} = :gen_tcp.accept(listener)
      iex> {:ok, socket} = Outbox.Socket.adopt(port, 1_048_576)
      iex> outbox = Outbox.new()
      iex> Outbox.connect(outbox, socket, Outbox.Transport.new(:plain))
      iex> Outbox.push(outbox, Outbox.event("TYPING_START", ~s({"channel_id":"1"})))
      iex> Outbox.flush(outbox)
      :idle
      iex> {:ok, <<0x81, 56, payload::binary>>} = :gen_tcp.recv(client, 0)
      iex> payload
      ~s({"s":1,"t":"TYPING_START","op":0,"d":{"channel_id":"1"}})

  **Owner.** It belongs to the process that adopted it or was given it, and is closed when that
  process ends. The owner reads, is told when there is something to read or to write again, and ends it.

  **Messages** to the owner, each once for each time it was asked for, may also come when there
  is nothing (a late one of another socket):

  | message | means | then |
  | ------- | ----- | ---- |
  | `{:select, _, :undefined, :ready_input}` | asked for by `await/1` | `read/1`, `await/1` |
  | `{:select, _, :undefined, :ready_output}` | a write was `:blocked` | `resume/1`, and if it is `:ok` go on |

  **Writing** never waits. What the kernel does not take is kept, and nothing is written before
  it. `:blocked` means that the data has been taken and that `:ready_output` follows; what is
  written meanwhile is kept behind it, up to the limit, where the answer is `:slow` and the socket is
  lost. An outbox writes nothing while something is kept.

  A descriptor is one of the process's, like any socket's. Unix alone.

  | function | cost |
  | -------- | ---- |
  | `adopt/2`, `give/2`, `close/1` | some microseconds |
  | `read/1`, `write/2`, `write_last/2`, `put/3`, `resume/1` | a system call; 2 to 6 us on Linux |
  | `finish/1` | a system call |
  | `kept/1`, `total/1` | constant |
  | `await/1` | a change of the VM's poll set, 1 us |

  All of it on the calling scheduler, but for a payload of `put/3` that is large to copy, to turn into ETF
  or to compress (as `Guildhall.Outbox.take/3` has it), which is done on a dirty one.
  """

  alias Guildhall.Native
  alias Guildhall.Outbox.Transport

  @enforce_keys [:handle]
  defstruct [:handle]

  @typedoc "What is in it is not to be looked at, but a socket can be told by its struct."
  @type t :: %__MODULE__{handle: Native.socket()}
  @type written :: :ok | :blocked | :slow | :lost

  @doc """
  Takes over the connection of a `:gen_tcp` port of the caller's, which is closed: the peer sees nothing
  of it.

  The port must be passive, its data read and written. Answers `:error`, and leaves the port as it
  was, if something is still to be written or there is no descriptor for a duplicate.
  """
  @spec adopt(port(), limit :: pos_integer()) :: {:ok, t()} | :error
  def adopt(port, limit) when is_port(port) and is_integer(limit) and limit > 0 do
    with {:ok, [send_pend: 0]} <- :inet.getstat(port, [:send_pend]),
         {:ok, fd} <- :prim_inet.getfd(port),
         {:ok, handle} <- Native.outbox_socket_adopt(fd, limit) do
      :ok = :gen_tcp.close(port)
      {:ok, %__MODULE__{handle: handle}}
    else
      _other -> :error
    end
  end

  @doc "Makes another process the owner. Only the owner may; `:error` if the other is dead."
  @spec give(t(), pid()) :: :ok | :error
  def give(%__MODULE__{handle: handle}, pid), do: Native.outbox_socket_give(handle, pid)

  @doc "Asks for one message when there is something to read."
  @spec await(t()) :: :ok | :lost
  def await(%__MODULE__{handle: handle}), do: Native.outbox_socket_await(handle)

  @doc "Returns what has arrived, up to 16 KB. `:lost` if the peer ended its side or is gone."
  @spec read(t()) :: {:ok, binary()} | :empty | :lost
  def read(%__MODULE__{handle: handle}), do: Native.outbox_socket_read(handle)

  @doc "Writes bytes that are ready for the wire."
  @spec write(t(), iodata()) :: written()
  def write(%__MODULE__{handle: handle}, data) do
    Native.outbox_socket_write(handle, data, false)
  end

  @doc "Writes the last bytes: whatever would be written later is dropped, and outboxes find it lost."
  @spec write_last(t(), iodata()) :: written()
  def write_last(%__MODULE__{handle: handle}, data) do
    Native.outbox_socket_write(handle, data, true)
  end

  @doc """
  Frames a payload that is no event, as `Guildhall.Outbox.Transport.frame/2` does, and writes it in one
  step: no event of an outbox comes between its place in the stream and its place on the wire.
  """
  @spec put(t(), Transport.t(), payload_json :: iodata()) :: written()
  def put(%__MODULE__{handle: handle}, transport, payload_json) do
    case Native.outbox_socket_put(handle, transport, payload_json) do
      :beyond -> Native.outbox_socket_put_dirty(handle, transport, payload_json)
      written -> written
    end
  end

  @doc "Goes on with what was kept."
  @spec resume(t()) :: :ok | :blocked | :lost
  def resume(%__MODULE__{handle: handle}), do: Native.outbox_socket_resume(handle)

  @doc "Returns how many bytes are kept."
  @spec kept(t()) :: non_neg_integer()
  def kept(%__MODULE__{handle: handle}), do: Native.outbox_socket_kept(handle)

  @doc "Returns how many bytes the kernel has taken in all."
  @spec total(t()) :: non_neg_integer()
  def total(%__MODULE__{handle: handle}), do: Native.outbox_socket_total(handle)

  @doc "Ends our side, so that the peer sees the end of what was written. Not while something is kept."
  @spec finish(t()) :: :ok
  def finish(%__MODULE__{handle: handle}), do: Native.outbox_socket_finish(handle)

  @doc "Closes it. If something is kept, the peer sees a reset."
  @spec close(t()) :: :ok
  def close(%__MODULE__{handle: handle}), do: Native.outbox_socket_close(handle)
end
