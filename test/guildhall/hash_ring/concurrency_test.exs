defmodule Guildhall.HashRing.ConcurrencyTest do
  use ExUnit.Case, async: true

  alias Guildhall.HashRing

  test "readers see whole rings while writers replace them" do
    nodes = for n <- 1..40, do: "node-#{n}"
    {:ok, ring} = HashRing.new(nodes, replicas: 64)
    key = {__MODULE__, make_ref()}
    :persistent_term.put(key, ring)

    readers =
      for seed <- 1..8 do
        Task.async(fn ->
          for n <- 1..500 do
            ring = :persistent_term.get(key)
            {:ok, owner} = HashRing.owner(ring, seed * n)
            [first, second, third] = HashRing.owners(ring, seed * n, 3)
            {:ok, picked} = HashRing.pick(ring, seed * n, %{owner => 1_000_000})

            owner == first and first not in [second, third] and picked != owner and
              is_map_key(HashRing.nodes(ring), owner)
          end
        end)
      end

    # Each writer changes a ring of its own; who comes last does not matter.
    writers =
      for seed <- 1..4 do
        Task.async(fn ->
          for n <- 1..20, reduce: ring do
            ring ->
              node = Enum.at(nodes, rem(seed * n, 40))
              {:ok, ring} = HashRing.put(HashRing.delete(ring, node), node, 2)
              :persistent_term.put(key, ring)
              ring
          end
        end)
      end

    assert Enum.all?(List.flatten(Task.await_many(readers, 30_000)))
    assert Enum.all?(Task.await_many(writers, 30_000), &(map_size(HashRing.nodes(&1)) == 40))
  after
    for {{__MODULE__, _ref} = key, _ring} <- :persistent_term.get(),
        do: :persistent_term.erase(key)
  end
end
