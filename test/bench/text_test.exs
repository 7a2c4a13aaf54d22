defmodule Bench.TextTest do
  use ExUnit.Case, async: true

  test "times and numbers have about three digits" do
    assert Enum.map([0.0123, 0.5, 1.26, 35.04, 999.6, 12_345, 2_500_000], &Bench.Text.time/1) ==
             ["12.3 ns", "500 ns", "1.26 us", "35 us", "1,000 us", "12.3 ms", "2.5 s"]

    assert Enum.map([0, 7, 1_234_567, 0.0, 0.012, 3.14159, 99.96], &Bench.Text.number/1) ==
             ["0", "7", "1,234,567", "0", "0.012", "3.14", "100"]

    assert Enum.map([0.4, 2.5, 12.34, 1234.5], &Bench.Text.ratio/1) ==
             ["0.40x", "2.50x", "12.3x", "1,235x"]
  end

  test "the size of an input is the first number of its name" do
    sizes = [
      {"1,000 sessions, 64,000 deliveries", 1.0e3, "1,000 sessions"},
      {"large guild, 4.5 MB", 4.5e6, "4.5 MB"},
      {"1M members", 1.0e6, "1M"},
      {"16k", 1.6e4, "16k"},
      {"2 members", 2.0, "2 members"},
      {"8 kids", 8.0, "8 kids"}
    ]

    for {name, size, text} <- sizes do
      assert {Bench.Text.size(name), Bench.Text.sized(name)} == {size, text}
    end

    assert Bench.Text.size("any channel") == nil
  end
end
