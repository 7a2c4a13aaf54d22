defmodule Guildhall.Api.Limiter do
  @moduledoc false

  # Counts requests in windows, each of which begins with its first request.
  #
  # A row is `{key, count, ends_at}` in monotonic ms. Counting is one atomic update; a window that
  # is over is replaced by the one request that still finds the old one, so however many requests
  # arrive at once, no window lets more through than its limit. The table is bounded: once it
  # is full, a key that is not in it is refused until the sweep has made room.

  alias Guildhall.Api.Route

  @max_rows 200_000

  @type key :: tuple()
  @typedoc "`reset_after` is in ms; a full table refuses without a count."
  @type verdict ::
          {:ok | :limited | :full, remaining :: non_neg_integer(), reset_after :: integer()}

  @spec new(atom()) :: :ets.table()
  def new(name) do
    :ets.new(name, [:set, :public, :named_table, read_concurrency: true, write_concurrency: true])
  end

  @spec hit(:ets.table(), key(), Route.limit(), now :: integer(), max_rows :: pos_integer()) ::
          verdict()
  def hit(table, key, {_limit, per} = limit, now, max_rows \\ @max_rows) do
    if :ets.info(table, :size) >= max_rows and not :ets.member(table, key),
      do: {:full, 0, per},
      else: count(table, key, limit, now)
  end

  defp count(table, key, {limit, per}, now) do
    case :ets.update_counter(table, key, [{2, 1}, {3, 0}], {key, 0, now + per}) do
      [count, ends_at] when now < ends_at -> verdict(count, limit, ends_at - now)
      [_count, ends_at] -> renew(table, key, ends_at, {limit, per}, now)
    end
  end

  # Whoever loses the race counts in the window that won.
  defp renew(table, key, ends_at, {limit, per}, now) do
    fresh = {{{:const, key}, 1, now + per}}

    case :ets.select_replace(table, [{{key, :_, ends_at}, [], [fresh]}]) do
      1 -> verdict(1, limit, per)
      0 -> count(table, key, {limit, per}, now)
    end
  end

  defp verdict(count, limit, reset_after) when count > limit, do: {:limited, 0, reset_after}
  defp verdict(count, limit, reset_after), do: {:ok, limit - count, reset_after}

  # Forgets the windows that are over.
  @spec sweep(:ets.table(), now :: integer()) :: non_neg_integer()
  def sweep(table, now) do
    :ets.select_delete(table, [{{:_, :_, :"$1"}, [{:"=<", :"$1", now}], [true]}])
  end
end
