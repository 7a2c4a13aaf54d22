defmodule Guildhall.Payload.CorpusTest do
  use ExUnit.Case, async: true

  # The files of `test/fixtures/json`: `y_` is JSON, `n_` is none, and of `i_` the standard leaves
  # open what it means, so that it is said here.

  alias Guildhall.Payload
  alias Guildhall.Payload.Error
  alias Guildhall.Payload.Reference

  @folder "test/fixtures/json"

  @choices %{
    "i_number_float_below_min" => 0.0,
    "i_number_float_tiny" => 0.0,
    "i_number_float_tiny_digits" => 0.0,
    "i_number_float_tiny_negative" => -0.0,
    "i_number_huge_integer" => Integer.pow(10, 400),
    "i_number_precise" => 0.1,
    "i_string_noncharacter_escaped" => <<0xFFFF::utf8, 0xFDD0::utf8>>,
    "i_string_nul_in_key" => %{<<0>> => 1}
  }

  for path <- Path.wildcard("#{@folder}/*.json") do
    name = Path.basename(path, ".json")
    @tag path: path
    test name, %{path: path} do
      text = File.read!(path)
      result = Payload.decode(text)
      assert result == Reference.decode(text)
      check(unquote(name), text, result)
    end
  end

  test "the corpus is all there" do
    kinds = for name <- File.ls!(@folder), do: String.at(name, 0)
    assert %{"y" => yes, "n" => no, "i" => choices} = Enum.frequencies(kinds)
    assert yes > 80 and no > 140 and choices == map_size(@choices)
  end

  defp check("y_" <> _name, text, result) do
    assert {:ok, term} = result
    assert Payload.decode(Payload.encode!(term)) == result

    # In the middle of a document as well.
    unless text =~ ~r/depth_512/ or nested?(term, 512) do
      assert Payload.decode(["[", text, "]"] |> IO.iodata_to_binary()) == {:ok, [term]}
    end
  end

  defp check("n_" <> _name, text, result) do
    assert {:error, %Error{position: position}} = result
    assert position in 0..byte_size(text)
  end

  defp check("i_" <> _name = name, _text, result), do: assert(result == {:ok, @choices[name]})

  defp nested?(_term, 0), do: true
  defp nested?([first | _rest], depth), do: nested?(first, depth - 1)

  defp nested?(map, depth) when map_size(map) > 0,
    do: nested?(map |> Map.values() |> hd(), depth - 1)

  defp nested?(_term, depth), do: depth == 1
end
