defmodule Guildhall.HashRing.HostileTest do
  use ExUnit.Case, async: true

  import Guildhall.Hostile, only: [deep: 0, refused: 1]

  # Whatever a caller passes, it is refused with an ArgumentError or no clause, and the VM lives.

  alias Guildhall.HashRing
  alias Guildhall.Options.ValidationError

  @big 0x1_0000_0000_0000_0000

  setup do
    {:ok, ring} = HashRing.new([:a, :b])
    %{ring: ring}
  end

  test "keys that are none", %{ring: ring} do
    for key <- [:atom, [~c"list"] | strange()] do
      refused(fn -> HashRing.owner(ring, key) end)
      refused(fn -> HashRing.previous_owner(HashRing.delete(ring, :a), key) end)
      refused(fn -> HashRing.owners(ring, key, 1) end)
      refused(fn -> HashRing.pick(ring, key, %{}) end)
    end

    # Not UTF-8, and long.
    assert {:ok, _node} = HashRing.owner(ring, <<255, 0, 254>>)
    assert {:ok, _node} = HashRing.owner(ring, :binary.copy(<<255>>, 1_000_000))
  end

  test "nodes and weights that are none", %{ring: ring} do
    for term <- strange() do
      refused(fn -> HashRing.new([term]) end)
      refused(fn -> HashRing.new([{:a, term}]) end)
      refused(fn -> HashRing.put(ring, term) end)
      refused(fn -> HashRing.put(ring, :a, term) end)
      refused(fn -> HashRing.delete(ring, term) end)
    end

    for weight <- [0, 1_001, :one] do
      refused(fn -> HashRing.new([{:a, weight}]) end)
      refused(fn -> HashRing.put(ring, :a, weight) end)
    end

    refused(fn -> HashRing.new([:a | :b]) end)
    refused(fn -> HashRing.new(:a) end)
  end

  test "two nodes of one name", %{ring: ring} do
    assert_raise ArgumentError, ~r/same name/, fn -> HashRing.new([:a, "a"]) end
    assert_raise ArgumentError, ~r/same name/, fn -> HashRing.new([:a, {:a, 2}]) end
    assert_raise ArgumentError, ~r/same name/, fn -> HashRing.put(ring, "a") end
  end

  test "counts, loads and factors that are none", %{ring: ring} do
    for term <- [0, 65, nil | strange()] do
      refused(fn -> HashRing.owners(ring, 1, term) end)
    end

    for term <- [0, 1, 1.0, -1.5, "1.25", nil],
        do: refused(fn -> HashRing.pick(ring, 1, %{}, term) end)

    for term <- [:many, nil, "1" | strange()],
        do: refused(fn -> HashRing.pick(ring, 1, %{a: term}) end)

    refused(fn -> HashRing.pick(ring, 1, a: 1) end)

    # As many as there can be, and factors beyond all loads.
    loads = %{a: @big - 1, b: @big - 1, c: :not_asked_for}
    assert {:ok, _node} = HashRing.pick(ring, 1, loads)
    assert {:ok, _node} = HashRing.pick(ring, 1, loads, 1.0e308)
  end

  test "options that are none" do
    for options <- [
          [replicas: 0],
          [replicas: 65_537],
          [replicas: @big],
          [history: -1],
          [history: @big],
          [max_bytes: 0],
          [max_bytes: 1.5],
          [size: 1],
          :none
        ] do
      assert_raise ValidationError, fn -> HashRing.new([], options) end
    end

    refused(fn -> HashRing.new([:a], max_bytes: @big) end)
  end

  test "a thing of another kind in the place of a ring", %{ring: ring} do
    outbox = Guildhall.Outbox.new()
    refused(fn -> HashRing.owner(%{ring | handle: outbox}, 1) end)
    refused(fn -> HashRing.put(%{ring | handle: make_ref()}, :c) end)
  end

  defp strange do
    [-1, @big, 1.5, %{}, {}, {1, 2, 3}, [1 | 2], <<1::1>>, make_ref(), self(), &is_atom/1, deep()]
  end
end
