defmodule Guildhall.HashRing.Reference do
  @moduledoc false

  # The ring in plain Elixir: a sorted list of points, walked from the start. The oracle of the
  # property test, and what the benchmark compares with; XXH64 is written from its specification.

  import Bitwise

  @mask 0xFFFF_FFFF_FFFF_FFFF
  @p1 0x9E3779B185EBCA87
  @p2 0xC2B2AE3D27D4EB4F
  @p3 0x165667B19E3779F9
  @p4 0x85EBCA77C2B2AE63
  @p5 0x27D4EB2F165667C5
  @key_seed 0x6775_696C_6468_616C

  @type t :: {points :: tuple(), weights :: map()}

  @spec new([{Guildhall.HashRing.ring_node(), pos_integer()}], replicas :: pos_integer()) :: t()
  def new(nodes, replicas) do
    points =
      for {node, weight} <- nodes, seed <- 0..(weight * replicas - 1) do
        {xxh64(to_string(node), seed), to_string(node), node}
      end

    {points |> Enum.sort() |> List.to_tuple(), Map.new(nodes)}
  end

  @spec owner(t(), Guildhall.HashRing.key()) ::
          {:ok, Guildhall.HashRing.ring_node()} | {:error, :empty}
  def owner(ring, key) do
    case owners(ring, key, 1) do
      [node] -> {:ok, node}
      [] -> {:error, :empty}
    end
  end

  @spec owners(t(), Guildhall.HashRing.key(), pos_integer()) :: [Guildhall.HashRing.ring_node()]
  def owners(ring, key, count), do: ring |> walk(key) |> Stream.uniq() |> Enum.take(count)

  @spec pick(t(), Guildhall.HashRing.key(), map(), float()) ::
          {:ok, Guildhall.HashRing.ring_node()} | {:error, :empty}
  def pick({_points, weights} = ring, key, loads, factor) do
    all = weights |> Map.keys() |> Enum.map(&Map.get(loads, &1, 0)) |> Enum.sum()
    total = weights |> Map.values() |> Enum.sum()

    room? = fn node ->
      Map.get(loads, node, 0) < ceil(factor * (all + 1) * weights[node] / total)
    end

    case Enum.find(walk(ring, key), room?) do
      nil -> {:error, :empty}
      node -> {:ok, node}
    end
  end

  # The nodes of all points from the key's on, once round.
  defp walk({points, _weights}, key) do
    hash = xxh64(bytes(key), @key_seed)
    first = first(points, hash, 0, tuple_size(points))
    size = tuple_size(points)
    Stream.map(0..(size - 1)//1, &elem(elem(points, rem(first + &1, size)), 2))
  end

  defp first(_points, _hash, low, low), do: low

  defp first(points, hash, low, high) do
    middle = div(low + high, 2)

    if elem(elem(points, middle), 0) < hash,
      do: first(points, hash, middle + 1, high),
      else: first(points, hash, low, middle)
  end

  defp bytes(key) when is_integer(key), do: <<key::little-64>>
  defp bytes(key), do: key

  @doc "XXH64 of the data."
  @spec xxh64(binary(), non_neg_integer()) :: non_neg_integer()
  def xxh64(data, seed) do
    size = byte_size(data)

    {hash, rest} =
      if size >= 32,
        do: stripes(data, lanes(seed)),
        else: {mask(seed + @p5), data}

    hash |> Kernel.+(size) |> mask() |> tail(rest) |> avalanche()
  end

  defp lanes(seed) do
    {mask(seed + @p1 + @p2), mask(seed + @p2), seed, mask(seed - @p1)}
  end

  defp stripes(
         <<a::little-64, b::little-64, c::little-64, d::little-64, rest::binary>>,
         {v1, v2, v3, v4}
       ) do
    stripes(rest, {round(v1, a), round(v2, b), round(v3, c), round(v4, d)})
  end

  defp stripes(rest, {v1, v2, v3, v4}) do
    hash = mask(rotl(v1, 1) + rotl(v2, 7) + rotl(v3, 12) + rotl(v4, 18))
    {Enum.reduce([v1, v2, v3, v4], hash, &mask(bxor(&2, round(0, &1)) * @p1 + @p4)), rest}
  end

  defp tail(hash, <<lane::little-64, rest::binary>>) do
    tail(mask(rotl(bxor(hash, round(0, lane)), 27) * @p1 + @p4), rest)
  end

  defp tail(hash, <<lane::little-32, rest::binary>>) do
    tail(mask(rotl(bxor(hash, mask(lane * @p1)), 23) * @p2 + @p3), rest)
  end

  defp tail(hash, <<byte, rest::binary>>) do
    tail(mask(rotl(bxor(hash, mask(byte * @p5)), 11) * @p1), rest)
  end

  defp tail(hash, <<>>), do: hash

  defp avalanche(hash) do
    hash = mask(bxor(hash, hash >>> 33) * @p2)
    hash = mask(bxor(hash, hash >>> 29) * @p3)
    bxor(hash, hash >>> 32)
  end

  defp round(lane, input), do: mask(rotl(mask(lane + mask(input * @p2)), 31) * @p1)
  defp rotl(value, bits), do: mask(value <<< bits) ||| value >>> (64 - bits)
  defp mask(value), do: value &&& @mask
end
