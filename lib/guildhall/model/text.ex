defmodule Guildhall.Model.Text do
  @moduledoc """
  Names in one form, and as people search for them.
  """

  @doc """
  Writes a name as it is kept: composed (NFC), without control characters and characters that nobody sees,
  with single spaces, and with none at its ends.

      iex> Guildhall.Model.Text.name("  a\u0000da\u200B \t lovelace ")
      "ada lovelace"
      iex> Guildhall.Model.Text.name("e\u0301mile")
      "émile"

  Names that look alike to the byte are the same name after it; doing it twice changes nothing. The joiner of
  emoji sequences stays.
  """
  @spec name(String.t()) :: String.t()
  def name(name) when is_binary(name) do
    if plain?(name), do: name, else: tidy(name)
  end

  # Printable ASCII with single spaces inside: nearly always.
  defp plain?(<<?\s, _rest::binary>>), do: false
  defp plain?(name), do: plain?(name, ?x)

  defp plain?(<<?\s, _rest::binary>>, ?\s), do: false
  defp plain?(<<c, rest::binary>>, _last) when c in ?\s..?~, do: plain?(rest, c)
  defp plain?("", last), do: last != ?\s
  defp plain?(_other, _last), do: false

  # Marks of direction, spaces without width, the soft hyphen, the byte order mark.
  @unseen "\u00AD\u061C\u180E\u200B\u200E\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFEFF"

  defp tidy(name) do
    name
    |> String.replace(~r/[\s\p{Zs}\p{Zl}\p{Zp}]+/u, " ")
    |> String.replace(~r/[\p{Cc}#{@unseen}]/u, "")
    |> compose()
    |> String.replace(~r/ +/, " ")
    |> String.trim(" ")
  end

  defp compose(text) do
    case :unicode.characters_to_nfc_binary(text) do
      text when is_binary(text) -> text
      {_reason, text, _rest} -> text
    end
  end

  @doc """
  Folds a name for the name index: compatibility forms become plain ones, case and the marks on
  letters are dropped, and so are control characters.

      iex> Guildhall.Model.Text.fold("Émile ＡＢＣ")
      "emile abc"
      iex> Guildhall.Model.Text.fold("Straße")
      "strasse"

  Two names that fold alike are found by the same query; folding twice changes nothing. The result
  holds no zero byte, which ends a name in the index.
  """
  @spec fold(String.t()) :: String.t()
  def fold(name) when is_binary(name) do
    if ascii?(name), do: fold_ascii(name), else: fold_unicode(name)
  end

  defp ascii?(<<byte, rest::binary>>) when byte < 0x80, do: ascii?(rest)
  defp ascii?(rest), do: rest == ""

  defp fold_ascii(name) do
    for <<byte <- name>>, byte >= 0x20 and byte != 0x7F, into: "" do
      if byte in ?A..?Z, do: <<byte + 32>>, else: <<byte>>
    end
  end

  # Case folding may give what decomposes again, and decomposition what folds again; once more
  # settles both.
  defp fold_unicode(name) do
    name |> decompose() |> :string.casefold() |> decompose() |> :string.casefold() |> strip()
  end

  # Bytes that are no UTF-8 end the name: they come from no client, whose text is checked.
  defp decompose(text) do
    case :unicode.characters_to_nfkd_binary(text) do
      text when is_binary(text) -> text
      {_reason, text, _rest} -> text
    end
  end

  defp strip(text), do: String.replace(text, ~r/[\p{Mn}\p{Me}\p{Cc}]/u, "")
end
