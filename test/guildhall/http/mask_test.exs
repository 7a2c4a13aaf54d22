defmodule Guildhall.Http.MaskTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise

  alias Guildhall.Http.Mask

  # RFC 6455, 5.3, to the letter.
  defp reference(data, mask) do
    octets = <<mask::32>>

    for {octet, i} <- Enum.with_index(:binary.bin_to_list(data)), into: "" do
      <<bxor(octet, :binary.at(octets, rem(i, 4)))>>
    end
  end

  property "is the exclusive-or of the RFC, at any size" do
    forall {seed, size, mask} <- {binary(), range(0, 600), range(0, 0xFFFFFFFF)} do
      data = binary_part(:binary.copy(seed <> "x", size), 0, size)
      assert Mask.apply(data, mask) == reference(data, mask)
      assert data |> Mask.apply(mask) |> Mask.apply(mask) == data
    end
  end

  property "goes on in the middle" do
    forall {data, cut, mask} <- {binary(), non_neg_integer(), range(0, 0xFFFFFFFF)} do
      cut = min(cut, byte_size(data))
      <<first::binary-size(cut), second::binary>> = data

      assert Mask.apply(first, mask) <> Mask.apply(second, Mask.rotate(mask, cut)) ==
               Mask.apply(data, mask)
    end
  end
end
