defmodule Bench.Clock do
  @moduledoc false

  # Times contenders in turns, so that what disturbs the machine disturbs all of them. What is too
  # short for the clock is timed in batches. Processor time is that of the whole VM, user and system,
  # from the kernel: what schedulers, dirty schedulers and other processes do for a contender counts.

  alias Bench.Progress

  @turns 4

  # A second has so many ticks in /proc on every Linux that one meets.
  @us_per_tick 10_000

  @enforce_keys [:median, :p99, :cpu, :ops]
  defstruct [:median, :p99, :cpu, :ops]

  @typedoc "Microseconds a call; `cpu` is nil where the system does not tell."
  @type t :: %__MODULE__{
          median: float(),
          p99: float(),
          cpu: float() | nil,
          ops: pos_integer()
        }

  @doc "Runs each contender for so long, of which the first answers took `first` microseconds."
  @spec measure(Bench.contenders(), term(), [number()], pos_integer()) :: [{atom(), t()}]
  def measure(contenders, input, first, milliseconds) do
    runs =
      for {{name, contender}, us} <- Enum.zip(contenders, first) do
        batch = if us < 20_000, do: batch(contender, input, 1), else: 1
        %{name: name, contender: contender, batch: batch, samples: [], cpu: 0, spent: 0}
      end

    turn = milliseconds * 1_000_000 / @turns

    runs =
      for number <- 1..@turns, reduce: runs do
        runs -> Enum.map(runs, &turn(&1, input, number * turn))
      end

    for run <- runs, do: {run.name, summary(run)}
  end

  @doc "The times of one of `count` operations that a call was."
  @spec per(t(), pos_integer()) :: %{
          median: float(),
          p99: float(),
          cpu: float() | nil,
          ops: pos_integer()
        }
  def per(%__MODULE__{} = clock, count) do
    %{
      median: clock.median / count,
      p99: clock.p99 / count,
      cpu: clock.cpu && clock.cpu / count,
      ops: clock.ops * count
    }
  end

  # A contender whose one call is longer than its turn sits out the turns that it has used up.
  defp turn(%{spent: spent} = run, _input, until) when spent >= until, do: run

  defp turn(run, input, until) do
    Progress.timing(run.name)
    :erlang.garbage_collect()
    cpu = cpu()
    start = now()
    samples = samples(run, input, start + until - run.spent, run.samples)
    spent = now() - start
    %{run | samples: samples, cpu: run.cpu + cpu() - cpu, spent: run.spent + spent}
  end

  defp samples(run, input, deadline, samples) do
    samples = [sample(run.contender, input, run.batch) | samples]
    if now() < deadline, do: samples(run, input, deadline, samples), else: samples
  end

  defp summary(%{samples: samples, batch: batch, cpu: cpu}) do
    samples = Enum.sort(samples)
    n = length(samples)

    %__MODULE__{
      median: Enum.at(samples, div(n, 2)),
      p99: Enum.at(samples, div(n * 99, 100)),
      cpu: if(cpu > 0, do: cpu / (n * batch)),
      ops: n * batch
    }
  end

  defp batch(contender, input, size) do
    if sample(contender, input, size) * size < 20 and size < 100_000,
      do: batch(contender, input, size * 4),
      else: size
  end

  # Microseconds a call.
  defp sample(contender, input, batch) do
    start = now()
    repeat(contender, input, batch)
    max(now() - start, 1) / 1_000 / batch
  end

  defp repeat(_contender, _input, 0), do: :ok

  defp repeat(contender, input, n) do
    contender.(input)
    repeat(contender, input, n - 1)
  end

  # User and system time are the 14th and 15th field; the second, the name, may have spaces in it.
  defp cpu do
    with {:ok, stat} <- File.read("/proc/self/stat"),
         [_before, fields] <- :binary.split(stat, ") ") do
      [user, system] = fields |> String.split() |> Enum.slice(11, 2)
      (String.to_integer(user) + String.to_integer(system)) * @us_per_tick
    else
      _ -> 0
    end
  end

  defp now, do: System.monotonic_time(:nanosecond)
end
