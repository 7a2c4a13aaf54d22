defmodule Guildhall.Metrics.Prometheus do
  @moduledoc false

  # Prometheus' text format, version 0.0.4.

  alias Guildhall.Metrics.Definition

  @spec render([Definition.t()], counts :: map(), Guildhall.Instance.t()) :: iodata()
  def render(definitions, counts, instance) do
    for definition <- definitions do
      name = "guildhall_#{definition.name}"

      [
        ["# HELP ", name, " ", definition.help, "\n"],
        ["# TYPE ", name, " ", Atom.to_string(definition.kind), "\n"],
        samples(definition, name, counts, instance)
      ]
    end
  end

  defp samples(%{kind: :gauge, read: read}, name, _counts, instance) do
    case read.(instance) do
      rows when is_list(rows) -> for {labels, value} <- rows, do: sample(name, labels, value)
      value -> sample(name, [], value)
    end
  end

  defp samples(%{kind: :counter} = metric, name, counts, _instance) do
    case for({{counted, values}, n} <- counts, counted == metric.name, do: {values, n}) do
      # A counter without labels is there from the start, so that its rate has a beginning.
      [] when metric.labels == [] -> sample(name, [], 0)
      rows -> for {values, n} <- Enum.sort(rows), do: sample(name, zip(metric, values), n)
    end
  end

  defp samples(%{kind: :histogram} = metric, name, counts, _instance) do
    rows =
      for {{counted, values, bucket}, n} <- counts,
          counted == metric.name,
          do: {values, bucket, n}

    for {values, rows} <- Enum.group_by(rows, &elem(&1, 0)) do
      labels = zip(metric, values)
      rows = Map.new(rows, fn {_values, bucket, n} -> {bucket, n} end)

      {buckets, count} =
        Enum.map_reduce(Definition.buckets() ++ [:infinity], 0, fn bucket, below ->
          count = below + Map.get(rows, bucket, 0)
          {sample([name, "_bucket"], labels ++ [le: edge(bucket)], count), count}
        end)

      sum = Map.get(rows, :sum, 0) / 1_000_000
      [buckets, sample([name, "_sum"], labels, sum), sample([name, "_count"], labels, count)]
    end
  end

  defp zip(metric, values), do: Enum.zip(metric.labels, values)

  defp edge(:infinity), do: "+Inf"
  defp edge(microseconds), do: "#{microseconds / 1_000_000}"

  defp sample(name, [], value), do: [name, " ", "#{value}", "\n"]

  defp sample(name, labels, value) do
    pairs = for {label, text} <- labels, do: [Atom.to_string(label), "=\"", escape(text), "\""]
    [name, "{", Enum.intersperse(pairs, ","), "} ", "#{value}", "\n"]
  end

  defp escape(value) do
    value
    |> to_text()
    |> String.replace("\\", "\\\\")
    |> String.replace("\"", "\\\"")
    |> String.replace("\n", "\\n")
  end

  defp to_text(value) when is_binary(value) or is_atom(value) or is_number(value), do: "#{value}"
  defp to_text(value), do: inspect(value)
end
