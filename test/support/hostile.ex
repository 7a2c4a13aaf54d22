defmodule Guildhall.Hostile do
  @moduledoc false

  # Terms that are neither ids, masks, numbers in range nor valid names, and what must come of them.

  @doc "Terms of every kind."
  def strange do
    [
      -1,
      0x1_0000_0000_0000_0000,
      1.5,
      :atom,
      nil,
      "text",
      <<1::1>>,
      %{},
      {},
      [1 | 2],
      make_ref(),
      self(),
      &is_atom/1
    ]
  end

  @doc "A list in a list, 10,000 times."
  def deep, do: Enum.reduce(1..10_000, [], fn _n, inner -> [inner] end)

  @doc "Fails unless the function raises as on a caller's mistake."
  def refused(fun) do
    fun.()
  rescue
    error in [ArgumentError, FunctionClauseError, Protocol.UndefinedError] -> error
  else
    result -> ExUnit.Assertions.flunk("not refused: #{inspect(result)}")
  end
end
