defmodule Guildhall.Limiter do
  @moduledoc """
  Rates of many keys in one table: of each key, at most `limit` in any `per` milliseconds.

      iex> alias Guildhall.Limiter
      iex> table = Limiter.new(Guildhall.LimiterExample)
      iex> Limiter.hit(table, {:ada}, {2, 1_000}, 0)
      {:ok, 1, 1_000}
      iex> Limiter.hit(table, {:ada}, {2, 1_000}, 900)
      {:ok, 0, 1_000}
      iex> Limiter.hit(table, {:ada}, {2, 1_000}, 950)
      {:limited, 0, 50}
      iex> Limiter.hit(table, {:ada}, {2, 1_000}, 1_000)
      {:ok, 0, 1_000}

  The window slides, so there is no boundary around which twice the limit passes. A row has a place for
  each of the `limit` hits, which holds when the place is free again. A hit takes the place that is free
  for longest, by one atomic update, so that hits at the same time never pass more than the limit; a
  refused hit changes nothing.

  The table belongs to the process that made it, and any process may use it. While that process is
  restarted there is no table, and every hit passes. The table is bounded: a key that
  would be one too many has the rows deleted that would be over first. Nobody is refused because
  others fill the table.

  | function  | cost |
  | --------- | ---- |
  | `hit/5`   | `O(limit)`, a microsecond for 50 |
  | `sweep/2` | `O(rows)` |
  """

  alias Guildhall.{SharedTable, Telemetry}

  @max_rows 200_000
  # Places follow the key, the limit and the time when the whole row is over.
  @ends_at 3
  @fixed 3
  # Before every time, also before those of a monotonic clock.
  @never -0x0400_0000_0000_0000
  # The share of rows that deletions from a full table leave, and how far in the future a deleted row may end.
  @left 0.875
  @horizons [0, 100, 1_000, 10_000, 60_000, 3_600_000, :infinity]
  @evicting {__MODULE__, :evicting}

  @type key :: tuple()
  @typedoc "How many in how many milliseconds."
  @type limit :: {pos_integer(), pos_integer()}
  @typedoc """
  Whether the hit passed, how many more would, and for how many milliseconds to wait: `:ok` says when all of
  the limit is free again, `:limited` when one hit would pass.
  """
  @type verdict :: {:ok | :limited, remaining :: non_neg_integer(), reset_after :: pos_integer()}

  @doc "Makes a table, which belongs to the caller."
  @spec new(atom()) :: :ets.table()
  def new(name) do
    :ets.new(name, [:set, :public, :named_table, read_concurrency: true, write_concurrency: true])
  end

  @doc "Counts a hit at `now`, in milliseconds of any clock that never goes back."
  @spec hit(:ets.table(), key(), limit(), now :: integer(), max_rows :: pos_integer()) ::
          verdict()
  def hit(table, key, {limit, per} = rate, now, max_rows \\ @max_rows) do
    count(table, key, rate, now, max_rows)
  rescue
    error in ArgumentError ->
      # The owner may have crashed, and its successor's table may be there by now.
      case count_again(table, key, rate, now, max_rows) do
        :no_table -> {:ok, limit - 1, per}
        :failed -> reraise(error, __STACKTRACE__)
        verdict -> verdict
      end
  end

  defp count_again(table, key, rate, now, max_rows) do
    if :ets.whereis(table) == :undefined,
      do: :no_table,
      else: count(table, key, rate, now, max_rows)
  rescue
    ArgumentError -> if :ets.whereis(table) == :undefined, do: :no_table, else: :failed
  end

  defp count(table, key, rate, now, max_rows) do
    case :ets.lookup(table, key) do
      [row] -> take(table, row, rate, now, max_rows)
      [] -> first(table, key, rate, now, max_rows)
    end
  end

  @doc "Says what `hit/5` would, without a hit."
  @spec check(:ets.table(), key(), limit(), now :: integer()) :: verdict()
  def check(table, key, {limit, per}, now) do
    case SharedTable.lookup(table, key) do
      [] -> {:ok, limit, per}
      [row] -> row |> freest(limit, now) |> verdict(per, now, 0)
    end
  end

  defp take(table, row, {limit, per} = rate, now, max_rows) do
    case freest(row, limit, now) do
      {_place, free_at, _free} = freest when free_at > now ->
        verdict(freest, per, now, 0)

      {place, _free_at, _free} = freest ->
        # The first line answers, the second takes the place if it is still free, the third undoes what
        # the second did otherwise.
        ops = [
          {place, 0},
          {place, -1, now, now + per - 1},
          {place, 1},
          {@ends_at, 0, @never, now + per}
        ]

        case update(table, elem(row, 0), ops) do
          [free_at | _new] when free_at <= now -> verdict(freest, per, now, 1)
          # Another process took it, or the row was deleted: look again.
          _taken -> count(table, elem(row, 0), rate, now, max_rows)
        end
    end
  end

  defp update(table, key, ops) do
    :ets.update_counter(table, key, ops)
  rescue
    ArgumentError -> :deleted
  end

  defp first(table, key, {limit, per} = rate, now, max_rows) do
    if :ets.info(table, :size) >= max_rows, do: evict(table, now, max_rows)
    row = :erlang.make_tuple(@fixed + limit, @never, places(key, limit, now + per))

    cond do
      :ets.insert_new(table, row) -> {:ok, limit - 1, per}
      :ets.member(table, key) -> count(table, key, rate, now, max_rows)
      true -> {:ok, limit - 1, per}
    end
  end

  defp places(key, limit, ends_at) do
    [{1, key}, {2, limit}, {@ends_at, ends_at}, {@fixed + 1, ends_at}]
  end

  # The place that is free first, when that is, and how many are free.
  defp freest(row, limit, now), do: freest(row, @fixed + limit, now, {nil, :infinity, 0})

  defp freest(_row, @fixed, _now, result), do: result

  defp freest(row, place, now, {best, best_at, free}) do
    free_at = elem(row, place - 1)
    free = if free_at <= now, do: free + 1, else: free
    # An atom is more than every number.
    result = if free_at < best_at, do: {place, free_at, free}, else: {best, best_at, free}
    freest(row, place - 1, now, result)
  end

  defp verdict({_place, free_at, _free}, _per, now, _taken) when free_at > now,
    do: {:limited, 0, free_at - now}

  defp verdict({_place, _free_at, free}, per, _now, taken), do: {:ok, free - taken, per}

  @doc "Deletes the rows that are over. Returns how many they were."
  @spec sweep(:ets.table(), now :: integer()) :: non_neg_integer()
  def sweep(table, now) do
    :ets.select_delete(table, [{:"$1", [{:"=<", {:element, @ends_at, :"$1"}, now}], [true]}])
  end

  # One process at a time; the others need not wait for it.
  defp evict(table, now, max_rows) do
    if :ets.insert_new(table, {@evicting, 0, now + 10_000}) do
      Enum.reduce_while(@horizons, :ok, fn horizon, :ok ->
        evicted = sweep(table, if(horizon == :infinity, do: horizon, else: now + horizon))

        if horizon != 0 and evicted > 0,
          do: Telemetry.emit([:limiter, :evict], %{rows: evicted}, %{table: table})

        if :ets.info(table, :size) <= max_rows * @left, do: {:halt, :ok}, else: {:cont, :ok}
      end)

      :ets.delete(table, @evicting)
    end
  end
end
