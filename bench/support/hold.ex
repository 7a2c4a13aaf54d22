defmodule Bench.Hold do
  @moduledoc false

  # How long calls hold the scheduler that they run on. Each is timed by the clock, so that waiting for a
  # lock counts; and since the clock goes on when the system takes the core away for somebody else, the
  # switches of the scheduler's thread are counted too, by `/proc`. A long call in which the thread was
  # taken off its core says nothing about the call, and is told apart. (Who waits for a lock for long gives
  # his core away first, which looks the same: what a lock costs is to be read from calls that hold it.)

  alias Bench.Hold

  @enforce_keys [:calls, :p99, :longest, :over, :waited, :preempted]
  defstruct @enforce_keys

  @typedoc """
  Times in microseconds, of the calls that were not preempted: the 99th percentile and the longest.
  Of the calls over a millisecond, how many worked, waited for a lock, or were preempted.
  """
  @type t :: %Hold{
          calls: pos_integer(),
          p99: float(),
          longest: float(),
          over: non_neg_integer(),
          waited: non_neg_integer(),
          preempted: non_neg_integer()
        }

  @millisecond 1_000_000

  @doc """
  Times `fun` of what `prepare` makes of 1 to `count`, in a process that stays on one scheduler, while
  others do `busy`.
  """
  @spec measure(pos_integer(), (term() -> term()),
          busy: [(() -> term())],
          prepare: (pos_integer() -> term())
        ) :: t()
  def measure(count, fun, options \\ []) do
    options = Keyword.validate!(options, busy: [], prepare: & &1)
    busy = options[:busy]
    others = for work <- busy, do: spawn_link(fn -> forever(work) end)
    caller = self()
    done = make_ref()
    thread = thread(1)

    timed = fn ->
      times = for n <- 1..count, do: timed(fun, options[:prepare].(n), thread)
      send(caller, {done, times})
    end

    # Dialyzer does not know `:scheduler`, which has no documentation.
    apply(:erlang, :spawn_opt, [timed, [:link, scheduler: 1, min_heap_size: 50_000]])
    times = receive(do: ({^done, times} -> times))
    for pid <- others, do: stop(pid)
    told(times)
  end

  defp forever(work) do
    work.()
    forever(work)
  end

  defp stop(pid) do
    Process.unlink(pid)
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)
    receive(do: ({:DOWN, ^monitor, :process, ^pid, _reason} -> :ok))
  end

  defp timed(fun, n, thread) do
    # What it makes is not to be collected while it is timed, if that can be helped.
    :erlang.garbage_collect()
    {voluntary, forced} = switches(thread)
    start = :erlang.monotonic_time(:nanosecond)
    fun.(n)
    time = :erlang.monotonic_time(:nanosecond) - start

    if time < @millisecond do
      {time, :ok}
    else
      case switches(thread) do
        {_, after_it} when after_it > forced -> {time, :preempted}
        {after_it, _} when after_it > voluntary -> {time, :waited}
        _same -> {time, :worked}
      end
    end
  end

  defp told(times) do
    reasons = Enum.frequencies_by(times, &elem(&1, 1))
    own = for({time, reason} <- times, reason != :preempted, do: time / 1_000) |> Enum.sort()

    %Hold{
      calls: length(times),
      p99: Enum.at(own, min(floor(length(own) * 0.99), length(own) - 1), 0.0),
      longest: List.last(own) || 0.0,
      over: Map.get(reasons, :worked, 0),
      waited: Map.get(reasons, :waited, 0),
      preempted: Map.get(reasons, :preempted, 0)
    }
  end

  # The thread of a scheduler; a system without `/proc` cannot tell what was preempted.
  defp thread(scheduler) do
    Enum.find(Path.wildcard("/proc/self/task/*"), fn task ->
      File.read(Path.join(task, "comm")) in for(
        name <- ["#{scheduler}_scheduler\n", "erts_sched_#{scheduler}\n"],
        do: {:ok, name}
      )
    end)
  end

  defp switches(nil), do: {0, 0}

  defp switches(task) do
    {:ok, status} = :prim_file.read_file(Path.join(task, "status"))

    {number(status, "\nvoluntary_ctxt_switches:\t"),
     number(status, "nonvoluntary_ctxt_switches:\t")}
  end

  defp number(status, name) do
    [_before, rest] = :binary.split(status, name)
    {number, _rest} = Integer.parse(rest)
    number
  end
end
