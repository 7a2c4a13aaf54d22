defmodule Bench.Hold do
  @moduledoc false

  # How long calls hold the scheduler that they run on, and what with. The clock alone does not say: the
  # system takes the core away for somebody else, and a call that is long by the clock may have done
  # nothing. So the scheduler's own thread is asked before and after each call for its processor time, for how
  # long it was ready to run while others did, and how many times it went to sleep. What is left of the time
  # of a call in which it did, it waited for a lock; if it did not, the system kept it from running.
  # Whoever waits for a lock spins before he sleeps, which is processor time; and he waits as well while
  # the system keeps the one who has it from running, which no thread can tell of another.

  alias Bench.Hold
  alias Guildhall.Native

  @enforce_keys [:calls, :worked, :waited, :preempted, :p99]
  defstruct @enforce_keys

  @typedoc """
  Times in microseconds: of all calls the longest that one was on a processor, waited for locks, or was
  ready while others ran; and the 99th percentile of work and waits together.
  """
  @type t :: %Hold{
          calls: pos_integer(),
          worked: float(),
          waited: float(),
          preempted: float(),
          p99: float()
        }

  @doc """
  Times `fun` of what `prepare` makes of 1 to `count`, in a process that stays on one scheduler, while
  others do `busy`. Of very many calls not to `collect` what each has made saves much time.
  """
  @spec measure(pos_integer(), (term() -> term()),
          busy: [(() -> term())],
          prepare: (pos_integer() -> term()),
          collect: boolean()
        ) :: t()
  def measure(count, fun, options \\ []) do
    options = Keyword.validate!(options, busy: [], prepare: & &1, collect: true)
    others = for work <- options[:busy], do: spawn_link(fn -> forever(work) end)
    caller = self()
    done = make_ref()

    timed = fn ->
      times = for n <- 1..count, do: timed(fun, options[:prepare].(n), options[:collect])
      send(caller, {done, times})
    end

    # Nobody else is to run on the scheduler when a call has used its time up.
    # Dialyzer does not know `:scheduler`, which has no documentation.
    options = [:link, scheduler: 1, priority: :max, min_heap_size: 50_000]
    apply(:erlang, :spawn_opt, [timed, options])
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

  defp timed(fun, input, collect?) do
    # What it makes is not to be collected while it is timed, if that can be helped.
    if collect?, do: :erlang.garbage_collect()
    before = Native.thread_times(false)
    fun.(input)
    since(Native.thread_times(true), before)
  end

  defp since({clock, cpu, ready, sleeps}, {clock_before, cpu_before, ready_before, sleeps_before}) do
    worked = cpu - cpu_before
    idle = max(clock - clock_before - worked, 0)
    slept = if sleeps > sleeps_before, do: max(idle - (ready - ready_before), 0), else: 0
    {worked, slept, idle - slept}
  end

  defp told(times) do
    own = for({worked, waited, _} <- times, do: worked + waited) |> Enum.sort()
    longest = fn index -> (times |> Enum.map(&elem(&1, index)) |> Enum.max()) / 1_000 end

    %Hold{
      calls: length(times),
      worked: longest.(0),
      waited: longest.(1),
      preempted: longest.(2),
      p99: Enum.at(own, floor((length(own) - 1) * 0.99)) / 1_000
    }
  end
end
