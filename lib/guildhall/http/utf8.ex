defmodule Guildhall.Http.Utf8 do
  @moduledoc false

  # UTF-8 checked piece by piece: what a piece ends with, of a character that may still become valid,
  # is carried over to the next. A piece that no continuation can save is an error at once.

  import Bitwise

  @type carry :: binary()

  @spec check(carry(), binary()) :: {:ok, carry()} | :error
  def check("", piece), do: scan(piece)
  def check(carry, piece), do: scan(carry <> piece)

  # Seven bytes are a small integer: text is mostly ASCII, and this is most of the work.
  defp scan(<<seven::56, rest::binary>>) when (seven &&& 0x80808080808080) == 0, do: scan(rest)
  defp scan(<<_character::utf8, rest::binary>>), do: scan(rest)
  defp scan(rest), do: if(begins?(rest), do: {:ok, rest}, else: :error)

  # Whether these bytes begin a character: RFC 3629, 4.
  defp begins?(""), do: true
  defp begins?(<<a>>), do: a in 0xC2..0xF4
  defp begins?(<<0xE0, b>>), do: b in 0xA0..0xBF
  defp begins?(<<0xED, b>>), do: b in 0x80..0x9F
  defp begins?(<<a, b>>) when a in 0xE1..0xEF, do: b in 0x80..0xBF
  defp begins?(<<0xF0, b>>), do: b in 0x90..0xBF
  defp begins?(<<0xF4, b>>), do: b in 0x80..0x8F
  defp begins?(<<a, b>>) when a in 0xF1..0xF3, do: b in 0x80..0xBF
  defp begins?(<<a, b, c>>) when a in 0xF0..0xF4, do: begins?(<<a, b>>) and c in 0x80..0xBF
  defp begins?(_bytes), do: false
end
