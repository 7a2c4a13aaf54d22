defmodule Bench do
  @moduledoc false

  # What a suite says. Every contender of a comparison answers once, and all must agree; then each
  # runs for `milliseconds/0` and is compared with the first, the baseline. The last one is ours: a
  # goal is about it, and the plot shows it in colour. A quick run stops after the answers, so that a
  # suite that rotted is found.

  alias Bench.{Clock, Goal, Progress, Table}

  @type input :: {name :: String.t(), term()}
  @type contenders :: [{atom(), (term() -> term())}]

  @doc """
  Compares contenders on each input.

  Inputs whose names have sizes in them ("1,000 members", "4.5 MB"), in growing order, are plotted
  as a line, others as bars.

  * `goal:` a `t:Bench.Goal.t/0`, or one by name of the input
  * `per:` how many operations one call of a contender is, or a function of the input that says so:
    what is shown is the time of one
  * `milliseconds:` for how long each contender runs, if not for `BENCH_MS`
  """
  @spec compare(String.t(), [input()], contenders(), keyword()) :: :ok
  def compare(title, inputs, contenders, options \\ []) do
    options = Keyword.validate!(options, [:goal, per: 1, milliseconds: milliseconds()])
    Progress.comparison(title, length(inputs), length(contenders))

    for {name, input} <- inputs do
      first = agree!(title, name, input, contenders)

      unless quick?() do
        goal = goal(options[:goal], name)
        times = Clock.measure(contenders, input, first, options[:milliseconds])
        record(compared(title, name, times, per(options[:per], input), goal))
      end
    end

    :ok
  end

  @doc "Reports a figure that the suite came to by itself."
  @spec figure(String.t(), number(), String.t(), Goal.t() | nil) :: :ok
  def figure(name, value, unit, goal \\ nil) do
    unless quick?(), do: record(%{figure: name, value: value, unit: unit, goal: goal})
    :ok
  end

  @doc "For how many milliseconds a contender runs; 0 in a quick run."
  @spec milliseconds() :: non_neg_integer()
  def milliseconds, do: "BENCH_MS" |> System.get_env("1000") |> String.to_integer()

  @doc "Whether each contender shall answer once and no more, and inputs may be small."
  @spec quick?() :: boolean()
  def quick?, do: milliseconds() == 0

  @doc "Everything that this process has recorded, in order; forgets it."
  @spec take() :: [map()]
  def take, do: __MODULE__ |> Process.delete() |> List.wrap() |> Enum.reverse()

  # How long the first answer of each contender took, in microseconds.
  defp agree!(title, input_name, input, contenders) do
    {answers, times} =
      for {name, contender} <- contenders do
        Progress.step(input_name, name)
        {time, answer} = :timer.tc(fn -> contender.(input) end)
        {{name, answer}, time}
      end
      |> Enum.unzip()

    [{baseline, expected} | others] = answers

    for {name, actual} <- others, actual != expected do
      Progress.clear()

      raise "#{title}, #{input_name}: " <>
              "#{baseline} answers #{short(expected)}, #{name} #{short(actual)}"
    end

    times
  end

  defp short(answer), do: inspect(answer, limit: 20, printable_limit: 200)

  defp compared(title, input, times, per, goal) do
    rows = for {name, clock} <- times, do: Map.put(Clock.per(clock, per), :name, name)
    baseline = hd(rows).median
    rows = for row <- rows, do: Map.put(row, :ratio, baseline / row.median)
    %{title: title, input: input, goal: goal, rows: rows}
  end

  defp goal(by_input, name) when is_map(by_input), do: by_input[name]
  defp goal(goal, _name), do: goal

  defp per(count, _input) when is_integer(count), do: count
  defp per(count, input), do: count.(input)

  defp record(entry) do
    Progress.clear()
    IO.write(Table.render(entry, List.first(Process.get(__MODULE__, []))))
    Process.put(__MODULE__, [entry | Process.get(__MODULE__, [])])
  end
end
