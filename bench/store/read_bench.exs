# What does it cost to read one row, and the newest 50 messages of a channel?
#
#     mix guildhall.bench store/read

alias Guildhall.Store
alias Guildhall.Store.Reference

path = Path.join(System.tmp_dir!(), "guildhall_store_bench_#{System.pid()}")
{:ok, store} = Store.start_link(instance: Bench.Reads, path: path)

# 1,000 channels of 200 messages of 350 bytes.
row = :crypto.strong_rand_bytes(350)
channels = if Bench.quick?(), do: 10, else: 1_000

batches =
  for channel <- 1..channels do
    for id <- 1..200, do: {:put, :messages, <<channel::64, 0::32>>, <<id::64>>, row}
  end

Enum.each(batches, &(:ok = Store.write(Bench.Reads, &1)))

# The oracle has one channel: all are alike, and it knows no index.
{:ok, reference} = Reference.write(Reference.new(), hd(batches))

newest = fn channel ->
  {:ok, rows} =
    Store.scan(Bench.Reads, :messages, <<channel::64, 0::32>>, direction: :desc, limit: 50)

  rows
end

Bench.compare("store: one row", [{"of #{Bench.Text.number(200 * channels)}", 1}],
  reference: fn channel ->
    Reference.get(reference, :messages, <<channel::64, 0::32>>, <<100::64>>)
  end,
  store: fn channel ->
    {:ok, value} = Store.get(Bench.Reads, :messages, <<channel::64, 0::32>>, <<100::64>>)
    value
  end
)

goal = {:at_most, 20}

Bench.compare(
  "store: the newest 50 of 200",
  [{"the same channel", 1}],
  [
    reference: &Reference.scan(reference, :messages, <<&1::64, 0::32>>, {nil, nil, :desc, 50}),
    store: newest
  ],
  goal: goal
)

Bench.compare(
  "store: the newest 50 of 200",
  [{"any channel", channels}],
  [store: &length(newest.(:rand.uniform(&1)))],
  goal: goal
)

GenServer.stop(store)
File.rm_rf!(path)
