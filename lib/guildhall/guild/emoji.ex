defmodule Guildhall.Guild.Emoji do
  @moduledoc false

  # Emoji as reactions name them. There are no custom emoji, so an emoji is its characters; text is
  # none, and neither is anything too long to be one.

  alias Guildhall.Model.Message

  @longest 64
  # The joiners, keycaps and digits that are part of sequences do not make one by themselves.
  @first_symbol 0xA9

  @spec key(Message.emoji()) :: {:ok, binary()} | {:error, :unknown_emoji}
  def key(%{name: name} = emoji) when is_binary(name) and byte_size(name) in 1..@longest do
    if Map.get(emoji, :id) == nil and symbol?(name),
      do: {:ok, name},
      else: {:error, :unknown_emoji}
  end

  def key(_emoji), do: {:error, :unknown_emoji}

  @spec parse(binary()) :: Message.emoji()
  def parse(key), do: %{id: nil, name: key}

  defp symbol?(name) do
    String.valid?(name) and not String.match?(name, ~r/[\p{L}\p{Cc}\s]/u) and
      name |> String.to_charlist() |> Enum.any?(&(&1 >= @first_symbol))
  end
end
