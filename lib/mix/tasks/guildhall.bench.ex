defmodule Mix.Tasks.Guildhall.Bench do
  @shortdoc "Runs the benchmarks"

  @moduledoc """
  Runs the benchmarks of `bench/`.

      mix guildhall.bench              # all of them
      mix guildhall.bench payload      # those with "payload" in their name
      mix guildhall.bench --list       # what there is, and which question it answers
      mix guildhall.bench --quick      # each contender once: do they still run and agree?
      mix guildhall.bench --out DIR    # leave the results in DIR, not in bench/results

  A suite prints a table, and leaves `SUITE.json` and a plot, `SUITE.svg`, in `bench/results`, with
  the machine, the commit and the command. `--quick` writes nothing. `BENCH_MS` says for how many
  milliseconds each contender runs (1,000).

  What the suites and their figures mean is in `bench/README.md`.
  """

  use Mix.Task

  # In bench/support, which is compiled for development and tests alone.
  @compile {:no_warn_undefined, Bench.Suite}

  @options [quick: :boolean, list: :boolean, out: :string]

  @impl Mix.Task
  def run(arguments) do
    {options, names} = parse(arguments)
    suites = suites(names)

    # It is what suites look at.
    if options[:quick], do: System.put_env("BENCH_MS", "0")

    if options[:list],
      do: Enum.each(suites, &list/1),
      else: bench(suites, options, arguments)
  end

  defp parse(arguments) do
    case OptionParser.parse(arguments, strict: @options) do
      {options, names, []} ->
        {options, names}

      {_options, _names, [{option, _value} | _]} ->
        Mix.raise(
          "#{option} is no option, or lacks its value; mix help guildhall.bench names them"
        )
    end
  end

  defp suites(names) do
    files = Path.wildcard("bench/**/*_bench.exs")
    if files == [], do: Mix.raise("there is no bench/ here: this runs in a checkout of Guildhall")

    for name <- names, not Enum.any?(files, &String.contains?(name(&1), name)) do
      Mix.raise("no suite is named #{name}; there are #{Enum.map_join(files, ", ", &name/1)}")
    end

    for file <- files,
        names == [] or Enum.any?(names, &String.contains?(name(file), &1)),
        do: file
  end

  defp name(file), do: file |> Path.relative_to("bench") |> String.trim_trailing("_bench.exs")

  # The first line of a suite is the question it answers.
  defp list(file) do
    question = file |> File.stream!() |> Enum.at(0) |> String.trim_leading("#")
    Mix.shell().info("#{String.pad_trailing(name(file), 24)}#{String.trim(question)}")
  end

  defp bench(files, options, arguments) do
    unless Code.ensure_loaded?(Bench.Suite), do: Mix.raise("benchmarks run with MIX_ENV=dev")
    check_time()
    Mix.Task.run("app.start")
    suites = for file <- files, do: {name(file), file}
    command = Enum.join(["mix guildhall.bench" | arguments], " ")

    with {:error, text} <- Bench.Suite.run_all(suites, options[:out] || "bench/results", command) do
      Mix.raise(text)
    end
  end

  defp check_time do
    with text when text != nil <- System.get_env("BENCH_MS") do
      unless text =~ ~r/^\d+$/,
        do: Mix.raise("BENCH_MS is #{text}, and no number of milliseconds")
    end
  end
end
