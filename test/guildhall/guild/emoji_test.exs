defmodule Guildhall.Guild.EmojiTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.Emoji

  defp key(name, id \\ nil), do: Emoji.key(%{id: id, name: name})

  test "an emoji is its characters" do
    for name <- ["👍", "❤️", "👩‍👩‍👧‍👦", "🇩🇪", "1️⃣", "™", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "☺"] do
      assert key(name) == {:ok, name}
      assert Emoji.parse(name) == %{id: nil, name: name}
    end
  end

  test "text, nothing and too much are none, and there are no custom ones" do
    for name <- [
          "",
          "a",
          "1",
          "#",
          "hello",
          "👍x",
          "👍 ",
          "ü",
          "日",
          <<0xFF>>,
          String.duplicate("👍", 20)
        ] do
      assert key(name) == {:error, :unknown_emoji}
    end

    assert key("custom", 5) == {:error, :unknown_emoji}
    assert key("👍", 5) == {:error, :unknown_emoji}
  end
end
