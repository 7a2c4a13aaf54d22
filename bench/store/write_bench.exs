# How many durable messages a second do 100 waiting writers get, over 1,000 channels?
#
#     mix guildhall.bench store/write

alias Guildhall.Store

# Rows of 350 bytes under growing ids, each acknowledged before its writer writes the next.
# BENCH_WRITERS, BENCH_CHANNELS and BENCH_COMMIT_BYTES vary it.
setting = fn name, default -> String.to_integer(System.get_env(name, default)) end
writers = setting.("BENCH_WRITERS", "100")
channels = setting.("BENCH_CHANNELS", "1000")
time = setting.("BENCH_MS", "1000")

path = Path.join(System.tmp_dir!(), "guildhall_store_bench_#{System.pid()}")
{:ok, store} = Store.start_link(instance: Bench.Store, path: path)
row = :crypto.strong_rand_bytes(350)

write = fn ->
  id = Store.next_id(Bench.Store)
  channel = :rand.uniform(channels)
  :ok = Store.write(Bench.Store, [{:put, :messages, <<channel::64, 0::32>>, <<id::64>>, row}])
end

:ok = write.()

if time > 0 do
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

  millis = fn native ->
    Float.round(native / System.convert_time_unit(1, :millisecond, :native), 2)
  end

  at = fn share -> millis.(Enum.at(times, trunc(length(times) * share))) end

  IO.puts("""

  #{writers} writers, #{channels} channels, rows of 350 bytes
  #{div(length(times) * 1_000, 5 * time)} writes/s, median #{at.(0.5)} ms, p99 #{at.(0.99)} ms
  #{div(length(times), commits)} a commit, #{div(stats.commit_time - before.commit_time, commits * 1_000)} us each
  #{div(stats.disk_bytes, 1_048_576)} MiB on the disk
  """)
end

GenServer.stop(store)
File.rm_rf!(path)
