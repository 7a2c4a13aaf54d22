defmodule Bench do
  @moduledoc false

  # A benchmark in about 60 lines. Every contender answers once, and all must agree; then each runs
  # for BENCH_MS (1,000) and is compared with the first. BENCH_MS=0 stops after the answers, so that
  # a test run finds a benchmark that rotted.

  @type contenders :: [{atom(), (term() -> term())}]

  @doc "Compares contenders on each input. The first contender is the baseline."
  @spec compare(String.t(), [{String.t(), term()}], contenders()) :: :ok
  def compare(title, inputs, contenders) do
    for {name, input} <- inputs do
      agree!("#{title}, #{name}", input, contenders)
      if time() > 0, do: report("#{title}, #{name}", input, contenders)
    end

    :ok
  end

  defp agree!(title, input, [{baseline, first} | others]) do
    expected = first.(input)

    for {name, contender} <- others, (actual = contender.(input)) != expected do
      raise "#{title}: #{baseline} answers #{inspect(expected)}, #{name} #{inspect(actual)}"
    end
  end

  defp report(title, input, contenders) do
    IO.puts("\n#{title}")
    results = for {name, contender} <- contenders, do: {name, measure(contender, input)}
    [{_name, {baseline, _p99, _n}} | _others] = results

    for {name, {median, p99, n}} <- results do
      ratio = Float.round(baseline / max(median, 0.001), 1)

      [
        pad(name, 16),
        pad(time(median), 16),
        pad("p99 #{time(p99)}", 20),
        pad("#{ratio}x", 12),
        "n=#{n}"
      ]
      |> IO.puts()
    end
  end

  # Median and 99th percentile in microseconds. What is too short for the clock is timed in batches.
  defp measure(contender, input) do
    batch = batch(contender, input, 1)
    deadline = now() + time() * 1_000_000
    samples = contender |> samples(input, batch, deadline, []) |> Enum.sort()
    n = length(samples)
    {Enum.at(samples, div(n, 2)), Enum.at(samples, div(n * 99, 100)), n * batch}
  end

  defp batch(contender, input, size) do
    if sample(contender, input, size) * size < 20 and size < 100_000,
      do: batch(contender, input, size * 4),
      else: size
  end

  defp samples(contender, input, batch, deadline, samples) do
    samples = [sample(contender, input, batch) | samples]
    if now() < deadline, do: samples(contender, input, batch, deadline, samples), else: samples
  end

  defp sample(contender, input, batch) do
    start = now()
    repeat(contender, input, batch)
    (now() - start) / 1_000 / batch
  end

  defp repeat(_contender, _input, 0), do: :ok

  defp repeat(contender, input, n) do
    contender.(input)
    repeat(contender, input, n - 1)
  end

  defp now, do: System.monotonic_time(:nanosecond)
  defp time, do: "BENCH_MS" |> System.get_env("1000") |> String.to_integer()
  defp time(us) when us < 10, do: "#{Float.round(us * 1.0, 3)} us"
  defp time(us), do: "#{round(us)} us"
  defp pad(text, width), do: text |> to_string() |> String.pad_trailing(width)
end
