# What does a change of a member list cost, and to look at it, at 1,000 to 1,000,000 members?
#
#     mix guildhall.bench member_list
#
# `gb_sets` and an ETS table of type ordered_set are the best that OTP has; a map beside them finds the
# key of a member, as the index inside of the list does. Neither knows a rank: for the index of a member
# they walk, and so does the twin, so there they are compared at 1,000.

alias Guildhall.MemberList
alias Guildhall.MemberList.Reference

# Ids as members join, names of 3 to 14 letters in no order.
letters = List.to_tuple(~w(e e a a i i o o n n r r s s t l d c m u p b g h k v y f w j z x))

name = fn n ->
  length = 3 + rem(:erlang.phash2({n, :length}), 12)
  for k <- 1..length, into: "", do: elem(letters, :erlang.phash2({n, k}, 32))
end

members = fn count ->
  for n <- 1..count, do: {1_174_109_841_002_725_376 + n * 4_194_304, name.(n), :online}
end

# A thousand of them, far from each other. They come again, so after the first round they are in the
# processor's cache; what others cost is said by `cargo run --release -p member_list --example cold`.
some = fn members, count ->
  all = List.to_tuple(members)
  for n <- 1..1_000, uniq: true, do: elem(all, rem(n * 7_919_337, count))
end

sizes = if Bench.quick?(), do: [1_000], else: [1_000, 100_000, 1_000_000]

inputs =
  for size <- sizes do
    members = members.(size)
    list = MemberList.new()
    {:ok, []} = MemberList.put_many(list, members)
    keys = Map.new(members, fn {id, name, _group} -> {id, {MemberList.sort_key(name), id}} end)
    table = :ets.new(:members, [:ordered_set, :public])
    :ets.insert(table, for({_id, key} <- keys, do: {key}))

    title = size |> Integer.to_string() |> String.replace(~r/(\d)(?=(\d{3})+$)/, "\\1,")
    bytes = Float.round(MemberList.bytes(list) / size, 1)
    goal = if size >= 100_000, do: {:at_most, 40}
    Bench.figure("member_list: memory of a member, #{title} members", bytes, "bytes", goal)

    {"#{title} members",
     %{
       list: list,
       members: members,
       keys: keys,
       set: keys |> Map.values() |> :gb_sets.from_list(),
       table: table,
       some: some.(members, size)
     }}
  end

goal = &%{"1,000,000 members" => {:at_most, &1}}
calls = &length(&1.some)

Bench.compare(
  "member_list: a member leaves and comes again, a change",
  inputs,
  [
    gb_sets: fn %{set: set, keys: keys, some: some} ->
      Enum.reduce(some, set, fn {id, name, _group}, set ->
        set = :gb_sets.delete_any(Map.fetch!(keys, id), set)
        :gb_sets.add_element({MemberList.sort_key(name), id}, set)
      end)

      :ok
    end,
    ets: fn %{table: table, keys: keys, some: some} ->
      for {id, name, _group} <- some do
        :ets.delete(table, Map.fetch!(keys, id))
        :ets.insert(table, {{MemberList.sort_key(name), id}})
      end

      :ok
    end,
    nif: fn %{list: list, some: some} ->
      for {id, name, group} <- some do
        {:ok, []} = MemberList.delete(list, id)
        {:ok, []} = MemberList.put(list, id, name, group)
      end

      :ok
    end
  ],
  per: &(2 * calls.(&1)),
  goal: goal.(1.0)
)

small = Enum.take(inputs, 1)

Bench.compare("member_list: the index of a member, by a walk", small,
  reference: fn %{members: members, some: some} ->
    {:ok, list} =
      Enum.reduce(members, {:ok, Reference.new()}, fn {id, name, group}, {:ok, list} ->
        Reference.put(list, id, name, group)
      end)

    ranks = list |> Reference.slice(0, 2_000) |> Enum.with_index() |> Map.new()
    for {id, _name, _group} <- some, do: {:ok, Map.fetch!(ranks, id)}
  end,
  ets: fn %{table: table, keys: keys, some: some} ->
    for {id, _name, _group} <- some do
      before = {{:"$1"}, [{:<, :"$1", {:const, Map.fetch!(keys, id)}}], [true]}
      {:ok, 1 + :ets.select_count(table, [before])}
    end
  end,
  nif: fn %{list: list, some: some} ->
    for {id, _name, _group} <- some, do: MemberList.rank(list, id)
  end
)

Bench.compare(
  "member_list: the index of a member",
  inputs,
  [
    nif: fn %{list: list, some: some} ->
      for {id, _n, _g} <- some, do: MemberList.rank(list, id)
    end
  ],
  per: calls,
  goal: goal.(0.8)
)

Bench.compare(
  "member_list: a page of 100",
  Enum.map(inputs, fn {name, %{list: list, members: members}} ->
    {name, {list, for(n <- 1..1_000, do: rem(n * 7_919_337, length(members)))}}
  end),
  [
    # In a process of its own: this one has all members on its heap, and every page is garbage.
    nif: fn {list, places} ->
      fn -> for from <- places, do: list |> MemberList.slice(from, 100) |> length() end
      |> Task.async()
      |> Task.await(:infinity)
    end
  ],
  per: 1_000,
  goal: goal.(5.0)
)

# A thousand look at three places of a large list, in ten different ways.
watched = fn {name, %{list: list, some: some}} ->
  for n <- 1..1_000, at = rem(n, 10) + 1 do
    windows = for window <- [0, at, at + 1], do: {window * 100, window * 100 + 99}
    {:ok, _ops} = MemberList.subscribe(list, n, windows)
  end

  {name, {list, some}}
end

Bench.compare(
  "member_list: a member goes offline, with 10 sets of windows looked at",
  inputs |> Enum.take(-1) |> Enum.map(watched),
  nif: fn {list, some} ->
    for {id, name, group} <- some do
      {:ok, _gone} = MemberList.put(list, id, name, :offline)
      {:ok, _back} = MemberList.put(list, id, name, group)
    end

    :ok
  end
)
