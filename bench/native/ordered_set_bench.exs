# What does an ordered set with ranks cost at 1,000 to 1,000,000 keys, beside what OTP has?
#
#     mix guildhall.bench ordered_set
#
# `gb_sets` and an ETS table of type ordered_set know no ranks: to find the rank of a key, or the keys
# from a rank on, they walk, and so does the twin. These are compared at 1,000; beyond, ours is alone.
# With BENCH_LARGE=1 the sizes go to 20,000,000, for ours alone there.

alias Guildhall.OrderedSet
alias Guildhall.OrderedSet.Reference

# {rank, name, id}, the names in no order: what a list of members would be kept as.
key = fn n ->
  letters =
    for <<(half::4 <- <<:erlang.phash2(n, 0x1_0000_0000)::32>>)>>, into: "", do: <<?a + half>>

  {rem(n, 5), letters, 1_174_109_841_002_725_376 + n * 4_194_304}
end

sizes =
  cond do
    Bench.quick?() -> [1_000]
    System.get_env("BENCH_LARGE") -> [1_000, 100_000, 1_000_000, 20_000_000]
    true -> [1_000, 100_000, 1_000_000]
  end

# A thousand of them, far from each other: none finds in the cache what the last one left there.
some = fn size -> for n <- 1..1_000, uniq: true, do: rem(n * 7_919_337, size) end

filled = fn size ->
  set = OrderedSet.new(max_bytes: 4_000_000_000)

  0..(size - 1)
  |> Stream.map(key)
  |> Stream.chunk_every(10_000)
  |> Enum.each(&({:ok, _new} = OrderedSet.put_keys(set, &1)))

  set
end

inputs =
  for size <- sizes do
    set = filled.(size)
    title = size |> Integer.to_string() |> String.replace(~r/(\d)(?=(\d{3})+$)/, "\\1,")
    bytes = Float.round(OrderedSet.info(set).bytes / size, 1)
    goal = if size >= 100_000, do: {:at_most, 40}
    Bench.figure("ordered_set: memory of a key, #{title} keys", bytes, "bytes", goal)

    some = for n <- some.(size), do: key.(n)
    ranks = for key <- some, {:ok, rank} = OrderedSet.rank(set, key), do: rank
    {"#{title} keys", %{size: size, set: set, some: some, ranks: ranks}}
  end

small = Enum.filter(inputs, fn {_title, %{size: size}} -> size <= 1_000 end)
common = Enum.filter(inputs, fn {_title, %{size: size}} -> size <= 1_000_000 end)

others =
  for {title, %{size: size} = input} <- common do
    keys = for n <- 0..(size - 1), do: key.(n)
    table = :ets.new(:keys, [:ordered_set, :public])
    :ets.insert(table, for(key <- keys, do: {key}))
    {title, Map.merge(input, %{table: table, gb: :gb_sets.from_list(keys)})}
  end

calls = &length(&1.some)

change = fn %{set: set, some: some} ->
  Enum.each(some, fn key ->
    {:ok, rank} = OrderedSet.delete(set, key)
    {:ok, {:new, ^rank}} = OrderedSet.put(set, key)
  end)
end

Bench.compare(
  "ordered_set: a key is removed and added again, a change",
  others,
  [
    gb_sets: fn %{gb: gb, some: some} ->
      Enum.reduce(some, gb, &:gb_sets.add_element(&1, :gb_sets.delete_any(&1, &2)))
      :ok
    end,
    ets: fn %{table: table, some: some} ->
      Enum.each(some, fn key ->
        :ets.delete(table, key)
        :ets.insert(table, {key})
      end)
    end,
    nif: change
  ],
  per: &(2 * calls.(&1))
)

Bench.compare(
  "ordered_set: whether a key is there",
  others,
  [
    gb_sets: fn %{gb: gb, some: some} -> Enum.all?(some, &:gb_sets.is_member(&1, gb)) end,
    ets: fn %{table: table, some: some} -> Enum.all?(some, &:ets.member(table, &1)) end,
    nif: fn %{set: set, some: some} -> Enum.all?(some, &OrderedSet.member?(set, &1)) end
  ],
  per: calls
)

walked =
  for {title, input} <- small do
    keys = OrderedSet.to_list(input.set)
    table = :ets.new(:keys, [:ordered_set, :public])
    :ets.insert(table, for(key <- keys, do: {key}))
    few = %{some: Enum.take(input.some, 20), ranks: Enum.take(input.ranks, 20)}

    {title,
     input |> Map.merge(few) |> Map.merge(%{table: table, twin: for(key <- keys, do: {key, ""})})}
  end

# How many keys of a table are before one: it counts them.
before = fn table, key ->
  :ets.select_count(table, [{{:"$1"}, [{:<, :"$1", {:const, key}}], [true]}])
end

Bench.compare(
  "ordered_set: the rank of a key",
  walked,
  [
    reference: fn %{twin: twin, some: some} ->
      for key <- some, {:ok, rank} = Reference.rank(twin, key), do: rank
    end,
    ets: fn %{table: table, some: some} -> for key <- some, do: before.(table, key) end,
    nif: fn %{set: set, some: some} ->
      for key <- some, {:ok, rank} = OrderedSet.rank(set, key), do: rank
    end
  ],
  per: calls
)

Bench.compare(
  "ordered_set: a hundred keys from a rank on",
  walked,
  [
    reference: fn %{twin: twin, ranks: ranks} ->
      for rank <- ranks, do: for({key, _payload} <- Reference.entries(twin, rank, 100), do: key)
    end,
    nif: fn %{set: set, ranks: ranks} ->
      for rank <- ranks, do: OrderedSet.slice(set, rank, 100)
    end
  ],
  per: calls
)

Bench.compare(
  "ordered_set: rank alone, at any size",
  inputs,
  [
    nif: fn %{set: set, some: some} -> Enum.each(some, &({:ok, _} = OrderedSet.rank(set, &1))) end
  ],
  per: calls
)

Bench.compare(
  "ordered_set: slice of a hundred alone, at any size",
  inputs,
  [nif: fn %{set: set, ranks: ranks} -> Enum.each(ranks, &OrderedSet.slice(set, &1, 100)) end],
  per: calls,
  goal: %{"1,000,000 keys" => {:at_most, 5}}
)

Bench.compare(
  "ordered_set: put and delete alone, a change, at any size",
  inputs,
  [
    nif: change
  ],
  per: &(2 * calls.(&1))
)
