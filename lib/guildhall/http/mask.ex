defmodule Guildhall.Http.Mask do
  @moduledoc false

  # Masking is its own inverse. Short payloads go four bytes at a time; from where it wins (see
  # bench/http/mask_bench.exs), one native exclusive-or does the whole.

  import Bitwise

  @native_from 192

  @spec apply(binary(), mask :: 0..0xFFFFFFFF) :: binary()
  def apply(data, 0), do: data

  def apply(data, mask) when byte_size(data) < @native_from, do: words(data, mask, "")

  def apply(data, mask) do
    size = byte_size(data)
    pattern = :binary.copy(<<mask::32>>, div(size + 3, 4))
    :crypto.exor(data, binary_part(pattern, 0, size))
  end

  @doc "The mask for what follows `consumed` bytes."
  @spec rotate(mask :: 0..0xFFFFFFFF, consumed :: non_neg_integer()) :: 0..0xFFFFFFFF
  def rotate(mask, consumed) do
    bits = rem(consumed, 4) * 8
    (mask <<< bits ||| mask >>> (32 - bits)) &&& 0xFFFFFFFF
  end

  defp words(<<a::32, b::32, rest::binary>>, mask, done) do
    words(rest, mask, <<done::binary, bxor(a, mask)::32, bxor(b, mask)::32>>)
  end

  defp words(<<a::32, rest::binary>>, mask, done) do
    words(rest, mask, <<done::binary, bxor(a, mask)::32>>)
  end

  defp words(rest, mask, done) do
    size = bit_size(rest)
    <<tail::size(size)>> = rest
    <<done::binary, bxor(tail, mask >>> (32 - size))::size(size)>>
  end
end
