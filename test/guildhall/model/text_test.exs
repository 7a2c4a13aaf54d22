defmodule Guildhall.Model.TextTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Model.Text

  doctest Text

  test "case, marks and compatibility forms do not matter" do
    for {name, folded} <- [
          {"User00001", "user00001"},
          {"É", "e"},
          {"e\u0301", "e"},
          {"ÅÄÖ", "aao"},
          {"ΣΊΣΥΦΟΣ", "σισυφοσ"},
          {"İstanbul", "istanbul"},
          {"ﬁn", "fin"},
          {"ℌ", "h"},
          {"한글", "한글" |> String.normalize(:nfkd)},
          {"日本", "日本"},
          {"🔥", "🔥"},
          {"", ""}
        ] do
      assert Text.fold(name) == folded
    end
  end

  test "control characters do not reach the index" do
    assert Text.fold("a\0b\tc\x7f") == "abc"
    assert Text.fold("é\0b") == "eb"
  end

  test "bytes that are no text do no harm" do
    assert Text.fold(<<"Ab", 255, "c">>) == "ab"
  end

  property "folding twice changes nothing" do
    forall name <- list(oneof([range(1, 0xD7FF), range(0xE000, 0x10FFFF), range(?A, ?z)])) do
      folded = name |> List.to_string() |> Text.fold()
      assert Text.fold(folded) == folded
    end
  end
end
