defmodule Guildhall.Payload.ReferencePropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Payload
  alias Guildhall.Payload.Reference
  alias Guildhall.PayloadFixture

  property "a text of either is read by both as the same term" do
    forall term <- PayloadFixture.json() do
      assert {:ok, text} = Payload.encode(term)
      assert {:ok, expected} = Reference.encode(term)
      assert {:ok, decoded} = Payload.decode(text)

      # Sizes and places of floats differ, of everything else nothing does.
      unless floats?(decoded), do: assert(text == expected)

      for text <- [text, expected], decoder <- [Payload, Reference] do
        assert decoder.decode(text) == {:ok, decoded}
      end
    end
  end

  property "a text that is too long is refused by both, at every size" do
    forall {term, max} <- {PayloadFixture.json(), range(1, 60)} do
      {:ok, text} = Payload.encode(term)

      unless floats?(Payload.decode!(text)) do
        assert Payload.encode(term, max_bytes: max) == Reference.encode(term, max)
        assert Payload.decode(text, max_bytes: max) == Reference.decode(text, max)
      end
    end
  end

  property "what is read is written and read again" do
    forall term <- PayloadFixture.json() do
      {:ok, once} = term |> Payload.encode!() |> Payload.decode()
      assert Payload.decode!(Payload.encode!(once)) == once
    end
  end

  property "a term that JSON has not is refused by both, for the same part of it" do
    forall term <- PayloadFixture.hostile() do
      assert same?(Payload.encode(term), Reference.encode(term))
    end
  end

  test "the keys of a large map come in the same order" do
    map = Map.new(1..500, &{"key #{&1}", &1})
    assert Payload.encode(map) == Reference.encode(map)
  end

  property "where the scheduler changes is not seen" do
    forall {size, term} <- {range(65_400, 65_540), PayloadFixture.hostile()} do
      # Either side of what a normal scheduler writes at a time, anywhere in the term.
      for large <- [
            [String.duplicate("x", size), term],
            %{1 => List.duplicate(1, 32_700), 2 => term}
          ] do
        assert same?(Payload.encode(large), Reference.encode(large))
      end
    end
  end

  property "any term is written or refused" do
    forall term <- any() do
      assert {outcome, _} = Payload.encode(term)
      assert {^outcome, _} = Reference.encode(term)
    end
  end

  property "bytes that are nearly JSON mean the same to both, or fail at the same byte" do
    forall text <- PayloadFixture.nearly() do
      assert Payload.decode(text) == Reference.decode(text)
    end
  end

  property "pieces of JSON mean the same to both, or fail at the same byte" do
    forall text <- PayloadFixture.pieces() do
      assert Payload.decode(text) == Reference.decode(text)
    end
  end

  property "any bytes mean the same to both, or fail at the same byte" do
    forall text <- binary() do
      assert Payload.decode(text) == Reference.decode(text)
      string = ~s("#{text}")
      assert Payload.decode(string) == Reference.decode(string)
    end
  end

  defp same?({:ok, text}, {:ok, expected}), do: Payload.decode(text) == Payload.decode(expected)
  defp same?(result, expected), do: result == expected

  defp floats?(term) when is_float(term), do: true
  defp floats?(term) when is_list(term), do: Enum.any?(term, &floats?/1)
  defp floats?(term) when is_map(term), do: term |> Map.values() |> floats?()
  defp floats?(_term), do: false
end
