defmodule Guildhall.TableTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Model.{Member, Row, User}
  alias Guildhall.Table

  doctest Table

  defp fill(table, keys), do: Enum.reduce(keys, table, &Table.put(&2, &1, {&1, "value"}))

  # Runs of keys come and go, and now and then are written down.
  property "answers as a map does" do
    step = {oneof([:put, :delete, :settle]), range(1, 2_000), range(1, 900)}

    forall steps <- list(step) do
      {table, map} =
        Enum.reduce(steps, {Table.new(), %{}}, fn {what, first, count}, {table, map} ->
          keys = Enum.to_list(first..(first + count))
          value = map_size(map)

          case what do
            :put ->
              {Enum.reduce(keys, table, &Table.put(&2, &1, value)),
               Map.merge(map, Map.new(keys, &{&1, value}))}

            :delete ->
              {Enum.reduce(keys, table, &Table.delete(&2, &1)), Map.drop(map, keys)}

            :settle ->
              {Table.settle(table), map}
          end
        end)

      assert Table.size(table) == map_size(map)
      assert table |> Table.to_list() |> Enum.sort() == Enum.sort(map)
      assert table |> Table.keys() |> Enum.sort() == map |> Map.keys() |> Enum.sort()
      assert table |> Table.values() |> Enum.sort() == map |> Map.values() |> Enum.sort()

      for key <- 1..3_000//7 do
        assert Table.fetch(table, key) == Map.fetch(map, key)
        assert Table.get(table, key, :none) == Map.get(map, key, :none)
        assert Table.has_key?(table, key) == is_map_key(map, key)
      end
    end
  end

  test "is a value: what is derived from it does not change it" do
    table = Table.new() |> fill(1..2_000) |> Table.settle()
    _more = fill(table, 2_001..4_000)
    _less = Enum.reduce(1..2_000, table, &Table.delete(&2, &1))
    assert Table.size(table) == 2_000
    assert Table.fetch(table, 2_000) == {:ok, {2_000, "value"}}
    assert Table.fetch(table, 2_001) == :error
    assert length(Table.to_list(table)) == 2_000
  end

  test "takes as many as are asked for, and no entry twice" do
    table = Table.new() |> fill(1..5_000) |> Table.settle() |> fill(4_990..5_000)
    keys = for {key, {key, "value"}} <- Table.take(table, 100), do: key
    assert {length(keys), length(Enum.uniq(keys))} == {100, 100}
    assert length(Table.take(table, 6_000)) == 5_000
    assert Table.take(table, 0) == []
  end

  test "pop takes out what is there" do
    table = Table.new() |> fill(1..1_000) |> Table.settle()
    assert {{7, "value"}, rest} = Table.pop(table, 7)
    assert {nil, ^rest} = Table.pop(rest, 7)
    assert Table.size(rest) == 999
  end

  test "values go through the codec and come back as they were" do
    member = fn id ->
      user = %User{id: id, username: "user#{id}", global_name: "é"}
      %Member{user: user, nick: nil, roles: [1, 2], joined_at: 5, timeout_until: 9, flags: 3}
    end

    ids = Enum.map(1..1_000, &(&1 * 1_000_000_000_000_000))
    codec = {&Row.encode/1, &Row.decode!/1}
    table = Table.settle(Enum.reduce(ids, Table.new(codec), &Table.put(&2, &1, member.(&1))))
    for id <- ids, do: assert(Table.fetch(table, id) == {:ok, member.(id)})
    assert table |> Table.values() |> Enum.sort() == Enum.map(ids, member) |> Enum.sort()
  end

  test "many entries are not on the heap" do
    few = Table.new() |> fill(1..512) |> Table.settle()
    assert :erts_debug.flat_size(few) > 512
    many = Table.new() |> fill(1..513) |> Table.settle()
    assert :erts_debug.flat_size(many) < 50
  end

  test "others read what is shared and settled, and walk through it while it changes" do
    {shared, table} = 1..3 |> Enum.reduce(Table.new(), &Table.put(&2, &1, -&1)) |> Table.share()
    read = fn fun -> fun |> Task.async() |> Task.await() end

    assert read.(fn -> {Table.get(shared, 2), Table.get(shared, 4), Table.count(shared)} end) ==
             {-2, nil, 3}

    table = Table.put(table, 4, -4)
    assert read.(fn -> Table.get(shared, 4) end) == nil
    table = Table.settle(table)
    assert read.(fn -> Table.get(shared, 4) end) == -4

    {^table, table} = Table.share(table)
    test = self()

    walker =
      Task.async(fn ->
        Table.hold(shared)
        {first, continuation} = Table.walk(shared, nil, 2)
        send(test, {:walked, first})
        receive do: (:go_on -> :ok)
        rest = walk(shared, continuation)
        Table.release(shared)
        first ++ rest
      end)

    first = receive do: ({:walked, keys} -> keys)
    assert length(first) == 2
    # Whoever has not been met is, unless he is gone.
    [gone, left] = Enum.to_list(1..4) -- first
    _table = table |> Table.delete(gone) |> Table.delete(hd(first)) |> Table.settle()
    send(walker.pid, :go_on)
    assert walker |> Task.await() |> Enum.sort() == Enum.sort([left | first])
  end

  defp walk(_shared, nil), do: []

  defp walk(shared, continuation) do
    {keys, continuation} = Table.walk(shared, continuation, 1)
    keys ++ walk(shared, continuation)
  end
end
