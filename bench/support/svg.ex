defmodule Bench.Svg do
  @moduledoc false

  # As much of SVG as a plot needs.

  @font "font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\""
  @escapes %{"&" => "&amp;", "<" => "&lt;", ">" => "&gt;", "\"" => "&quot;"}

  @doc "A picture of that size on white."
  @spec picture(number(), number(), iodata()) :: iodata()
  def picture(width, height, content) do
    [
      ~s(<svg xmlns="http://www.w3.org/2000/svg" width="#{width}" height="#{height}" ),
      ~s(viewBox="0 0 #{width} #{height}" #{@font} font-size="12">\n),
      rect(0, 0, width, height, fill: "#ffffff", rx: 6),
      content,
      "</svg>\n"
    ]
  end

  @spec rect(number(), number(), number(), number(), keyword()) :: iodata()
  def rect(x, y, width, height, style) do
    tag("rect", [x: x, y: y, width: width, height: height] ++ style, nil)
  end

  @spec line(number(), number(), number(), number(), keyword()) :: iodata()
  def line(x1, y1, x2, y2, style), do: tag("line", [x1: x1, y1: y1, x2: x2, y2: y2] ++ style, nil)

  @spec dot(number(), number(), keyword()) :: iodata()
  def dot(x, y, style), do: tag("circle", [cx: x, cy: y] ++ style, nil)

  @spec path([{number(), number()}], keyword()) :: iodata()
  def path(points, style) do
    points = Enum.map_join(points, " ", fn {x, y} -> "#{short(x)},#{short(y)}" end)
    tag("polyline", [points: points, fill: "none"] ++ style, nil)
  end

  @spec text(number(), number(), String.t(), keyword()) :: iodata()
  def text(x, y, text, style \\ []), do: tag("text", [x: x, y: y] ++ style, escape(text))

  defp tag(name, attributes, content) do
    attributes =
      for {key, value} <- attributes do
        [" ", key |> to_string() |> String.replace("_", "-"), "=\"", value(value), "\""]
      end

    if content,
      do: ["<", name, attributes, ">", content, "</", name, ">\n"],
      else: ["<", name, attributes, "/>\n"]
  end

  defp value(number) when is_number(number), do: short(number)
  defp value(text), do: escape(text)

  defp short(number) when is_integer(number), do: Integer.to_string(number)
  defp short(number), do: :erlang.float_to_binary(number, [:compact, decimals: 1])

  defp escape(text), do: String.replace(text, Map.keys(@escapes), &Map.fetch!(@escapes, &1))
end
