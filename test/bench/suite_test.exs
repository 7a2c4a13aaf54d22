defmodule Bench.SuiteTest do
  use ExUnit.Case, async: true

  import ExUnit.CaptureIO

  @moduletag :tmp_dir

  defp run(source, folder) do
    file = Path.join(folder, "sums_bench.exs")
    File.write!(file, source)
    out = Path.join(folder, "results")

    output =
      capture_io(fn -> send(self(), Bench.Suite.run_all([{"a/sums", file}], out, "cmd")) end)

    assert_received result
    {result, output, Path.join(out, "a/sums")}
  end

  test "a suite prints a table and leaves JSON and a picture", %{tmp_dir: folder} do
    {result, output, path} =
      run(
        """
        Bench.compare(
          "sum", for(n <- [1, 10, 1_000], do: {"\#{n} numbers", Enum.to_list(1..n)}),
          [slow: &(&1 |> Enum.sort() |> Enum.sum()), other: &Enum.sum/1, ours: &:lists.sum/1],
          milliseconds: 4, per: &length/1, goal: %{"1000 numbers" => {:at_most, 5.0}}
        )
        Bench.figure("bytes <an item>", 36.25, "bytes", {:at_most, 40})
        """,
        folder
      )

    assert result == :ok
    assert output =~ "[1/1, 0:00] a/sums"
    assert output =~ ~r/^sum: 1000 numbers\n.*median +p99 +cpu an op +ratio +ops\n  slow .*1.00x/m
    assert output =~ ~r/  ours .*x .* goal <= 5 us: (not )?met\n/
    assert output =~ ~r/bytes <an item> +36.3 bytes   goal <= 40 bytes: met/

    assert %{"suite" => "a/sums", "machine" => machine, "figures" => [figure]} =
             results = Guildhall.Payload.decode!(File.read!(path <> ".json"))

    assert %{"command" => "cmd", "cores" => _, "kernel" => _, "commit" => _} = machine
    assert %{"value" => 36.25, "goal" => "<= 40 bytes"} = figure
    assert [one, _ten, thousand] = results["comparisons"]
    assert %{"title" => "sum", "input" => "1 numbers", "goal" => nil} = one
    assert %{"goal" => "<= 5 us", "contenders" => [%{"name" => "slow"} = slow, _, _]} = thousand
    assert slow["ratio"] == 1.0 and slow["median_us"] > 0 and slow["p99_us"] >= slow["median_us"]
    assert rem(slow["ops"], 1_000) == 0

    assert {:ok, _svg} = parse_xml(File.read!(path <> ".svg"))
  end

  test "contenders that disagree end the run and leave nothing", %{tmp_dir: folder} do
    {result, _output, path} =
      run(
        """
        Bench.compare("sum", [{"few", [1, 2]}], sum: &Enum.sum/1, count: &Enum.count/1)
        """,
        folder
      )

    assert {:error, text} = result
    assert text =~ "a/sums: ** (RuntimeError) sum, few: sum answers 3, count 2"
    refute File.exists?(path <> ".json")
  end

  test "a suite that is killed by what it is linked to ends the run", %{tmp_dir: folder} do
    assert {{:error, "a/sums: " <> _}, _output, _path} =
             run("Process.exit(self(), :kill)", folder)
  end

  test "a misspelt option of a comparison raises", %{tmp_dir: folder} do
    {{:error, text}, _output, _path} =
      run(~s|Bench.compare("sum", [], [sum: &Enum.sum/1], gaol: 1)|, folder)

    assert text =~ "unknown keys [:gaol]"
  end

  defp parse_xml(text) do
    {document, _rest} = text |> String.to_charlist() |> :xmerl_scan.string(quiet: true)
    {:ok, document}
  catch
    :exit, reason -> {:error, reason}
  end
end
