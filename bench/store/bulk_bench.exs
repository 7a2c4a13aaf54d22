# In batches of which size are a million sorted rows written fastest?
#
#     mix guildhall.bench store/bulk

alias Guildhall.Store

# Rows of 200 bytes in 16 partitions, as the members of a guild; two batches under way.
# BENCH_ROWS says how many.
rows =
  if Bench.quick?(), do: 2_000, else: String.to_integer(System.get_env("BENCH_ROWS", "1000000"))

row = :crypto.strong_rand_bytes(200)
per_partition = div(rows, 16)

ops =
  for bucket <- 0..15, n <- 1..per_partition do
    {:put, :members, <<1::64, bucket::16>>, <<n * 16 + bucket::64>>, row}
  end

for size <- [500, 1_000, 2_000, 5_000, 10_000, 20_000] do
  path = Path.join(System.tmp_dir!(), "guildhall_store_bench_#{System.pid()}")
  {:ok, store} = Store.start_link(instance: Bench.Bulk, path: path)
  start = System.monotonic_time(:microsecond)

  waiting =
    for batch <- Stream.chunk_every(ops, size), reduce: 0 do
      waiting ->
        :ok = Store.write_async(Bench.Bulk, batch, :batch)
        if waiting == 2, do: receive(do: ({Store, :batch, :ok} -> 2)), else: waiting + 1
    end

  for _n <- 1..waiting, do: receive(do: ({Store, :batch, :ok} -> :ok))
  took = System.monotonic_time(:microsecond) - start
  stats = Store.stats(Bench.Bulk)
  GenServer.stop(store)
  File.rm_rf!(path)

  Bench.figure("#{size} a batch", div(length(ops) * 1_000_000, took), "rows/s")
  Bench.figure("#{size} a batch, on the disk", div(stats.disk_bytes, 1_048_576), "MiB")
end
