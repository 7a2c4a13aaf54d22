defmodule Guildhall.HashRing.VectorsTest do
  use ExUnit.Case, async: true

  # Owners are a promise between the nodes of a cluster, which may be of different versions: what
  # these tests say must never change. They were computed by the oracle from XXH64's specification.

  alias Guildhall.HashRing

  test "owners of integers and of binaries, by weight" do
    ring = ring(~w(a b c), replicas: 64)
    owners = for key <- 1..12, {:ok, owner} = HashRing.owner(ring, key), into: "", do: owner
    assert owners == "bbbabbaabbbb"
    assert HashRing.owner(ring, "a key of more than thirty-two bytes, to be sure") == {:ok, "b"}
    assert HashRing.owner(ring, <<7::little-64>>) == HashRing.owner(ring, 7)
  end

  test "a name is a name, as an atom or as a string" do
    strings = ring(~w(chat@a chat@b chat@c))
    atoms = ring([:chat@c, :chat@b, :chat@a])

    for key <- 1..100, {:ok, owner} = HashRing.owner(strings, key) do
      assert HashRing.owner(atoms, key) == {:ok, String.to_atom(owner)}
    end
  end

  test "10,000 owners, successors and picks of 20 nodes of different weights" do
    ring = ring(for n <- 1..20, do: {"chat-#{n}@10.0.0.#{n}", rem(n, 4) + 1})
    loads = for n <- 1..20, into: %{}, do: {"chat-#{n}@10.0.0.#{n}", rem(n * 7, 11)}

    answers =
      for key <- 1..10_000 do
        key = key * 0x9E37_79B9_7F4A
        {:ok, owner} = HashRing.owner(ring, key)
        {:ok, picked} = HashRing.pick(ring, "#{key}", loads)
        [owner, HashRing.owners(ring, key, 3), picked]
      end

    digest = :crypto.hash(:sha256, Enum.join(List.flatten(answers), ","))
    assert Base.encode16(binary_part(digest, 0, 8)) == "A989B5784A05CC4F"
  end

  defp ring(nodes, options \\ []) do
    {:ok, ring} = HashRing.new(nodes, options)
    ring
  end
end
