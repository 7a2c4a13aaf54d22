defmodule Guildhall.Model.Text do
  @moduledoc """
  Names as people search for them.
  """

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
