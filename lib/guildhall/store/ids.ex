defmodule Guildhall.Store.Ids do
  @moduledoc false

  # Where ids come from: 42 bits of milliseconds, 10 of worker, 12 that count.
  #
  # Milliseconds and count together are one number in an `:atomics`, which any process raises to
  # the clock's time or by one, whichever is more: ids grow even when the clock goes back, and
  # the 4,097th of a millisecond borrows from the next one.
  #
  # No id is given out beyond the *limit*, a time that is in the store before it is used. A node
  # that starts begins at the limit it finds there, so it repeats nothing, whatever its clock
  # says. The limit is the data of the worker's lease: if another takes the lease over, the next
  # raise of the limit fails.
  #
  # `next/1` never waits: at the limit it asks for a higher one and returns an error. The store's
  # process raises the limit in advance while ids are in use, so the error is rare: the first id
  # after a quiet minute, a clock that jumps ahead, a disk that does not answer.

  import Bitwise

  alias Guildhall.Model.Snowflake
  alias Guildhall.Store.Lease

  @epoch Snowflake.epoch()
  @count_bits 12
  @worker_bits 10

  # How far the limit is set ahead of the clock: after a crash, ids begin at most so far in the
  # future.
  @lead 4_000
  # With less than this left, an id asks for a higher limit.
  @ahead div(@lead, 2) <<< @count_bits

  # Positions in the atomics.
  @last 1
  @limit 2
  @asked 3

  @sealed 1 <<< 62

  @enforce_keys [:numbers, :worker, :clock, :server]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          numbers: :atomics.atomics_ref(),
          worker: 0..1023,
          clock: (() -> integer()),
          server: GenServer.server()
        }

  @doc """
  Starts where the lease's row says that others have ended. There is no limit yet.

  `previous` are the ids of a store of this VM that was killed, for the same folder. They go on where
  they are: nobody else can have used the folder since, and processes still hold them.
  """
  @spec new(Lease.row() | nil, keyword(), previous :: t() | nil) :: t()
  def new(row, options, previous \\ nil) do
    struct!(__MODULE__, [numbers: numbers(row, options[:worker], previous)] ++ options)
  end

  defp numbers(row, worker, %__MODULE__{worker: worker, numbers: numbers}) do
    used = limit(row) <<< @count_bits

    # A limit that another wrote, or a folder that was exchanged: as if the node had just started.
    if used >= :atomics.get(numbers, @limit) and :atomics.get(numbers, @last) < @sealed do
      :atomics.put(numbers, @asked, 0)
      numbers
    else
      numbers(row, worker, nil)
    end
  end

  defp numbers(row, _worker, _previous) do
    numbers = :atomics.new(3, signed: true)
    used = limit(row) <<< @count_bits
    :atomics.put(numbers, @last, used - 1)
    :atomics.put(numbers, @limit, used)
    numbers
  end

  @doc "Returns the next id, or an error at the limit, which is being raised then. Does not wait."
  @spec next(t()) :: {:ok, pos_integer()} | {:error, :no_ids}
  def next(%__MODULE__{numbers: numbers} = ids) do
    last = :atomics.get(numbers, @last)
    limit = :atomics.get(numbers, @limit)
    next = max(last + 1, now(ids) <<< @count_bits)

    cond do
      next >= limit ->
        ask(ids)
        {:error, :no_ids}

      :atomics.compare_exchange(numbers, @last, last, next) != :ok ->
        next(ids)

      true ->
        if next >= limit - @ahead, do: ask(ids)
        {:ok, id(ids, next)}
    end
  end

  @doc "Returns the number of the last id; it grows with every id."
  @spec last(t()) :: integer()
  def last(%__MODULE__{numbers: numbers}), do: :atomics.get(numbers, @last)

  @doc "Returns the lease's next row, with a limit ahead of every id and of the clock."
  @spec raised(t(), Lease.row() | nil) :: Lease.row()
  def raised(ids, row) do
    last = last(ids) >>> @count_bits
    Lease.take(row, <<max(now(ids), last + 1) + @lead::64>>)
  end

  @doc "Lets ids go up to the limit of the row, which is in the store."
  @spec allow(t(), Lease.row()) :: :ok
  def allow(ids, row) do
    :atomics.put(ids.numbers, @limit, limit(row) <<< @count_bits)
    :atomics.put(ids.numbers, @asked, 0)
  end

  @doc "Gives out no more ids, and returns the lease's next row, with a limit just above the last."
  @spec seal(t(), Lease.row() | nil) :: Lease.row()
  def seal(ids, row) do
    last = :atomics.exchange(ids.numbers, @last, @sealed)
    Lease.take(row, <<(last >>> @count_bits) + 1::64>>)
  end

  defp ask(ids) do
    if :atomics.compare_exchange(ids.numbers, @asked, 0, 1) == :ok,
      do: GenServer.cast(ids.server, :raise_limit)
  end

  defp id(ids, number) do
    <<id::64>> =
      <<number >>> @count_bits::42, ids.worker::size(@worker_bits), number::size(@count_bits)>>

    id
  end

  defp now(ids), do: max(ids.clock.() - @epoch, 0)

  defp limit(nil), do: 0

  defp limit(row) do
    <<limit::64>> = Lease.data(row)
    limit
  end
end
