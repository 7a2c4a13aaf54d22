defmodule Bench.Lines do
  @moduledoc false

  # A line for each contender over the sizes of the inputs, both axes logarithmic.

  alias Bench.{Goal, Plot, Scale, Svg, Text}

  @from 78
  @to 590
  @height 230
  @apart 15

  @doc "The height of the panel, and what draws it at a height."
  @spec panel([map()]) :: {number(), (number() -> iodata())}
  def panel(comparisons) do
    goals = for %{goal: goal} = comparison when goal != nil <- comparisons, do: goal(comparison)
    medians = for comparison <- comparisons, row <- comparison.rows, do: row.median
    sizes = for comparison <- comparisons, do: Text.size(comparison.input)
    x = Scale.tight(sizes, @from + 24, @to - 24)

    draw = fn top ->
      times = medians ++ Enum.map(goals, fn {_size, time, _text} -> time end)
      y = Scale.decades(times, top + @height, top + 8)
      [grid(comparisons, x, y), lines(comparisons, x, y), Enum.map(goals, &mark(&1, x, y))]
    end

    {@height + 26, draw}
  end

  defp goal(%{input: input, goal: goal, rows: [baseline | _]}) do
    {Text.size(input), Goal.time(goal, baseline.median), Goal.text(goal, "us")}
  end

  defp grid(comparisons, x, y) do
    times =
      for tick <- Scale.ticks(y) do
        at = Scale.at(y, tick)

        [
          Svg.line(@from, at, @to, at, Plot.style(:grid)),
          Svg.text(@from - 8, at + 4, Text.time(tick), [text_anchor: "end"] ++ Plot.style(:small))
        ]
      end

    inputs = for %{input: input} <- comparisons, do: {Scale.at(x, Text.size(input)), input}

    labels =
      for {at, input} <- apart(inputs) do
        Svg.text(
          at,
          y.from + 18,
          Text.sized(input),
          [text_anchor: "middle"] ++ Plot.style(:small)
        )
      end

    [times, labels]
  end

  # Leaves out what would run into the one before it.
  defp apart([{at, _input} = first | rest]) do
    [first | rest |> Enum.drop_while(fn {next, _input} -> next - at < 80 end) |> apart()]
  end

  defp apart([]), do: []

  # The words lean inwards at both ends, away from the axis and from the names of the lines.
  defp mark({size, time, text}, x, y) do
    {x, y} = {Scale.at(x, size), Scale.at(y, time)}
    share = (x - @from) / (@to - @from)

    {at, anchor} =
      cond do
        share < 0.2 -> {x - 22, "start"}
        share > 0.8 -> {x + 18, "end"}
        true -> {x, "middle"}
      end

    halo = [stroke: "#ffffff", stroke_width: 3, paint_order: "stroke", text_anchor: anchor]

    [
      Svg.line(x - 22, y, x + 18, y, Plot.style(:goal)),
      Svg.text(at, y + 15, "goal #{text}", halo ++ Plot.style(:small))
    ]
  end

  defp lines(comparisons, x, y) do
    rows = comparisons |> Enum.map(& &1.rows) |> Enum.zip_with(& &1)
    xs = for comparison <- comparisons, do: Scale.at(x, Text.size(comparison.input))
    ends = for row <- rows, do: Scale.at(y, List.last(row).median)

    for {{row, colour}, label_y} <-
          Enum.zip(Enum.zip(rows, Plot.colours(rows)), spread(ends, y.from)) do
      points = Enum.zip(xs, for(point <- row, do: Scale.at(y, point.median)))
      last = List.last(row)

      [
        Svg.path(points, stroke: colour, stroke_width: 2.5, stroke_linejoin: "round"),
        for({x, y} <- points, do: Svg.dot(x, y, r: 3.5, fill: colour)),
        Svg.text(@to + 8, label_y + 4, "#{last.name}: #{caption(last)}", Plot.style(:label)),
        Svg.rect(@to - 4, label_y - 5, 8, 10, fill: colour, rx: 2)
      ]
    end
  end

  defp caption(row), do: "#{Text.time(row.median)}, #{Text.ratio(row.ratio)}"

  # Labels beside the ends of lines, moved apart from the lowest up so that each can be read.
  defp spread(ends, bottom) do
    {placed, _above} =
      ends
      |> Enum.with_index()
      |> Enum.sort(:desc)
      |> Enum.map_reduce(bottom + @apart, fn {y, index}, below ->
        y = min(y, below - @apart)
        {{index, y}, y}
      end)

    placed |> Enum.sort() |> Enum.map(fn {_index, y} -> y end)
  end
end
