defmodule Guildhall.OrderedSet.HostileTest do
  use ExUnit.Case, async: true

  # Whatever a caller passes is stored, or refused with a clear error, and the VM lives.

  alias Guildhall.{OrderedSet, SortedSet}

  defp deep(levels), do: Enum.reduce(1..levels, [], fn _n, inner -> [inner] end)

  setup do: %{set: OrderedSet.new()}

  test "keys that are none", %{set: set} do
    for key <- [
          %{},
          self(),
          make_ref(),
          &is_atom/1,
          <<1::1>>,
          {1, %{}},
          [1 | make_ref()],
          [[%{}]]
        ] do
      assert_raise ArgumentError, ~r/expected a key/, fn -> OrderedSet.put(set, key) end
      assert_raise ArgumentError, fn -> OrderedSet.put_keys(set, [1, key, 2]) end
      assert_raise ArgumentError, fn -> OrderedSet.put_many(set, [{key, ""}]) end
      assert_raise ArgumentError, fn -> OrderedSet.delete(set, key) end
      assert_raise ArgumentError, fn -> OrderedSet.rank(set, key) end
      assert_raise ArgumentError, fn -> OrderedSet.range(set, from: key) end
      assert SortedSet.add(set, key) == {:error, :unsupported_type}
      assert SortedSet.find_index(set, key) == {:error, :unsupported_type}
      assert SortedSet.from_enumerable([1, key]) == {:error, :unsupported_type}
    end

    assert OrderedSet.to_list(set) == [1]
  end

  test "keys of any shape and depth", %{set: set} do
    keys = [
      deep(10_000),
      [1 | 2],
      [[1 | 2] | 3],
      <<0xFF, 0xFE>>,
      Integer.pow(-7, 9_000),
      :日本,
      1.0e308
    ]

    assert OrderedSet.put_keys(set, keys) == {:ok, length(keys)}
    for key <- keys, do: assert(OrderedSet.member?(set, key))
    assert Enum.sort(OrderedSet.to_list(set)) == Enum.sort(keys)
    {:ok, restored} = OrderedSet.restore(OrderedSet.snapshot(set))
    assert OrderedSet.to_list(restored) === OrderedSet.to_list(set)
  end

  test "keys and payloads that are too large", %{set: set} do
    wide = List.to_tuple(Enum.to_list(1..1_000_000))
    huge = :binary.copy("x", 10_000_000)

    for key <- [
          deep(1_000_000),
          wide,
          [wide],
          huge,
          {huge},
          Bitwise.bsl(1, 3_000_000),
          Enum.to_list(1..100_000)
        ] do
      assert OrderedSet.put(set, key) == {:error, :too_large}
      assert OrderedSet.put_keys(set, [1, key]) == {:error, :too_large}
      assert OrderedSet.rank(set, key) == {:error, :not_found}
      refute OrderedSet.member?(set, key)
      assert SortedSet.add(set, key) == {:error, :too_large}
      assert SortedSet.find_index(set, key) == nil
      assert_raise ArgumentError, fn -> OrderedSet.range(set, until: key) end
    end

    assert OrderedSet.put(set, 2, huge) == {:error, :too_large}
    assert OrderedSet.put_many(set, [{2, huge}]) == {:error, :too_large}

    assert OrderedSet.put(set, :binary.copy("x", 32_768 - 2), :binary.copy("x", 65_536)) ==
             {:ok, {:new, 1}}

    assert OrderedSet.size(set) == 2
  end

  test "counts and ranks beyond any set", %{set: set} do
    OrderedSet.put_keys(set, [1, 2, 3])
    beyond = Integer.pow(2, 70)
    assert OrderedSet.slice(set, 0, beyond) == [1, 2, 3]
    assert OrderedSet.slice(set, beyond, 1) == []
    assert OrderedSet.at(set, beyond) == {:error, :not_found}
    assert OrderedSet.range(set, count: beyond) == [1, 2, 3]

    for bad <- [-1, 1.0, nil, "1", []] do
      assert_raise FunctionClauseError, fn -> OrderedSet.slice(set, bad, 1) end
      assert_raise FunctionClauseError, fn -> OrderedSet.slice(set, 1, bad) end
      assert_raise FunctionClauseError, fn -> OrderedSet.at(set, bad) end
    end
  end

  test "arguments of the wrong kind", %{set: set} do
    assert_raise ArgumentError, fn -> OrderedSet.put_keys(set, [1 | 2]) end
    assert_raise ArgumentError, fn -> OrderedSet.put_many(set, [1]) end
    assert_raise ArgumentError, fn -> OrderedSet.put_many(set, [{1, 2}]) end
    assert_raise ArgumentError, fn -> OrderedSet.put_many(set, [{1, "", 3}]) end
    assert_raise ArgumentError, fn -> OrderedSet.size(make_ref()) end
    assert_raise ArgumentError, fn -> OrderedSet.put(make_ref(), 1) end
    assert_raise FunctionClauseError, fn -> OrderedSet.put(:set, 1) end
    assert_raise FunctionClauseError, fn -> OrderedSet.put(set, 1, ~c"list") end
    assert_raise Guildhall.Options.ValidationError, fn -> OrderedSet.new(max_bytes: 0) end
    assert_raise ArgumentError, fn -> OrderedSet.new(max_bytes: Integer.pow(2, 70)) end
  end

  test "snapshots that are none", %{set: set} do
    OrderedSet.put_many(set, for(n <- 1..200, do: {{n, :atom}, "payload"}))
    whole = IO.iodata_to_binary(OrderedSet.snapshot(set))
    assert {:ok, _restored} = OrderedSet.restore(whole)

    for size <- 0..(byte_size(whole) - 1)//7 do
      assert OrderedSet.restore(binary_part(whole, 0, size)) == {:error, :invalid}
      <<before::binary-size(size), byte, rest::binary>> = whole
      flipped = <<before::binary, Bitwise.bxor(byte, 1), rest::binary>>
      assert OrderedSet.restore(flipped) == {:error, :invalid}
    end

    assert OrderedSet.restore([whole, 0]) == {:error, :invalid}
    assert OrderedSet.restore(:binary.copy(<<255>>, 1_000_000)) == {:error, :invalid}
    assert_raise ArgumentError, fn -> OrderedSet.restore(:snapshot) end
  end
end
