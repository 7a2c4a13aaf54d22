defmodule Guildhall.HashRingTest do
  use ExUnit.Case, async: true
  doctest Guildhall.HashRing

  alias Guildhall.HashRing

  test "a ring without nodes has no owners" do
    ring = ring([])
    assert HashRing.owner(ring, 1) == {:error, :empty}
    assert HashRing.owners(ring, 1, 3) == []
    assert HashRing.pick(ring, 1, %{}) == {:error, :empty}
    assert HashRing.previous_owner(ring, 1) == {:error, :unknown}
  end

  test "remembers who owned a key as far back as it was told to" do
    {:ok, ring} = [:a] |> ring(history: 2) |> HashRing.delete(:a) |> HashRing.put(:b)
    {:ok, ring} = HashRing.put(ring, :c)

    assert HashRing.previous_owner(ring, 1) == {:ok, :b}
    assert HashRing.previous_owner(ring, 1, 2) == {:error, :empty}
    assert HashRing.previous_owner(ring, 1, 3) == {:error, :unknown}
  end

  test "a ring of more bytes than it may have is not made, and a change leaves it as it is" do
    assert HashRing.new([a: 1_000], replicas: 65_536) == {:error, :memory_limit}

    # 512 points of 16 bytes, 512 prefixes of 4; another node's do not fit.
    ring = ring([:a], max_bytes: 16_384)
    assert HashRing.put(ring, :b) == {:error, :memory_limit}
    assert HashRing.nodes(ring) == %{a: 1}
    assert {:ok, _ring} = HashRing.put(HashRing.delete(ring, :a), :b)
  end

  test "a node that is not there leaves the ring as it is" do
    ring = ring([:a])
    assert HashRing.delete(ring, :b) == ring
  end

  test "bounded loads hold whatever the keys are" do
    nodes = for n <- 1..7, do: "node-#{n}"
    ring = ring(nodes)

    loads =
      for _n <- 1..700, reduce: %{} do
        loads ->
          {:ok, node} = HashRing.pick(ring, "the one key of all", loads)
          Map.update(loads, node, 1, &(&1 + 1))
      end

    assert loads |> Map.values() |> Enum.max() == 125
    assert loads |> Map.values() |> Enum.sum() == 700
  end

  test "finds the few points of a light node among very many" do
    ring = ring([{:heavy, 1_000}, :light], replicas: 100)
    assert Enum.sort(HashRing.owners(ring, 1, 2)) == [:heavy, :light]

    loads = %{heavy: 0xFFFF_FFFF_FFFF_FFFF}
    assert HashRing.pick(ring([:heavy, light: 1_000], replicas: 50), 1, loads) == {:ok, :light}
  end

  test "its memory is counted, and given back" do
    parent = self()

    holder =
      spawn_link(fn ->
        ring = ring([{:a, 100}], replicas: 1_000)
        send(parent, :made)
        receive do: (:done -> HashRing.nodes(ring))
      end)

    assert_receive :made
    assert %{count: count, bytes: bytes} = HashRing.memory()
    assert count >= 1 and bytes >= 100_000 * 20
    send(holder, :done)
  end

  defp ring(nodes, options \\ []) do
    {:ok, ring} = HashRing.new(nodes, options)
    ring
  end
end
