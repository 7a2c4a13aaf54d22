defmodule Bench.Plot do
  @moduledoc false

  # One picture for a suite: a panel for each comparison, and its figures below.

  alias Bench.{Bars, Goal, Lines, Svg, Text}

  @width 860
  @left 28
  @ink "#1e293b"
  @faint "#64748b"
  @rule "#e2e8f0"

  @baseline "#94a3b8"
  @ours "#2563eb"
  @others ~w(#c9a45c #5f9e8f #b07aa1 #d08770 #7d8bb0 #9aa05f)

  @doc "The SVG of what `suite` recorded, with `lines` about where."
  @spec render(String.t(), [map()], [String.t()]) :: iodata()
  def render(suite, entries, lines) do
    {figures, comparisons} = Enum.split_with(entries, &Map.has_key?(&1, :figure))
    panels = comparisons |> Enum.chunk_by(& &1.title) |> Enum.map(&panel/1)
    {top, heading} = heading(suite, lines)

    {height, content} =
      Enum.reduce(panels ++ figures(figures), {top, heading}, fn {height, draw}, {y, content} ->
        {y + height + 26, [content, draw.(y)]}
      end)

    Svg.picture(@width, height, content)
  end

  @doc "The colours of contenders: the first is grey, the last is ours."
  @spec colours([map()]) :: [String.t()]
  def colours([_only]), do: [@ours]

  def colours(rows),
    do: [@baseline | Enum.take(Stream.cycle(@others), length(rows) - 2)] ++ [@ours]

  @doc "What kinds of text and line look like."
  @spec style(:small | :label | :grid | :goal) :: keyword()
  def style(:small), do: [fill: @faint, font_size: 11]
  def style(:label), do: [fill: @ink]
  def style(:grid), do: [stroke: @rule, stroke_width: 1]
  def style(:goal), do: [stroke: "#15803d", stroke_width: 2, stroke_dasharray: "3 2"]

  defp heading(suite, lines) do
    title = Svg.text(@left, 38, suite, fill: @ink, font_size: 20, font_weight: 700)

    lines =
      for {line, index} <- Enum.with_index(lines) do
        Svg.text(@left, 58 + 16 * index, line, style(:small))
      end

    {58 + 16 * length(lines) + 18, [title, lines]}
  end

  # A panel is its height and what draws it at a height.
  defp panel([%{title: title} | _] = comparisons) do
    {height, draw} =
      if growing?(comparisons), do: Lines.panel(comparisons), else: Bars.panel(comparisons)

    {height + 24, fn y -> [panel_title(title, y), draw.(y + 24)] end}
  end

  defp panel_title(title, y) do
    [
      Svg.line(@left, y - 12, @width - @left, y - 12, style(:grid)),
      Svg.text(@left, y + 8, title, fill: @ink, font_size: 14, font_weight: 600)
    ]
  end

  # A line needs three sizes at least, and the same contenders at each.
  defp growing?([_, _, _ | _] = comparisons) do
    sizes = Enum.map(comparisons, &Text.size(&1.input))
    names = for comparison <- comparisons, do: Enum.map(comparison.rows, & &1.name)

    Enum.all?(sizes, &(&1 && &1 > 0)) and sizes == Enum.sort(Enum.uniq(sizes)) and
      match?([_same], Enum.uniq(names))
  end

  defp growing?(_comparisons), do: false

  defp figures([]), do: []

  defp figures(figures) do
    draw = fn y ->
      rows =
        for {figure, index} <- Enum.with_index(figures), do: figure(figure, y + 36 + 20 * index)

      [panel_title("figures", y), rows]
    end

    [{24 + 20 * length(figures), draw}]
  end

  defp figure(%{figure: name, value: value, unit: unit, goal: goal}, y) do
    goal = if goal, do: "goal #{Goal.text(goal, unit)}", else: ""

    [
      Svg.text(@left, y, name, style(:label)),
      Svg.text(560, y, "#{Text.number(value)} #{unit}",
        fill: @ink,
        font_weight: 600,
        text_anchor: "end"
      ),
      Svg.text(580, y, goal, style(:small))
    ]
  end
end
