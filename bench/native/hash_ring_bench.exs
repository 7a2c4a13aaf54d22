# How long does it take to find an owner, and to change a ring of 450 nodes?
#
#     mix guildhall.bench hash_ring
#
# The baseline is the usual ring in plain Elixir, as ex_hash_ring has it: 512 points a node from MD5,
# sorted into a tuple that is searched by halves, and made anew with every change. Its owners are
# others than ours, so the contenders agree in how many keys have one; that ours are those of the
# oracle is checked apart.

alias Guildhall.HashRing
alias Guildhall.HashRing.Reference

defmodule Bench.PlainRing do
  @moduledoc false

  def new(nodes) do
    points = for node <- nodes, n <- 1..512, do: {hash("#{node}#{n}"), node}
    points |> Enum.sort() |> List.to_tuple()
  end

  def owner(points, key) do
    size = tuple_size(points)
    at = search(points, hash(Integer.to_string(key)), 0, size)
    {_hash, node} = elem(points, rem(at, size))
    {:ok, node}
  end

  defp search(_points, _hash, low, low), do: low

  defp search(points, hash, low, high) do
    middle = div(low + high, 2)

    if elem(elem(points, middle), 0) < hash,
      do: search(points, hash, middle + 1, high),
      else: search(points, hash, low, middle)
  end

  defp hash(text) do
    <<hash::64, _rest::64>> = :erlang.md5(text)
    hash
  end
end

sizes = if Bench.quick?(), do: [8], else: [10, 100, 450]
keys = for n <- 1..1_000, do: n * 0x9E37_79B9_7F4A
name = fn n -> "chat-#{n}@guildhall" end

inputs =
  for size <- sizes do
    nodes = Enum.map(1..size, name)
    {:ok, ring} = HashRing.new(nodes)
    reference = Reference.new(for(node <- nodes, do: {node, 1}), 512)
    true = Enum.all?(keys, &(HashRing.owner(ring, &1) == Reference.owner(reference, &1)))
    rings = %{nodes: nodes, ring: ring, plain: Bench.PlainRing.new(nodes), reference: reference}
    {"#{size} nodes", rings}
  end

owned = fn keys, owner -> Enum.count(keys, &match?({:ok, _node}, owner.(&1))) end

Bench.compare(
  "hash_ring: the owner of a key",
  inputs,
  [
    plain: fn %{plain: plain} -> owned.(keys, &Bench.PlainRing.owner(plain, &1)) end,
    reference: fn %{reference: ring} -> owned.(keys, &Reference.owner(ring, &1)) end,
    nif: fn %{ring: ring} -> owned.(keys, &HashRing.owner(ring, &1)) end
  ],
  per: length(keys),
  goal: %{"450 nodes" => {:at_most, 0.3}}
)

Bench.compare(
  "hash_ring: a node joins or leaves",
  inputs,
  [
    plain: fn %{nodes: nodes} ->
      [_points, points] =
        for nodes <- [[name.(451) | nodes], nodes], do: Bench.PlainRing.new(nodes)

      div(tuple_size(points), 512)
    end,
    nif: fn %{ring: ring} ->
      {:ok, joined} = HashRing.put(ring, name.(451))
      joined |> HashRing.delete(name.(451)) |> HashRing.nodes() |> map_size()
    end
  ],
  per: 2,
  goal: %{"450 nodes" => {:at_most, 10_000}}
)

loads = fn nodes -> for(node <- nodes, into: %{}, do: {node, rem(:erlang.phash2(node), 100)}) end

Bench.compare(
  "hash_ring: an owner within its share",
  for({name, rings} <- inputs, do: {name, Map.put(rings, :loads, loads.(rings.nodes))}),
  reference: fn %{reference: ring, loads: loads} -> Reference.pick(ring, 7, loads, 1.25) end,
  nif: fn %{ring: ring, loads: loads} -> HashRing.pick(ring, 7, loads) end
)

{_name, %{nodes: nodes}} = List.last(inputs)
before = HashRing.memory().bytes
{:ok, ring} = HashRing.new(nodes)
bytes = HashRing.memory().bytes - before
Bench.figure("#{length(nodes)} nodes: native memory of a ring", bytes / 1_000_000, "MB")
true = map_size(HashRing.nodes(ring)) == length(nodes)
