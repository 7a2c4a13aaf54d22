# How long does it take to find an owner, and to change a ring of 450 nodes?
#
#     mix guildhall.bench hash_ring

alias Guildhall.HashRing
alias Guildhall.HashRing.Reference

nodes = for n <- 1..450, do: {"chat-#{n}@guildhall", 1}
ring = HashRing.new(nodes)
reference = Reference.new(nodes, 512)
keys = for n <- 1..1_000, do: n * 0x9E37_79B9_7F4A

Bench.compare(
  "hash_ring: owner, 450 nodes",
  [{"1,000 keys", keys}],
  [
    reference: fn keys -> for key <- keys, do: Reference.owner(reference, key) end,
    nif: fn keys -> for key <- keys, do: HashRing.owner(ring, key) end
  ],
  per: length(keys),
  goal: {:at_most, 0.3}
)

# The time of one of the two changes.
Bench.compare(
  "hash_ring: a node joins and leaves, 450 nodes",
  [{"512 points", "chat-451@guildhall"}],
  [
    rebuilt: fn node ->
      HashRing.nodes(HashRing.delete(HashRing.new([{node, 1} | nodes]), node))
    end,
    changed: fn node -> HashRing.nodes(ring |> HashRing.put(node) |> HashRing.delete(node)) end
  ],
  per: 2,
  goal: {:at_most, 10_000}
)
