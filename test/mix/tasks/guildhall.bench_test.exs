defmodule Mix.Tasks.Guildhall.BenchTest do
  # Not async: a quick run says so in the environment.
  use ExUnit.Case

  import ExUnit.CaptureIO

  alias Mix.Tasks.Guildhall.Bench

  setup do
    before = System.get_env("BENCH_MS")
    on_exit(fn -> if before, do: System.put_env("BENCH_MS", before), else: clear() end)
  end

  defp clear, do: System.delete_env("BENCH_MS")

  test "lists suites with their questions" do
    output = capture_io(fn -> Bench.run(["--list", "payload", "call"]) end)
    assert output =~ ~r/^native\/call +What does it cost to cross/m
    assert output =~ ~r/^native\/payload +How fast is JSON/m
    refute output =~ "store"
  end

  @tag :tmp_dir
  test "a quick run says what runs and writes nothing", %{tmp_dir: folder} do
    output = capture_io(fn -> Bench.run(["--quick", "native/call", "--out", folder]) end)
    assert output =~ "[1/1, 0:00] native/call"
    assert File.ls!(folder) == []
  end

  test "says what is wrong with a suite, an option or a time that is none" do
    assert_raise Mix.Error, ~r/no suite is named nonsense; there are .*native\/payload/, fn ->
      Bench.run(["payload", "nonsense"])
    end

    assert_raise Mix.Error, ~r/--fast is no option/, fn -> Bench.run(["--fast"]) end
    assert_raise Mix.Error, ~r/--out is no option, or lacks/, fn -> Bench.run(["--out"]) end

    System.put_env("BENCH_MS", "soon")
    assert_raise Mix.Error, ~r/BENCH_MS is soon/, fn -> Bench.run(["native/call"]) end
  end
end
