defmodule Mix.Tasks.Guildhall.Bench do
  @shortdoc "Runs the benchmarks"

  @moduledoc """
  Runs the benchmarks of `bench/`.

      mix guildhall.bench              # all of them
      mix guildhall.bench member_list  # those with "member_list" in their path
      mix guildhall.bench --list       # what there is
      mix guildhall.bench --quick      # each contender once: do they still run and agree?

  `BENCH_MS` says for how many milliseconds each contender runs (1,000).
  """

  use Mix.Task

  @impl Mix.Task
  def run(arguments) do
    {options, names} = OptionParser.parse!(arguments, strict: [quick: :boolean, list: :boolean])
    if options[:quick], do: System.put_env("BENCH_MS", "0")

    case suites(names) do
      [] -> Mix.raise("no such suite; mix guildhall.bench --list names them")
      suites -> if options[:list], do: Enum.each(suites, &list/1), else: bench(suites)
    end
  end

  defp suites(names) do
    for file <- Path.wildcard("bench/**/*_bench.exs"),
        names == [] or Enum.any?(names, &String.contains?(file, &1)) do
      file
    end
  end

  # The first line of a suite is the question it answers.
  defp list(file) do
    question = file |> File.stream!() |> Enum.at(0) |> String.trim_leading("#")
    Mix.shell().info("#{String.pad_trailing(name(file), 32)}#{String.trim(question)}")
  end

  defp bench(files) do
    Mix.Task.run("app.start")
    Code.require_file("bench/support/bench.exs")

    for {file, index} <- Enum.with_index(files, 1) do
      Mix.shell().info("[#{index}/#{length(files)}] #{name(file)}")
      Code.require_file(file)
    end
  end

  defp name(file), do: file |> Path.relative_to("bench") |> String.trim_trailing("_bench.exs")
end
