defmodule Guildhall.Outbox do
  @schema [
    max_events: [
      type: :pos_integer,
      default: 10_000,
      doc: "Events that are kept for a resume. Twice as many may wait unsent."
    ],
    max_bytes: [
      type: :pos_integer,
      default: 4_194_304,
      doc:
        "The same in bytes, up to 4 GB. One event may exceed it, or a large one could never be sent."
    ]
  ]

  alias Guildhall.{Native, Options}
  alias Guildhall.Outbox.{Socket, Transport}

  @moduledoc """
  What one session is owed: numbered events, kept until the client has them, and written out as
  WebSocket frames.

  An `event/2` is encoded once and shared by all who get it: its JSON, its ETF and what compresses
  each of them are made once, by the first who needs them. `push/2` gives it the session's next
  sequence number; `take/3` writes what waits through the connection's
  `Guildhall.Outbox.Transport`; `resume/2` goes back after a lost connection.

      iex> alias Guildhall.Outbox
      iex> outbox = Outbox.new()
      iex> plain = Outbox.Transport.new(:plain)
      iex> Outbox.push(outbox, Outbox.event("TYPING_START", ~s({"channel_id":"1"})))
      :wake
      iex> {:ok, <<0x81, 56, payload::binary>>, false} = Outbox.take(outbox, plain, 65_536)
      iex> payload
      ~s({"s":1,"t":"TYPING_START","op":0,"d":{"channel_id":"1"}})
      iex> Outbox.take(outbox, plain, 65_536)
      :empty

  Outboxes live outside the BEAM heap and are **mutable**. Any process may push; one process, the
  session, takes, acknowledges and resumes.

  **Waking.** A push answers `:wake` if the taker must be told, at most once until a take has left
  nothing behind; other pushes answer `:queued`.

  **Bounds.** An outbox is full when twice the limits wait that were never sent: because its reader is
  slow, or because a burst came. A push still adds its event, and answers `:full`. Then `relieve/1`
  must be called: it writes what the socket takes, and if that is not enough it drops events, those
  of the largest sources first. The events that stay move up, so that the client sees no gap in the
  numbers. An outbox that is not relieved gives up at four times the limits: everything is dropped,
  `take/3` finds nothing and `resume/2` answers `{:error, :gone}`. Events that were sent fall off the
  ring's old end silently, when the client acknowledged them or when the ring is beyond the limits.
  What a resumed client is sent again does not count as unsent, so a ring is never larger than five
  times the limits.

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `event/2` | one copy | normal, dirty from 512 KB on |
  | `push/2` | constant | normal |
  | `push_many/2` | `O(outboxes * events)` | normal, in pieces of 0.3 ms or 1,024 pushes |
  | `take/3` | `O(bytes)` | normal; dirty from 512 KB to copy, 32 KB to turn into ETF or 16 KB to compress on |
  | `flush/1` | the same, and a system call | as `take/3` |
  | `acknowledge/2` | `O(events forgotten)` | normal |
  | `connect/3`, `disconnect/1` | constant, once who writes has finished | normal |
  | `relieve/1` | `O(events that wait)` if the outbox is full | normal, some 0.4 ms of writing |
  | `fits?/3` | constant, or `O(events that wait)` beyond `max_bytes` | normal |
  | `new/1`, `resume/2`, `info/1`, `memory/0` | constant | normal |
  """

  @large 524_288
  @max_number 0xFFFF_FFFF_FFFF_FFFF

  @opaque t :: Native.outbox()
  @opaque event :: Native.event()
  @type sequence :: non_neg_integer()
  @type source :: non_neg_integer()
  @typedoc "An event for many outboxes, with what some of them get instead."
  @type item :: event() | {event(), [{t(), instead :: event() | nil}]}

  @doc """
  Makes an event of a type (`A-Z`, `0-9`, `_`) and its data, which is JSON already.

  `source` is an id of the caller's own, such as the room's. Events of one source may be dropped together, see
  `relieve/1`; those of source 0 are never dropped. Raises `ArgumentError` for another type, or for data
  beyond 64 MB.
  """
  @spec event(type :: String.t(), data_json :: iodata(), source()) :: event()
  def event(type, data_json, source \\ 0)
      when is_binary(type) and is_integer(source) and source in 0..@max_number do
    if IO.iodata_length(data_json) < @large,
      do: Native.outbox_event(type, data_json, source),
      else: Native.outbox_event_dirty(type, data_json, source)
  rescue
    ArgumentError ->
      message = "expected a type of A-Z, 0-9 and _, and at most 64 MB of data, got: "
      got = inspect({type, data_json}, limit: 10, printable_limit: 100)
      reraise ArgumentError, message <> got, __STACKTRACE__
  end

  @doc """
  Makes an empty outbox.

  #{Options.docs(@schema)}
  """
  @spec new(keyword()) :: t()
  def new(options \\ []) do
    options = Options.validate!(options, @schema)
    Native.outbox_new(options[:max_events], options[:max_bytes])
  end

  @doc """
  Gives the event the next number and keeps it.

  `:full` asks for `relieve/1`, and means that the taker must be told, as `:wake` does.
  """
  @spec push(t(), event()) :: :wake | :queued | :full
  def push(outbox, event), do: Native.outbox_push(outbox, event)

  @doc """
  Pushes the event, or the events in their order, to every outbox.

  An event may come with exceptions, `{event, [{outbox, instead}]}`: such an outbox gets another
  event in its place, or with `nil` none. Exceptions for outboxes not in the list do nothing.

  Returns the positions in the list of those to wake and of those that are full. Several events
  in one call cost much less than as many calls: each outbox is locked and brought to the cache
  once. A call of more than a few thousand events holds its scheduler for more than a millisecond.
  """
  @spec push_many([t()], item() | [item()]) ::
          {wake :: [non_neg_integer()], full :: [non_neg_integer()]}
  def push_many(outboxes, events) when is_list(outboxes) and is_list(events) do
    case Native.outbox_push_many(outboxes, events, 0) do
      {wake, full, [], _next} -> {wake, full}
      {wake, full, rest, next} -> push_rest(rest, events, next, [wake], [full])
    end
  end

  def push_many(outboxes, event) when is_list(outboxes), do: push_many(outboxes, [event])

  defp push_rest([], _events, _first, wakes, fulls), do: {join(wakes), join(fulls)}

  defp push_rest(outboxes, events, first, wakes, fulls) do
    {wake, full, rest, next} = Native.outbox_push_many(outboxes, events, first)
    push_rest(rest, events, next, [wake | wakes], [full | fulls])
  end

  defp join(pieces), do: pieces |> Enum.reverse() |> Enum.concat()

  @doc """
  Makes space in a full outbox, and does nothing to one that is not full.

  First writes to the socket, where the outbox is connected and its transport is shared. If it is full all
  the same, drops events that were never sent, those of the largest sources first, until what is left
  is within the limits. Returns what was dropped, and whether the outbox is full all the same: what waits
  has no source, or the outbox has given up.
  """
  @spec relieve(t()) ::
          {dropped :: [{source(), events :: pos_integer(), bytes :: pos_integer()}],
           full? :: boolean()}
  def relieve(outbox), do: Native.outbox_relieve(outbox)

  @doc """
  Whether an event may be pushed if at most `max_bytes` of events of its type are to wait unsent, or one
  event alone. What the socket has not taken counts, too.
  """
  @spec fits?(t(), event(), max_bytes :: non_neg_integer()) :: boolean()
  def fits?(outbox, event, max_bytes), do: Native.outbox_fits(outbox, event, max_bytes)

  @doc """
  Takes what waits, as frames that are ready to be written: about `max_bytes` of JSON, but at least
  one frame, and never a part of one.

  Returns whether more waits. If not, the next push wakes. Raises `ArgumentError` if an event
  whose data is not JSON should be turned into ETF.
  """
  @spec take(t(), Transport.t(), max_bytes :: non_neg_integer()) ::
          {:ok, frames :: binary(), more? :: boolean()} | :empty
  def take(outbox, transport, max_bytes) when max_bytes in 0..@max_number do
    case Native.outbox_take(outbox, transport, max_bytes) do
      :beyond -> Native.outbox_take_dirty(outbox, transport, max_bytes)
      taken -> taken
    end
  end

  @doc """
  Has the outbox write to a socket by itself, through the connection's transport.

  From now on `flush/1` writes, and pushes that would have named its process may put it into a
  `Guildhall.Outbox.Queue`. A payload of the connection's own goes through
  `Guildhall.Outbox.Socket.put/3`, or it would come out of order.
  """
  @spec connect(t(), Socket.t(), Transport.t()) :: :ok
  def connect(outbox, %Socket{handle: socket}, transport) do
    Native.outbox_connect(outbox, socket, transport)
  end

  @doc "Takes the socket away. When it returns, nobody is writing."
  @spec disconnect(t()) :: :ok
  def disconnect(outbox), do: Native.outbox_disconnect(outbox)

  @doc """
  Writes what waits to the socket: about 64 KB of JSON, but at least one event.

  `:idle` means that nothing waits any more and the next push wakes; `:more` that another call would
  write; `:blocked` that the socket is full, and flushing is to go on when its owner has resumed
  it. `:lost` if the connection is over, `:unconnected` without one: what waits goes on waiting.
  """
  @spec flush(t()) :: :idle | :more | :blocked | :lost | :unconnected
  def flush(outbox) do
    case Native.outbox_flush(outbox) do
      :beyond -> Native.outbox_flush_dirty(outbox)
      flushed -> flushed
    end
  end

  @doc """
  Forgets the events up to a number that the client says it has.

  It is the client's word: whatever is no number of an event sent to it is ignored.
  """
  @spec acknowledge(t(), term()) :: :ok
  def acknowledge(outbox, number) when number in 1..@max_number do
    Native.outbox_acknowledge(outbox, number)
  end

  def acknowledge(_outbox, _number), do: :ok

  @doc """
  Goes back, so that the next take begins with the event after the one the client had last.

  Everything after `number` must still be there (`:gone`), and the number must have been given
  (`:invalid`). If so, the outbox is disconnected: what is owed again is owed to another connection.
  """
  @spec resume(t(), term()) :: :ok | {:error, :gone | :invalid}
  def resume(outbox, number) when number in 0..@max_number do
    Native.outbox_resume(outbox, number)
  end

  def resume(_outbox, _number), do: {:error, :invalid}

  @doc "Returns the counters of an outbox. Pending is what waits to be taken; the ring is all that is held."
  @spec info(t()) :: %{
          sequence: sequence(),
          acknowledged: sequence(),
          pending_events: non_neg_integer(),
          pending_bytes: non_neg_integer(),
          ring_events: non_neg_integer(),
          ring_bytes: non_neg_integer(),
          overflowed: boolean()
        }
  def info(outbox), do: Native.outbox_info(outbox)

  @doc """
  Returns how many events, outboxes, transports, compression contexts and sockets there are in this VM,
  and their bytes outside the BEAM heap; `:blocks` are what events hold for zstd-stream besides.
  """
  @spec memory() :: %{
          (:events | :blocks | :outboxes | :transports | :contexts | :sockets) => %{
            count: non_neg_integer(),
            bytes: non_neg_integer()
          }
        }
  def memory do
    kinds = [:events, :blocks, :outboxes, :transports, :contexts, :sockets]

    for {kind, {count, bytes}} <- Enum.zip(kinds, Native.outbox_memory()),
        into: %{},
        do: {kind, %{count: count, bytes: bytes}}
  end
end
