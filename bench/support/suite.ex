defmodule Bench.Suite do
  @moduledoc false

  # Runs suites, each in a process of its own, so that it begins with an empty heap and leaves
  # nothing behind for the next one.

  alias Bench.{Progress, Results}

  @doc """
  Runs suites, names and files, one after the other, and writes into `folder` what each recorded.
  """
  @spec run_all([{String.t(), Path.t()}], Path.t(), String.t()) :: :ok | {:error, String.t()}
  def run_all(suites, folder, command) do
    started = System.monotonic_time(:second)

    suites
    |> Enum.with_index(1)
    |> Enum.reduce_while(:ok, fn {{name, file}, index}, :ok ->
      Progress.suite(name, index, length(suites), started)

      case run(file) do
        {:ok, entries} -> {:cont, write(entries, name, folder, command)}
        {:error, text} -> {:halt, {:error, "#{name}: #{text}"}}
      end
    end)
  end

  defp write([], _name, _folder, _command), do: :ok

  defp write(entries, name, folder, command) do
    [json, svg] = Results.write(folder, name, entries, command)
    IO.puts("\n  #{json}\n  #{svg}")
  end

  @doc "Runs the file of a suite, and returns what it recorded."
  @spec run(Path.t()) :: {:ok, [map()]} | {:error, String.t()}
  def run(file) do
    progress = Progress.state()
    caller = self()
    done = make_ref()

    {pid, monitor} =
      spawn_monitor(fn ->
        Progress.put(progress)
        send(caller, {done, run_here(file)})
        # And takes with it whatever is linked to it, which a normal end would not.
        Process.exit(self(), :shutdown)
      end)

    receive do
      {^done, result} ->
        Process.demonitor(monitor, [:flush])
        result

      {:DOWN, ^monitor, :process, ^pid, reason} ->
        {:error, Exception.format_exit(reason)}
    end
  end

  defp run_here(file) do
    Code.require_file(file)
    {:ok, Bench.take()}
  catch
    kind, reason -> {:error, Exception.format(kind, reason, __STACKTRACE__)}
  end
end
