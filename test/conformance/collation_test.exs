defmodule Guildhall.Conformance.CollationTest do
  use ExUnit.Case, async: true

  # Twenty thousand pairs of names, and how ICU, in node's Intl.Collator, orders them. The pairs are
  # alike, so that it is not always the first letter that decides.

  alias Guildhall.{MemberList, Payload}

  @moduletag :conformance
  @moduletag :tmp_dir

  @pairs 20_000

  # Scripts in which people have names, and what they put around them. Of Han only the first few:
  # node's ICU has them by radical and stroke, which is by code point for most, but not for all.
  @letters [
    ?\s..?~,
    0xA1..0x17F,
    0x180..0x24F,
    0x300..0x30C,
    0x386..0x3CE,
    0x400..0x45F,
    0x5D0..0x5EA,
    0x621..0x64A,
    0x905..0x939,
    0xE01..0xE2E,
    0x1E00..0x1EFF,
    0x3041..0x3096,
    0x30A1..0x30FA,
    0x4E00..0x4E0B,
    0xAC00..0xACFF,
    0xFF01..0xFF5E,
    0x1F600..0x1F64F
  ]

  test "names are in the order in which ICU has them", %{tmp_dir: folder} do
    pairs = for _n <- 1..@pairs, do: pair()
    expected = icu(folder, pairs)
    assert length(expected) == @pairs

    wrong =
      for {[one, other], order} <- Enum.zip(pairs, expected),
          ours = compare(MemberList.sort_key(one), MemberList.sort_key(other)),
          ours != order,
          do: {one, other, ours, order}

    assert wrong == []
  end

  defp icu(folder, pairs) do
    file = Path.join(folder, "pairs.json")
    File.write!(file, Payload.encode!(pairs))
    options = [cd: "test/conformance", stderr_to_stdout: true]

    case System.cmd("node", ["collation.mjs", file], options) do
      {json, 0} -> Payload.decode!(json)
      {output, _status} -> flunk("node did not run:\n" <> output)
    end
  end

  defp compare(one, other) when one < other, do: -1
  defp compare(same, same), do: 0
  defp compare(_one, _other), do: 1

  # The same letters, with one changed, added, or in the other case.
  defp pair do
    start = letters(:rand.uniform(6) - 1)
    rest = letters(:rand.uniform(4) - 1)
    Enum.shuffle([start <> letters(1) <> rest, variant(start) <> letters(1) <> rest])
  end

  defp variant(name) do
    Enum.random([name, String.upcase(name), String.normalize(name, :nfd), name <> "\u0301"])
  end

  defp letters(0), do: ""

  defp letters(count) do
    block = Enum.random([?a..?z | @letters])
    for _n <- 1..count, into: "", do: <<Enum.random(block)::utf8>>
  end
end
