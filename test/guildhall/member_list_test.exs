defmodule Guildhall.MemberListTest do
  use ExUnit.Case, async: true

  doctest Guildhall.MemberList
  doctest Guildhall.MemberList.Reference

  alias Guildhall.MemberList

  setup do
    %{list: MemberList.new()}
  end

  test "a member who goes offline moves behind those who are online", %{list: list} do
    {:ok, []} = MemberList.set_roles(list, [5])
    {:ok, []} = MemberList.put_many(list, [{1, "ada", 5}, {2, "bob", :online}])
    {:ok, []} = MemberList.put(list, 1, "ada", :offline)

    assert MemberList.slice(list, 0, 10) == [{:group, :online, 1}, 2, {:group, :offline, 1}, 1]
    assert MemberList.groups(list) == [online: 1, offline: 1]
    assert MemberList.counts(list) == %{members: 2, online: 1, indexes: 4}
  end

  test "equal names are in the order of ids", %{list: list} do
    members = for id <- Enum.shuffle(1..300), do: {id, Enum.random(["Wumpus", "wumpus"]), :online}
    {:ok, []} = MemberList.put_many(list, members)
    assert tl(MemberList.slice(list, 0, 1_000)) == Enum.to_list(1..300)
  end

  test "a role that goes leaves its members online, and one that comes has none", %{list: list} do
    {:ok, []} = MemberList.set_roles(list, [5, 6])
    {:ok, []} = MemberList.put_many(list, for(id <- 1..600, do: {id, "m", 5}))
    {:ok, []} = MemberList.set_roles(list, [7, 6])

    assert MemberList.groups(list) == [online: 600]
    assert MemberList.put(list, 1, "m", 5) == {:error, :unknown_role}
    assert MemberList.put(list, 1, "m", 7) == {:ok, []}
    assert MemberList.groups(list) == [{7, 1}, {:online, 599}]
  end

  test "roles that change places take their members along", %{list: list} do
    {:ok, []} = MemberList.set_roles(list, [5, 6])
    {:ok, []} = MemberList.put_many(list, [{1, "a", 5}, {2, "b", 6}])
    {:ok, _ops} = MemberList.subscribe(list, 9, [{0, 99}])

    assert MemberList.set_roles(list, [6, 5]) ==
             {:ok, [{[{0, 99}], [{:sync, {0, 99}, [{:group, 6, 1}, 2, {:group, 5, 1}, 1]}]}]}

    assert MemberList.set_roles(list, [6, 7, 5]) == {:ok, []}
  end

  test "who looks at the same windows is told the same, once", %{list: list} do
    {:ok, []} = MemberList.put(list, 1, "a", :online)
    for subscriber <- 1..1_000, do: MemberList.subscribe(list, subscriber, [{0, 99}])
    {:ok, [_sync, _other]} = MemberList.subscribe(list, 1_001, [[100, 149], [0, 99]])

    expected = [{:insert, 2, 2}]

    assert MemberList.put(list, 2, "b", :online) ==
             {:ok, [{[{0, 99}], expected}, {[{0, 99}, {100, 199}], expected}]}

    assert Enum.sort(MemberList.subscribers(list, [{0, 99}])) == Enum.to_list(1..1_000)
    :ok = MemberList.unsubscribe(list, 1_001)
    assert MemberList.subscribers(list, [{0, 99}, {100, 199}]) == []
  end

  test "a change behind all windows is nobody's business", %{list: list} do
    {:ok, []} = MemberList.put_many(list, for(id <- 1..300, do: {id, "m", :online}))
    {:ok, _ops} = MemberList.subscribe(list, 9, [{0, 99}])

    assert MemberList.delete(list, 250) == {:ok, []}
    # The last of the window is another member, who is not known yet.
    assert MemberList.delete(list, 50) ==
             {:ok, [{[{0, 99}], [{:delete, 50}, {:update, 99, 100}]}]}
  end

  test "windows that are no longer looked at are forgotten", %{list: list} do
    {:ok, []} = MemberList.put_many(list, for(id <- 1..150, do: {id, "m", :online}))
    {:ok, _ops} = MemberList.subscribe(list, 9, [{0, 99}, {100, 199}])

    assert {:ok, [{:invalidate, {0, 99}}, {:sync, {200, 299}, []}]} =
             MemberList.subscribe(list, 9, [{100, 199}, {200, 299}])
  end

  test "many changes at once send whole windows", %{list: list} do
    {:ok, _ops} = MemberList.subscribe(list, 9, [{0, 99}, {200, 299}])
    members = for id <- 1..5_000, do: {id, "m", :online}

    assert {:ok,
            [{[{0, 99}, {200, 299}], [{:sync, {0, 99}, first}, {:sync, {200, 299}, second}]}]} =
             MemberList.put_many(list, members)

    assert {first, second} == {MemberList.slice(list, 0, 100), MemberList.slice(list, 200, 100)}
  end

  test "what was put before a refusal is told of with the next change", %{list: list} do
    {:ok, _ops} = MemberList.subscribe(list, 9, [{0, 99}])
    members = [{1, "a", :online}, {2, "b", 5}, {3, "c", :online}]

    assert MemberList.put_many(list, members) == {:error, :unknown_role}
    assert {:ok, [{_windows, ops}]} = MemberList.put(list, 3, "c", :online)
    assert ops == [{:insert, 0, {:group, :online, 2}}, {:insert, 1, 1}, {:insert, 2, 3}]
  end

  test "more windows and ranges than a client may ask for", %{list: list} do
    for ranges <- [
          [{0, 100}],
          [{1, 99}],
          [{-100, -1}],
          [{100, 99}],
          [{0, 99.0}],
          [[0, 99, 1]],
          [{0, 99} | {100, 199}],
          for(window <- 0..15, do: {window * 100, window * 100 + 99}),
          :all,
          nil,
          %{}
        ] do
      assert MemberList.subscribe(list, 1, ranges) == {:error, :invalid_ranges}
    end

    assert MemberList.counts(list).members == 0
  end

  test "a list of many sets of windows tells in pieces", %{list: list} do
    {:ok, []} = MemberList.put_many(list, for(id <- 1..9_000, do: {id, "m", :online}))

    for window <- 1..80,
        do: MemberList.subscribe(list, window, [{0, 99}, {window * 100, window * 100 + 99}])

    {:ok, []} = MemberList.set_absent(list, 5)
    {:ok, updates} = MemberList.put_many(list, for(id <- 9_001..9_500, do: {id, "a", :online}))

    assert length(updates) == 80
    assert updates |> Enum.map(&elem(&1, 0)) |> Enum.uniq() |> length() == 80
  end

  test "limits are refusals, and change nothing" do
    list = MemberList.new(max_bytes: 40_000, max_subscribers: 2)

    {:error, :memory_limit} =
      Enum.reduce_while(1..10_000, :ok, fn id, :ok ->
        case MemberList.put(list, id, "a member's name", :online) do
          {:ok, []} -> {:cont, :ok}
          error -> {:halt, error}
        end
      end)

    %{members: members} = MemberList.counts(list)
    assert members > 100
    assert length(MemberList.slice(list, 0, 1_000)) == members + 1
    assert MemberList.bytes(list) <= 40_000
    assert MemberList.rank(list, members + 1) == {:error, :not_found}

    for id <- 1..members, do: {:ok, []} = MemberList.delete(list, id)
    {:ok, _ops} = MemberList.subscribe(list, 1, [{0, 99}])
    {:ok, _ops} = MemberList.subscribe(list, 2, [{0, 99}])
    assert MemberList.subscribe(list, 3, [{0, 99}]) == {:error, :too_many_subscribers}
    :ok = MemberList.unsubscribe(list, 1)
    assert {:ok, [_sync]} = MemberList.subscribe(list, 3, [{0, 99}])
  end

  test "an id of channels that not all may see" do
    assert MemberList.id(true, [{7, :allow}]) == "everyone"
    assert MemberList.id(false, []) == "0"

    overwrites = [{1_174_109_841_006_919_680, :deny}, {1_174_109_841_002_725_376, :allow}]
    assert MemberList.id(true, overwrites) == "389890879"
  end
end
