# How many durable messages a second do 100 waiting writers get, over 1,000 channels?
#
#     mix guildhall.bench store/write

alias Guildhall.Store

# Rows of 350 bytes under growing ids, each acknowledged before its writer writes the next.
# BENCH_WRITERS, BENCH_CHANNELS and BENCH_COMMIT_BYTES vary it.
setting = fn name, default -> String.to_integer(System.get_env(name, default)) end
writers = setting.("BENCH_WRITERS", "100")
channels = setting.("BENCH_CHANNELS", "1000")
time = Bench.milliseconds()

path = Path.join(System.tmp_dir!(), "guildhall_store_bench_#{System.pid()}")
{:ok, store} = Store.start_link(instance: Bench.Store, path: path)
row = :crypto.strong_rand_bytes(350)

write = fn ->
  {:ok, id} = Store.next_id(Bench.Store)
  channel = :rand.uniform(channels)
  :ok = Store.write(Bench.Store, [{:put, :messages, <<channel::64, 0::32>>, <<id::64>>, row}])
end

:ok = write.()

unless Bench.quick?() do
  deadline = System.monotonic_time(:millisecond) + 5 * time

  loop = fn loop, times ->
    start = System.monotonic_time()
    write.()
    times = [System.monotonic_time() - start | times]
    if System.monotonic_time(:millisecond) < deadline, do: loop.(loop, times), else: times
  end

  before = Store.stats(Bench.Store)

  times =
    for(_n <- 1..writers, do: Task.async(fn -> loop.(loop, []) end))
    |> Task.await_many(:infinity)
    |> Enum.concat()
    |> Enum.sort()

  stats = Store.stats(Bench.Store)
  commits = stats.commits - before.commits

  at = fn share ->
    native = Enum.at(times, trunc(length(times) * share))
    System.convert_time_unit(native, :native, :microsecond) / 1_000
  end

  rate = div(length(times) * 1_000, 5 * time)
  commit_time = div(stats.commit_time - before.commit_time, commits * 1_000)
  who = "#{writers} writers, #{channels} channels"

  Bench.figure("#{who}: durable writes", rate, "rows/s", {:at_least, 20_000})
  Bench.figure("#{who}: median", at.(0.5), "ms")
  Bench.figure("#{who}: p99", at.(0.99), "ms")
  Bench.figure("#{who}: rows a commit", length(times) / commits, "rows")
  Bench.figure("#{who}: a commit", commit_time, "us")
  Bench.figure("#{who}: on the disk", div(stats.disk_bytes, 1_048_576), "MiB")
end

GenServer.stop(store)
File.rm_rf!(path)
