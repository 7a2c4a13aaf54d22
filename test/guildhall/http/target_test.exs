defmodule Guildhall.Http.TargetTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Http.Target

  test "splits and decodes" do
    for {target, expected} <- %{
          "/" => {"/", [], []},
          "/a/b" => {"/a/b", ["a", "b"], []},
          "//a///b/" => {"//a///b/", ["a", "b"], []},
          "/a%2fb" => {"/a%2fb", ["a/b"], []},
          "/+" => {"/+", ["+"], []},
          "/%F0%9F%91%8D/@me" => {"/%F0%9F%91%8D/@me", ["👍", "@me"], []},
          "/é" => {"/é", ["é"], []},
          "/a?" => {"/a", ["a"], []},
          "/a?b" => {"/a", ["a"], [{"b", ""}]},
          "/a?b=" => {"/a", ["a"], [{"b", ""}]},
          "/a?=b" => {"/a", ["a"], [{"", "b"}]},
          "/a?b=c&b=d" => {"/a", ["a"], [{"b", "c"}, {"b", "d"}]},
          "/a?&limit=10" => {"/a", ["a"], [{"limit", "10"}]},
          "/a?b=c=d?e" => {"/a", ["a"], [{"b", "c=d?e"}]},
          "/a?b+c=%2B%20+" => {"/a", ["a"], [{"b c", "+  "}]}
        } do
      assert Target.parse(target) == {:ok, expected}, target
    end
  end

  test "refuses what does not decode to UTF-8" do
    for target <- [
          "/%",
          "/%4",
          "/%4g",
          "/%g4",
          "/%ff",
          "/a?%",
          "/a?b=%C0%80",
          <<"/", 0xFF>>,
          "/%ED%A0%80"
        ] do
      assert Target.parse(target) == :error, target
    end
  end

  property "undoes encoding" do
    forall {segments, pairs} <- {list(text()), list({text(), text()})} do
      path =
        for segment <- segments, into: "", do: "/" <> URI.encode(segment, &URI.char_unreserved?/1)

      query = URI.encode_query(pairs)
      assert {:ok, {_path, decoded, ^pairs}} = Target.parse(path <> "?" <> query)
      assert decoded == segments
    end
  end

  defp text,
    do:
      map({range(1, 0xD7FF), list(range(1, 0xD7FF))}, fn {first, rest} ->
        List.to_string([first | rest])
      end)
end
