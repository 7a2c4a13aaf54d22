defmodule Guildhall.Session.Window do
  @moduledoc false

  # So many in so long: a count that begins anew when its time is over.

  @type t :: {began_at :: integer(), count :: pos_integer()} | nil
  @type limit :: {count :: pos_integer(), milliseconds :: pos_integer()} | nil

  @spec count(t(), now :: integer(), limit()) :: {:ok, t()} | {:error, :limited}
  def count(_window, _now, nil), do: {:ok, nil}

  def count({began_at, count}, now, {most, span}) when now - began_at < span do
    if count < most, do: {:ok, {began_at, count + 1}}, else: {:error, :limited}
  end

  def count(_window, now, _limit), do: {:ok, {now, 1}}
end
