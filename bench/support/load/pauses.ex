defmodule Bench.Load.Pauses do
  @moduledoc false

  # How long processes ran or collected garbage without a pause, from one millisecond on, as the VM's own
  # monitor tells it. What the operating system does to a scheduler's thread in between counts as well.

  @enforce_keys [:pid]
  defstruct @enforce_keys

  @type t :: %__MODULE__{pid: pid()}
  @typedoc "How many there were, and the longest in milliseconds."
  @type longest :: {count :: non_neg_integer(), longest :: non_neg_integer()}

  @doc "Begins to listen. There is one system monitor in a VM."
  @spec start() :: t()
  def start do
    pid = spawn_link(fn -> loop(%{}) end)
    :erlang.system_monitor(pid, [{:long_gc, 1}, {:long_schedule, 1}])
    %__MODULE__{pid: pid}
  end

  @doc "What these processes did since the last call: `{runs, collections}`."
  @spec spent(t(), [pid()]) :: {runs :: longest(), collections :: longest()}
  def spent(%__MODULE__{pid: pid}, of) do
    send(pid, {:spent, self(), of})
    receive do: ({^pid, spent} -> spent)
  end

  @doc "Stops listening."
  @spec stop(t()) :: :ok
  def stop(%__MODULE__{pid: pid}) do
    :erlang.system_monitor(:undefined)
    Process.unlink(pid)
    Process.exit(pid, :kill)
    :ok
  end

  defp loop(heard) do
    receive do
      {:monitor, pid, kind, info} ->
        {:timeout, ms} = List.keyfind(info, :timeout, 0)
        loop(Map.update(heard, {kind, pid}, {1, ms}, fn {n, most} -> {n + 1, max(most, ms)} end))

      {:spent, from, of} ->
        send(from, {self(), {longest(heard, :long_schedule, of), longest(heard, :long_gc, of)}})
        loop(%{})
    end
  end

  defp longest(heard, kind, of) do
    for pid <- of, {n, ms} <- [Map.get(heard, {kind, pid}, {0, 0})], reduce: {0, 0} do
      {count, most} -> {count + n, max(most, ms)}
    end
  end
end
