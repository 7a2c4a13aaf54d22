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

  import Bitwise

  alias Guildhall.Model.Snowflake
  alias Guildhall.Store.Lease

  @epoch Snowflake.epoch()
  @count_bits 12
  @worker_bits 10

  # How far the limit is set ahead of the clock: after a crash, ids begin at most so far in the
  # future.
  @lead 4_000

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

  @doc "Starts where the lease's row says that others have ended. There is no limit yet."
  @spec new(Lease.row() | nil, keyword()) :: t()
  def new(row, options) do
    numbers = :atomics.new(3, signed: true)
    used = limit(row) <<< @count_bits
    :atomics.put(numbers, @last, used - 1)
    :atomics.put(numbers, @limit, used)
    struct!(__MODULE__, [numbers: numbers] ++ options)
  end

  @doc "Returns the next id."
  @spec next(t()) :: pos_integer()
  def next(%__MODULE__{numbers: numbers} = ids) do
    last = :atomics.get(numbers, @last)
    limit = :atomics.get(numbers, @limit)
    next = max(last + 1, now(ids) <<< @count_bits)

    cond do
      next >= limit ->
        beyond(ids)

      :atomics.compare_exchange(numbers, @last, last, next) != :ok ->
        next(ids)

      true ->
        if next >= limit - (@lead <<< @count_bits) / 2, do: ask(ids)
        id(ids, next)
    end
  end

  @doc "Returns the lease's next row, with a limit ahead of every id and of the clock."
  @spec raised(t(), Lease.row() | nil) :: Lease.row()
  def raised(ids, row) do
    last = :atomics.get(ids.numbers, @last) >>> @count_bits
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

  # Waits for a higher limit. Without one, as when the disk is full, ids lag behind the clock for
  # as long as there are any below the limit.
  defp beyond(ids) do
    case GenServer.call(ids.server, :raise_limit) do
      :ok -> next(ids)
      {:error, reason} -> lag(ids, reason)
    end
  end

  defp lag(%__MODULE__{numbers: numbers} = ids, reason) do
    last = :atomics.get(numbers, @last)

    cond do
      last + 1 >= :atomics.get(numbers, @limit) -> exit({:no_ids, reason})
      :atomics.compare_exchange(numbers, @last, last, last + 1) == :ok -> id(ids, last + 1)
      true -> lag(ids, reason)
    end
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
