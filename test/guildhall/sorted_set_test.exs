defmodule Guildhall.SortedSetTest do
  use ExUnit.Case, async: true

  # What sorted_set_nif documents, function by function.

  alias Guildhall.SortedSet

  doctest SortedSet

  test "new/0, new/1 and new/2 make empty sets" do
    for set <- [SortedSet.new(), SortedSet.new(1_000), SortedSet.new(1_000, 100)] do
      assert is_reference(set)
      assert SortedSet.size(set) == 0
      assert SortedSet.to_list(set) == []
    end

    assert SortedSet.default_capacity() == 500
    assert SortedSet.default_bucket_size() == 500
  end

  test "from_enumerable sorts and drops duplicates" do
    assert SortedSet.to_list(SortedSet.from_enumerable([3, 1, 2, 1])) == [1, 2, 3]
    assert SortedSet.to_list(SortedSet.from_enumerable(MapSet.new([:b, :a]), 10)) == [:a, :b]
    assert SortedSet.to_list(SortedSet.from_proper_enumerable(1..3)) == [1, 2, 3]
    assert SortedSet.to_list(SortedSet.from_proper_enumerable([], 10)) == []
  end

  test "add and remove return the set, and change it" do
    set = SortedSet.new()
    assert set |> SortedSet.add(2) |> SortedSet.add(1) |> SortedSet.add(2) == set
    assert SortedSet.to_list(set) == [1, 2]
    assert set |> SortedSet.remove(1) |> SortedSet.remove(7) == set
    assert SortedSet.to_list(set) == [2]
  end

  test "index_add and index_remove tell the index, or nil" do
    set = SortedSet.from_proper_enumerable([1, 3])
    assert SortedSet.index_add(set, 2) == {1, set}
    assert SortedSet.index_add(set, 2) == {nil, set}
    assert SortedSet.index_remove(set, 3) == {2, set}
    assert SortedSet.index_remove(set, 3) == {nil, set}
  end

  test "at, slice and find_index read" do
    set = SortedSet.from_enumerable([{1, "b"}, {1, "a"}, {0, "c"}])
    assert SortedSet.at(set, 0) == {0, "c"}
    assert SortedSet.at(set, 3) == nil
    assert SortedSet.at(set, 3, :default) == :default
    assert SortedSet.slice(set, 1, 5) == [{1, "a"}, {1, "b"}]
    assert SortedSet.slice(set, 3, 5) == []
    assert SortedSet.find_index(set, {1, "b"}) == 2
    assert SortedSet.find_index(set, {1, "c"}) == nil
    assert SortedSet.debug(set) =~ "size: 3"
  end

  test "what cannot be kept is an error, as theirs" do
    set = SortedSet.new()

    for item <- [%{}, self(), {1, make_ref()}] do
      error = {:error, :unsupported_type}
      assert SortedSet.add(set, item) == error
      assert SortedSet.index_add(set, item) == error
      assert SortedSet.remove(set, item) == error
      assert SortedSet.index_remove(set, item) == error
      assert SortedSet.find_index(set, item) == error
    end
  end
end
