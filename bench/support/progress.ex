defmodule Bench.Progress do
  @moduledoc false

  # The line at the bottom of a terminal that says what runs; nothing where there is no terminal.
  # It is this process's, which also runs the contenders.

  @doc "A suite begins."
  @spec suite(String.t(), pos_integer(), pos_integer(), integer()) :: :ok
  def suite(name, index, count, started) do
    elapsed = System.monotonic_time(:second) - started
    put(%{suite: name, started: started, of: "#{index}/#{count}"})
    IO.puts("\n[#{index}/#{count}, #{clock(elapsed)}] #{name}")
  end

  @doc "A comparison begins."
  @spec comparison(String.t(), non_neg_integer(), non_neg_integer()) :: :ok
  def comparison(title, inputs, contenders) do
    put(%{title: title, count: inputs * contenders, done: 0})
  end

  @doc "A contender answers for the first time."
  @spec step(String.t(), atom()) :: :ok
  def step(input, contender) do
    put(%{done: Map.get(state(), :done, 0) + 1, input: input})
    show("#{contender} answers")
  end

  @doc "A contender is timed."
  @spec timing(atom()) :: :ok
  def timing(contender), do: show("#{contender} runs")

  @doc "Takes the line away, for something that stays."
  @spec clear() :: :ok
  def clear, do: if(IO.ANSI.enabled?(), do: IO.write("\r\e[K"), else: :ok)

  defp show(doing) do
    with true <- IO.ANSI.enabled?(), %{started: started} = state <- state() do
      elapsed = System.monotonic_time(:second) - started
      done = "#{state[:done]}/#{state[:count]}"

      line =
        "[#{state.of}, #{clock(elapsed)}] #{state[:title]}, #{state[:input]}: #{doing} (#{done})"

      IO.write("\r\e[K#{String.slice(line, 0, 110)}")
    else
      _ -> :ok
    end
  end

  defp clock(seconds) do
    "#{div(seconds, 60)}:#{seconds |> rem(60) |> Integer.to_string() |> String.pad_leading(2, "0")}"
  end

  @doc "What is shown, for the process that goes on with it."
  @spec state() :: map()
  def state, do: Process.get(__MODULE__, %{})

  @doc "Changes what is shown."
  @spec put(map()) :: :ok
  def put(changes) do
    Process.put(__MODULE__, Map.merge(state(), changes))
    :ok
  end
end
