defmodule Guildhall.Http.Target do
  @moduledoc false

  # A request target's path and query, percent-decoded. What does not decode to UTF-8 is refused,
  # so that no handler ever meets it.

  @type t :: {path :: String.t(), segments :: [String.t()], query :: [{String.t(), String.t()}]}

  @spec parse(binary()) :: {:ok, t()} | :error
  def parse(target) do
    {path, query} =
      case :binary.split(target, "?") do
        [path, query] -> {path, query}
        [path] -> {path, ""}
      end

    {:ok, {path, segments(path), pairs(query)}}
  catch
    :invalid -> :error
  end

  defp segments(path) do
    for part <- :binary.split(path, "/", [:global]), part != "", do: decode(part, false)
  end

  @doc "Decodes a text that is not part of a target, such as a header."
  @spec unescape(binary()) :: {:ok, String.t()} | :error
  def unescape(text) do
    {:ok, decode(text, false)}
  catch
    :invalid -> :error
  end

  # Nothing between two separators is nothing: clients send `?&limit=10`.
  defp pairs(query) do
    for pair <- :binary.split(query, "&", [:global]), pair != "" do
      case :binary.split(pair, "=") do
        [key, value] -> {decode(key, true), decode(value, true)}
        [key] -> {decode(key, true), ""}
      end
    end
  end

  defp decode(text, plus?) do
    decoded =
      case :binary.match(text, ["%", "+"]) do
        :nomatch -> text
        _found -> unescape(text, plus?, "")
      end

    if String.valid?(decoded), do: decoded, else: throw(:invalid)
  end

  defp unescape(<<?%, high, low, rest::binary>>, plus?, decoded) do
    unescape(rest, plus?, <<decoded::binary, hex(high) * 16 + hex(low)>>)
  end

  defp unescape(<<?%, _rest::binary>>, _plus?, _decoded), do: throw(:invalid)

  defp unescape(<<?+, rest::binary>>, true, decoded),
    do: unescape(rest, true, <<decoded::binary, ?\s>>)

  defp unescape(<<c, rest::binary>>, plus?, decoded),
    do: unescape(rest, plus?, <<decoded::binary, c>>)

  defp unescape("", _plus?, decoded), do: decoded

  defp hex(c) when c in ?0..?9, do: c - ?0
  defp hex(c) when c in ?a..?f, do: c - ?a + 10
  defp hex(c) when c in ?A..?F, do: c - ?A + 10
  defp hex(_c), do: throw(:invalid)
end
