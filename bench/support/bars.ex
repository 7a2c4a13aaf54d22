defmodule Bench.Bars do
  @moduledoc false

  # A bar for each contender, in a group for each input, on one logarithmic axis of time.

  alias Bench.{Goal, Plot, Scale, Svg, Text}

  @from 178
  @to 600
  @bar 16
  @row 20
  @group 30

  @doc "The height of the panel, and what draws it at a height."
  @spec panel([map()]) :: {number(), (number() -> iodata())}
  def panel(comparisons) do
    heights = for comparison <- comparisons, do: @group + @row * length(comparison.rows)
    height = Enum.sum(heights)
    medians = for comparison <- comparisons, row <- comparison.rows, do: row.median
    scale = Scale.decades(medians ++ goals(comparisons), @from, @to)
    tops = Enum.scan([0 | heights], &+/2)

    draw = fn y ->
      groups =
        for {comparison, top} <- Enum.zip(comparisons, tops),
            do: group(comparison, scale, y + top)

      [grid(scale, y + 10, y + height + 6), groups]
    end

    {height + 22, draw}
  end

  defp goals(comparisons) do
    for %{goal: goal, rows: [baseline | _]} when goal != nil <- comparisons do
      Goal.time(goal, baseline.median)
    end
  end

  defp grid(scale, top, bottom) do
    for tick <- Scale.ticks(scale) do
      x = Scale.at(scale, tick)

      [
        Svg.line(x, top, x, bottom, Plot.style(:grid)),
        Svg.text(x, bottom + 14, Text.time(tick), [text_anchor: "middle"] ++ Plot.style(:small))
      ]
    end
  end

  defp group(%{input: input, rows: rows, goal: goal}, scale, y) do
    [baseline | _] = rows
    last = length(rows) - 1

    bars =
      for {{row, colour}, index} <- rows |> Enum.zip(Plot.colours(rows)) |> Enum.with_index() do
        goal = if index == last, do: goal
        bar(row, colour, goal, baseline.median, scale, y + @group - 4 + index * @row)
      end

    [Svg.text(28, y + 18, input, [font_weight: 600] ++ Plot.style(:label)), bars]
  end

  defp bar(row, colour, goal, baseline, scale, y) do
    x = Scale.at(scale, row.median)

    end_of_text =
      Enum.max([x | if(goal, do: [Scale.at(scale, Goal.time(goal, baseline))], else: [])])

    [
      Svg.text(
        @from - 10,
        y + 12,
        to_string(row.name),
        [text_anchor: "end"] ++ Plot.style(:label)
      ),
      Svg.rect(@from, y, x - @from, @bar, fill: colour, rx: 2),
      mark(goal, baseline, scale, y),
      Svg.text(end_of_text + 8, y + 12, caption(row, goal), Plot.style(:label))
    ]
  end

  defp mark(nil, _baseline, _scale, _y), do: []

  defp mark(goal, baseline, scale, y) do
    x = Scale.at(scale, Goal.time(goal, baseline))
    Svg.line(x, y - 2, x, y + @bar + 2, Plot.style(:goal))
  end

  defp caption(row, goal) do
    text = "#{Text.time(row.median)}, #{Text.ratio(row.ratio)}"
    if goal, do: "#{text}, goal #{Goal.text(goal, "us")}", else: text
  end
end
