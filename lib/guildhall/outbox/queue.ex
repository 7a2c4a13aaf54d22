defmodule Guildhall.Outbox.Queue do
  @moduledoc """
  Outboxes that wait to be flushed to their sockets, each once, first come, first served.

  `Guildhall.Audience.dispatch/3` puts those there that must be told of something and are connected
  (`Guildhall.Outbox.connect/3`), instead of naming their processes; `flush/2` writes, in pieces
  of less than a millisecond. Between two pieces its process does other things: what is pushed meanwhile
  to an outbox that still waits leaves in the same write.

      iex> alias Guildhall.{Audience, Outbox}
      iex> {:ok, audience} = Audience.new(id: 1)
      iex> :ok = Audience.attach(audience, %Audience.Session{key: 1, user_id: 5, outbox: Outbox.new()})
      iex> queue = Outbox.Queue.new()
      iex> item = %Audience.Item{body: Outbox.event("A", "1")}
      iex> {1, [pid], []} = Audience.dispatch(audience, [item], queue)
      iex> pid == self()
      true
      iex> # This one is not connected, so it is not in the queue.
      iex> Outbox.Queue.flush(queue)
      %{left: 0, tried: 0, blocked: [], tell: []}

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `flush/2` | a system call for each outbox, and what it writes | normal, some 0.4 ms |
  | `new/0`, `size/1` | constant | normal |

  A queue holds an outbox once, so it is never longer than there are outboxes. It is mutable and
  belongs to one process; an outbox that is in a queue is not put in another.
  """

  alias Guildhall.Native

  @type t :: Native.queue()
  @type flushed :: %{
          left: non_neg_integer(),
          tried: non_neg_integer(),
          blocked: [bytes :: non_neg_integer()],
          tell: [pid()]
        }

  # Of one call, even where the clock stands still.
  @most 256

  @doc "Makes an empty queue."
  @spec new() :: t()
  def new, do: Native.outbox_queue_new()

  @doc "Returns how many outboxes wait."
  @spec size(t()) :: non_neg_integer()
  def size(queue), do: Native.outbox_queue_size(queue)

  @doc """
  Flushes the next outboxes: at most `most`, and as many as take some 0.4 ms.

  `blocked` are the bytes that wait at sockets that were found full: their owners are told when they take
  data again. `tell` are the processes that must flush or take by themselves, because the outbox is
  connected no more, its connection is over, the next event is too large for a turn (64 KB of JSON to copy,
  4 KB to turn into ETF, 2 KB to compress), or it compresses in a context of its own.
  """
  @spec flush(t(), most :: pos_integer()) :: flushed()
  def flush(queue, most \\ @most) do
    {left, tried, blocked, tell} = Native.outbox_queue_flush(queue, min(most, @most))
    %{left: left, tried: tried, blocked: blocked, tell: tell}
  end
end
