defmodule Guildhall.Http.Utf8Test do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Http.Utf8

  defp check(pieces) do
    Enum.reduce_while(pieces, {:ok, ""}, fn piece, {:ok, carry} ->
      case Utf8.check(carry, piece) do
        {:ok, carry} -> {:cont, {:ok, carry}}
        :error -> {:halt, :error}
      end
    end)
  end

  # Every two bytes, and what may follow: whether some ending makes them valid.
  test "a beginning is good exactly if some ending makes it valid" do
    endings =
      for a <- [0x80, 0xBF, 0x90, 0xA0, 0x8F, 0x9F],
          b <- [0x80, 0xBF],
          do: {<<a>>, <<a, b>>, <<a, b, 0x80>>}

    endings = ["" | Enum.flat_map(endings, &Tuple.to_list/1)]

    for a <- 0..255, b <- 0..255 do
      bytes = <<a, b>>
      possible? = Enum.any?(endings, &String.valid?(bytes <> &1))
      assert match?({:ok, _carry}, check([bytes])) == possible?, inspect(bytes)
      assert check([<<a>>, <<b>>]) == check([bytes])
    end
  end

  test "three bytes of four" do
    for a <- 0xF0..0xF7,
        b <- [0x7F, 0x80, 0x8F, 0x90, 0xBF, 0xC0],
        c <- [0x7F, 0x80, 0xBF, 0xC0] do
      bytes = <<a, b, c>>

      assert match?({:ok, ^bytes}, check([bytes])) == String.valid?(bytes <> <<0x80>>),
             inspect(bytes)
    end
  end

  property "the pieces do not matter" do
    forall {codepoints, noise, cut} <-
             {list(oneof([range(0, 127), range(0x80, 0xD7FF), range(0xE000, 0x10FFFF)])),
              oneof(["", binary()]), non_neg_integer()} do
      bytes = List.to_string(codepoints) <> noise
      cut = min(cut, byte_size(bytes))
      <<first::binary-size(cut), second::binary>> = bytes
      assert check([first, second]) == check([bytes])
      assert check([bytes]) == {:ok, ""} == String.valid?(bytes)
    end
  end
end
