defmodule Bench.Scale do
  @moduledoc false

  # A logarithmic axis: values from `low` to `high`, at pixels `from` to `to`.

  @enforce_keys [:low, :high, :from, :to]
  defstruct [:low, :high, :from, :to]

  @type t :: %__MODULE__{low: float(), high: float(), from: number(), to: number()}

  @doc "An axis of whole decades, with room below the smallest value."
  @spec decades([number()], number(), number()) :: t()
  def decades(values, from, to) do
    {least, most} = values |> Enum.map(&:math.log10/1) |> Enum.min_max()
    low = Float.floor(least - 0.2)
    %__MODULE__{low: low, high: max(Float.ceil(most), low + 1), from: from, to: to}
  end

  @doc "An axis that ends at its values."
  @spec tight([number()], number(), number()) :: t()
  def tight(values, from, to) do
    {low, high} = values |> Enum.map(&:math.log10/1) |> Enum.min_max()
    %__MODULE__{low: low, high: max(high, low + 1.0e-9), from: from, to: to}
  end

  @doc "Where a value is."
  @spec at(t(), number()) :: float()
  def at(%__MODULE__{} = scale, value) do
    share = (:math.log10(value) - scale.low) / (scale.high - scale.low)
    scale.from + share * (scale.to - scale.from)
  end

  @doc "The powers of ten on it."
  @spec ticks(t()) :: [float()]
  def ticks(%__MODULE__{low: low, high: high}) do
    for power <- trunc(low)..trunc(high), do: :math.pow(10, power)
  end
end
