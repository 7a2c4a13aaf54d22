# Is one native exclusive-or worth its call, for frames as short as heartbeats too?
#
#     mix guildhall.bench http/mask

alias Guildhall.Http.Mask

defmodule MaskContenders do
  @moduledoc false

  import Bitwise

  def words({data, mask}), do: words(data, mask, "")

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

inputs =
  for size <- [2, 21, 41, 128, 512, 4_096, 65_536] do
    {"#{Bench.Text.number(size)} bytes", {:crypto.strong_rand_bytes(size), 0x1B2C3D4E}}
  end

Bench.compare("unmask", inputs,
  words: &MaskContenders.words/1,
  native: fn {data, mask} -> Mask.apply(data, mask) end
)
