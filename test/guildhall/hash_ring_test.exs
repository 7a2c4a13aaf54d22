defmodule Guildhall.HashRingTest do
  use ExUnit.Case, async: true
  doctest Guildhall.HashRing

  alias Guildhall.HashRing

  test "an owner is the same on every machine and in every version" do
    ring = HashRing.new(~w(a b c), replicas: 64)
    owners = for key <- 1..12, {:ok, owner} = HashRing.owner(ring, key), into: "", do: owner
    assert owners == "bbbabbaabbbb"
    assert HashRing.owner(ring, "a key of more than thirty-two bytes, to be sure") == {:ok, "b"}
  end

  test "a ring without nodes has no owners" do
    ring = HashRing.new([])
    assert HashRing.owner(ring, 1) == {:error, :empty}
    assert HashRing.owners(ring, 1, 3) == []
    assert HashRing.pick(ring, 1, %{}) == {:error, :empty}
    assert HashRing.previous_owner(ring, 1) == {:error, :unknown}
  end

  test "remembers who owned a key as far back as it was told to" do
    ring =
      HashRing.new([:a], history: 2)
      |> HashRing.delete(:a)
      |> HashRing.put(:b)
      |> HashRing.put(:c)

    assert HashRing.previous_owner(ring, 1) == {:ok, :b}
    assert HashRing.previous_owner(ring, 1, 2) == {:error, :empty}
    assert HashRing.previous_owner(ring, 1, 3) == {:error, :unknown}
  end

  test "refuses two nodes of one name, and more points than it may have" do
    assert_raise ArgumentError, ~r/same name/, fn -> HashRing.new([:a, "a"]) end
    assert_raise ArgumentError, ~r/same name/, fn -> HashRing.put(HashRing.new([:a]), "a") end

    assert_raise ArgumentError, ~r/4,000,000/, fn ->
      HashRing.new([{:a, 1_000}], replicas: 4_001)
    end

    assert_raise ArgumentError, ~r/weight/, fn -> HashRing.new([{:a, 0}]) end
  end

  test "a node that is not there leaves the ring as it is" do
    ring = HashRing.new([:a])
    assert HashRing.delete(ring, :b) == ring
  end

  test "strange keys and counts raise, the VM lives" do
    ring = HashRing.new([:a, :b])

    for key <- [-1, 0x1_0000_0000_0000_0000, 1.5, :atom, <<1::1>>, ['list'], nil, %{}] do
      assert_raise FunctionClauseError, fn -> HashRing.owner(ring, key) end
    end

    for count <- [0, -1, 65, 1.0],
        do: assert_raise(FunctionClauseError, fn -> HashRing.owners(ring, 1, count) end)

    assert_raise FunctionClauseError, fn -> HashRing.pick(ring, 1, %{}, 1.0) end
  end

  test "many processes read one ring" do
    ring = HashRing.new(for(n <- 1..50, do: "node-#{n}"))
    expected = for key <- 1..1_000, do: HashRing.owner(ring, key)

    readers =
      for _n <- 1..20,
          do: Task.async(fn -> for key <- 1..1_000, do: HashRing.owner(ring, key) end)

    assert Enum.all?(Task.await_many(readers), &(&1 == expected))
  end

  test "its memory is counted" do
    ring = HashRing.new([{:a, 100}], replicas: 1_000)
    assert HashRing.memory() > 100_000 * 16
    assert HashRing.nodes(ring) == %{a: 100}
  end
end
