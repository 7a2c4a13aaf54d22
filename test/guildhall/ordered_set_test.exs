defmodule Guildhall.OrderedSetTest do
  use ExUnit.Case, async: true

  alias Guildhall.OrderedSet
  alias Guildhall.OrderedSet.Reference

  doctest OrderedSet

  # More than one piece of anything.
  @many 2_500

  defp filled(count) do
    set = OrderedSet.new()
    {:ok, ^count} = OrderedSet.put_keys(set, Enum.shuffle(1..count))
    set
  end

  test "keys of all kinds are in the order of terms, and come back as they were" do
    set = OrderedSet.new()
    far = :math.pow(10, 300)
    big = Integer.pow(2, 200)

    keys = [
      [
        -big,
        -Integer.pow(2, 64),
        -0x8000_0000_0000_0000,
        -far,
        -5.5,
        -5,
        -1,
        -0.25,
        0,
        0.0,
        0.25
      ],
      [1, 1.0, 255, 256, 0xFFFF_FFFF_FFFF_FFFF, big, far],
      [:"", :a, :ab, :"a\0b", :é, :日本, nil, true],
      [{}, {1}, {1.0}, {nil}, {1, 2}, {1, {2}}, List.to_tuple(Enum.to_list(1..20))],
      [[], [1 | 2], [1], [1, 2], [1, [2]], [[]], ["x"]],
      ["", <<0>>, <<0, 0>>, <<0, 255>>, "a", "a\0", "ab", <<255, 255>>]
    ]

    keys = Enum.concat(keys)
    assert OrderedSet.put_keys(set, Enum.shuffle(keys)) == {:ok, length(keys)}
    sorted = Enum.sort(keys, &(not Reference.before?(&2, &1)))
    assert OrderedSet.to_list(set) === sorted

    for {key, rank} <- Enum.with_index(sorted),
        do: assert(OrderedSet.rank(set, key) == {:ok, rank})
  end

  test "the two zeros are one key" do
    set = OrderedSet.new()
    OrderedSet.put(set, -0.0)
    assert OrderedSet.put(set, 0.0) == {:ok, {:known, 0}}
  end

  test "a key has a payload, the last one that was put" do
    set = OrderedSet.new()
    assert OrderedSet.put_many(set, [{:a, "1"}, {:b, ""}, {:a, "22"}]) == {:ok, 2}
    assert OrderedSet.put(set, :b, "3") == {:ok, {:known, 1}}
    assert OrderedSet.entries(set, 0, 9) == [a: "22", b: "3"]
    assert OrderedSet.get(set, :a) == {:ok, "22"}
    assert OrderedSet.get(set, :c) == {:error, :not_found}
    assert OrderedSet.at(set, 1) == {:ok, {:b, "3"}}
    assert OrderedSet.at(set, 2) == {:error, :not_found}
    assert OrderedSet.range(set, payloads: true, from: :b) == [b: "3"]
    assert OrderedSet.member?(set, :a) and not OrderedSet.member?(set, :c)
  end

  test "what is long is done in pieces, and whole" do
    set = filled(@many)
    all = Enum.to_list(1..@many)
    assert OrderedSet.size(set) == @many
    assert OrderedSet.to_list(set) == all
    assert OrderedSet.slice(set, 0, @many) == all
    assert OrderedSet.slice(set, 1, @many - 2) == Enum.slice(all, 1, @many - 2)
    assert OrderedSet.slice(set, 10, 1_000) == Enum.to_list(11..1_010)
    assert OrderedSet.slice(set, @many, 10) == []
    assert OrderedSet.slice(set, 0, 0) == []
    assert OrderedSet.range(set, count: @many) == all
    assert OrderedSet.range(set, from: 7, until: 2_007, count: 1_999) == Enum.to_list(7..2_005)
    assert OrderedSet.range(set, from: 7, until: 7) == []
    assert OrderedSet.range(set, from: 9, until: 7) == []
    assert OrderedSet.range(set, count: 0) == []
    assert OrderedSet.put_keys(set, Enum.to_list(1..(@many + 1))) == {:ok, 1}
  end

  test "a set is empty after it was cleared, and takes little" do
    set = filled(@many)
    full = OrderedSet.info(set)
    assert OrderedSet.clear(set) == :ok
    assert OrderedSet.to_list(set) == []
    assert OrderedSet.info(set).bytes < div(full.bytes, 10)
    assert OrderedSet.put(set, 1) == {:ok, {:new, 0}}
  end

  test "a set that is full says so, and stays as it is" do
    set = OrderedSet.new(max_bytes: 50_000)
    assert {:error, :memory_limit} = OrderedSet.put_keys(set, Enum.to_list(1..50_000))
    %{size: size, bytes: bytes} = OrderedSet.info(set)
    assert size > 1_000 and bytes <= 50_000
    assert OrderedSet.put(set, :one_more) == {:error, :memory_limit}
    assert OrderedSet.to_list(set) == Enum.to_list(1..size)
    for key <- 1..500, do: OrderedSet.delete(set, key)
    assert {:ok, {:new, _rank}} = OrderedSet.put(set, :one_more)
  end

  # That it is freed, `Guildhall.ReaperTest` says.
  test "a set counts in the gauge" do
    set = filled(20_000)
    %{count: count, bytes: bytes} = OrderedSet.memory()
    assert count >= 1 and bytes >= OrderedSet.info(set).bytes
  end

  test "a snapshot is restored, with payloads" do
    set = OrderedSet.new()
    entries = for n <- 1..@many, do: {{n, "name #{n}", :atom}, String.duplicate("x", rem(n, 50))}
    OrderedSet.put_many(set, entries)
    snapshot = OrderedSet.snapshot(set)
    assert {:ok, restored} = OrderedSet.restore(snapshot)
    assert OrderedSet.entries(restored, 0, @many) == entries
    assert OrderedSet.restore(snapshot, max_bytes: 30_000) == {:error, :memory_limit}
    assert {:ok, empty} = OrderedSet.restore(OrderedSet.snapshot(OrderedSet.new()))
    assert OrderedSet.size(empty) == 0
  end
end
