defmodule Guildhall.Http.Mask do
  @moduledoc false

  # Masking, which is its own inverse: one native exclusive-or. It beats a loop over words in Elixir
  # from the first bytes on (bench/http/mask_bench.exs).

  import Bitwise

  @type mask :: 0..0xFFFFFFFF

  @spec apply(binary(), mask()) :: binary()
  def apply(data, mask) do
    size = byte_size(data)
    pattern = :binary.copy(<<mask::32>>, div(size + 3, 4))
    :crypto.exor(data, binary_part(pattern, 0, size))
  end

  @doc "The mask for what follows `consumed` bytes."
  @spec rotate(mask(), consumed :: non_neg_integer()) :: mask()
  def rotate(mask, consumed) do
    bits = rem(consumed, 4) * 8
    (mask <<< bits ||| mask >>> (32 - bits)) &&& 0xFFFFFFFF
  end
end
