defmodule Bench.Goal do
  @moduledoc false

  # What a figure should be. A goal is shown beside what was measured, and decides nothing.

  @typedoc """
  At most so many microseconds (of a figure: of its unit), at least so many (of a figure), or so many
  times as fast as the baseline.
  """
  @type t :: {:at_most | :at_least | :times, number()}

  @doc "The goal as words."
  @spec text(t(), String.t()) :: String.t()
  def text({:times, ratio}, _unit), do: ">= #{ratio}x"
  def text({:at_most, us}, "us"), do: "<= #{Bench.Text.time(us)}"
  def text({:at_most, most}, unit), do: String.trim("<= #{Bench.Text.number(most)} #{unit}")
  def text({:at_least, least}, unit), do: String.trim(">= #{Bench.Text.number(least)} #{unit}")

  @doc "The goal as a time in microseconds, where the baseline took `baseline`."
  @spec time(t(), number()) :: number()
  def time({:times, ratio}, baseline), do: baseline / ratio
  def time({_bound, us}, _baseline), do: us

  @doc "Whether a value is as it should be."
  @spec met?(t(), number(), number()) :: boolean()
  def met?({:at_least, least}, value, _baseline), do: value >= least
  def met?(goal, value, baseline), do: value <= time(goal, baseline)
end
