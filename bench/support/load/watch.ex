defmodule Bench.Load.Watch do
  @moduledoc false

  # How long a process really runs: the time between each `in` and `out` of the scheduler, which its
  # messages' waiting, and other processes, are not part of.

  @enforce_keys [:pid, :tracer]
  defstruct @enforce_keys

  @type t :: %__MODULE__{pid: pid(), tracer: pid()}

  @doc "Begins to watch."
  @spec start(pid()) :: t()
  def start(pid) do
    tracer = spawn_link(fn -> loop(nil, 0) end)
    1 = :erlang.trace(pid, true, [:running, :monotonic_timestamp, tracer: tracer])
    %__MODULE__{pid: pid, tracer: tracer}
  end

  @doc "For how many nanoseconds it has run since the last call."
  @spec spent(t()) :: non_neg_integer()
  def spent(%__MODULE__{pid: pid, tracer: tracer}) do
    # What was traced until now has arrived when this has.
    ref = :erlang.trace_delivered(pid)
    receive do: ({:trace_delivered, ^pid, ^ref} -> :ok)
    send(tracer, {:spent, self()})
    receive do: ({^tracer, spent} -> spent)
  end

  @doc "Stops watching."
  @spec stop(t()) :: :ok
  def stop(%__MODULE__{pid: pid, tracer: tracer}) do
    :erlang.trace(pid, false, [:running])
    Process.unlink(tracer)
    Process.exit(tracer, :kill)
    :ok
  end

  defp loop(since, sum) do
    receive do
      {:trace_ts, _pid, :in, _where, at} ->
        loop(at, sum)

      {:trace_ts, _pid, :out, _where, at} ->
        loop(nil, if(since, do: sum + at - since, else: sum))

      {:spent, from} ->
        send(from, {self(), sum})
        loop(since, 0)
    end
  end
end
