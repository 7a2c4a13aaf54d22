defmodule Bench.Results do
  @moduledoc false

  # The files that keep what a suite measured: JSON for programs and an SVG for people.

  alias Bench.{Goal, Machine, Plot}
  alias Guildhall.Payload

  @doc "Writes both below `folder` and returns their paths."
  @spec write(Path.t(), String.t(), [map()], String.t()) :: [Path.t()]
  def write(folder, suite, entries, command) do
    facts = Machine.facts(command)
    path = Path.join(folder, suite)
    File.mkdir_p!(Path.dirname(path))
    File.write!(path <> ".json", [json([suite: suite, machine: facts] ++ parts(entries)), "\n"])
    File.write!(path <> ".svg", Plot.render(suite, entries, Machine.lines(facts)))
    [path <> ".json", path <> ".svg"]
  end

  @doc "Terms as indented JSON; a keyword list is an object in its own order."
  @spec json(term(), String.t()) :: iodata()
  def json(term, indent \\ "")

  def json([{key, _value} | _] = pairs, indent) when is_atom(key) do
    lines =
      for {key, value} <- pairs, do: [Payload.encode!(key), ": ", json(value, indent <> "  ")]

    block("{", lines, "}", indent)
  end

  def json([_ | _] = list, indent) do
    block("[", for(value <- list, do: json(value, indent <> "  ")), "]", indent)
  end

  def json(float, _indent) when is_float(float), do: Payload.encode!(Float.round(float, 4))
  def json(value, _indent), do: Payload.encode!(value)

  defp block(open, lines, close, indent) do
    inner = for line <- lines, do: ["\n", indent, "  ", line]
    [open, Enum.intersperse(inner, ","), "\n", indent, close]
  end

  defp parts(entries) do
    {figures, comparisons} = Enum.split_with(entries, &Map.has_key?(&1, :figure))
    [comparisons: Enum.map(comparisons, &comparison/1), figures: Enum.map(figures, &figure/1)]
  end

  defp comparison(%{title: title, input: input, goal: goal, rows: rows}) do
    contenders =
      for row <- rows do
        [
          name: row.name,
          median_us: row.median,
          p99_us: row.p99,
          cpu_us: row.cpu,
          ratio: row.ratio,
          ops: row.ops
        ]
      end

    [title: title, input: input, goal: goal && Goal.text(goal, "us"), contenders: contenders]
  end

  defp figure(%{figure: name, value: value, unit: unit, goal: goal}) do
    [name: name, value: value, unit: unit, goal: goal && Goal.text(goal, unit)]
  end
end
