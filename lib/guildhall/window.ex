defmodule Guildhall.Window do
  @moduledoc """
  At most so many in so long, whenever the count begins: the times of the last ones, as a value.

      iex> alias Guildhall.Window
      iex> {:ok, window} = Window.count(nil, 0, {2, 1_000})
      iex> {:ok, window} = Window.count(window, 900, {2, 1_000})
      iex> Window.count(window, 950, {2, 1_000})
      {:error, :limited}
      iex> {:ok, window} = Window.count(window, 1_000, {2, 1_000})
      iex> Window.count(window, 1_100, {2, 1_000})
      {:error, :limited}

  A refused one does not count. `Guildhall.Limiter` does the same for many keys in a table.
  """

  @typedoc "Times, the latest first; nil before the first."
  @type t :: [integer()] | nil
  @type limit :: {count :: pos_integer(), milliseconds :: pos_integer()} | nil

  @doc "Counts one at `now`, if there were fewer in the time before. No limit counts nothing."
  @spec count(t(), now :: integer(), limit()) :: {:ok, t()} | {:error, :limited}
  def count(_times, _now, nil), do: {:ok, nil}

  def count(times, now, {most, span}) do
    recent = Enum.take_while(times || [], &(now - &1 < span))
    if length(recent) < most, do: {:ok, [now | recent]}, else: {:error, :limited}
  end
end
