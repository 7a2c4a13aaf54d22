defmodule Bench.Table do
  @moduledoc false

  # What was measured, as lines for a terminal.

  alias Bench.{Goal, Text}

  @head ["", "median", "p99", "cpu an op", "ratio", "ops"]
  @widths [18, 12, 12, 12, 9, 14]

  @doc "The lines of an entry, after those of the one before it."
  @spec render(map(), map() | nil) :: iodata()
  def render(%{figure: name} = figure, before) do
    line = [
      "  ",
      String.pad_trailing(name, 48),
      String.pad_leading("#{Text.number(figure.value)} #{figure.unit}", 24),
      verdict(figure.goal, figure.unit, figure.value, 1)
    ]

    [if(match?(%{figure: _}, before), do: "", else: "\n"), line, "\n"]
  end

  def render(%{title: title, input: input, rows: rows, goal: goal}, _before) do
    [baseline | _] = rows
    ours = List.last(rows)

    lines =
      for row <- rows do
        verdict = if row == ours, do: verdict(goal, "us", row.median, baseline.median), else: ""
        [line(cells(row)), verdict, "\n"]
      end

    ["\n", title, ": ", input, "\n", line(@head), "\n" | lines]
  end

  defp cells(row) do
    [
      to_string(row.name),
      Text.time(row.median),
      Text.time(row.p99),
      if(row.cpu, do: Text.time(row.cpu), else: "-"),
      Text.ratio(row.ratio),
      Text.number(row.ops)
    ]
  end

  defp line([name | cells]) do
    [width | widths] = @widths

    [
      "  ",
      String.pad_trailing(name, width)
      | for({cell, width} <- Enum.zip(cells, widths), do: String.pad_leading(cell, width))
    ]
  end

  defp verdict(nil, _unit, _value, _baseline), do: ""

  defp verdict(goal, unit, value, baseline) do
    met = if Goal.met?(goal, value, baseline), do: "met", else: "not met"
    "   goal #{Goal.text(goal, unit)}: #{met}"
  end
end
