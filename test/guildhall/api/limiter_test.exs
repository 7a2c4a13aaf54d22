defmodule Guildhall.Api.LimiterTest do
  use ExUnit.Case, async: true

  alias Guildhall.Api.Limiter

  setup %{test: test}, do: %{table: Limiter.new(:"#{__MODULE__} #{test}")}

  test "lets a window's limit through and refuses the rest", %{table: table} do
    assert {:ok, 1, 1_000} = Limiter.hit(table, {:a}, {2, 1_000}, 0)
    assert {:ok, 0, 990} = Limiter.hit(table, {:a}, {2, 1_000}, 10)
    assert {:limited, 0, 980} = Limiter.hit(table, {:a}, {2, 1_000}, 20)
  end

  test "begins a window with the first request after the last one", %{table: table} do
    for _n <- 1..3, do: Limiter.hit(table, {:a}, {2, 1_000}, -500)

    assert {:limited, 0, 1} = Limiter.hit(table, {:a}, {2, 1_000}, 499)
    assert {:ok, 1, 1_000} = Limiter.hit(table, {:a}, {2, 1_000}, 500)
    assert {:ok, 0, 1} = Limiter.hit(table, {:a}, {2, 1_000}, 1_499)
  end

  test "counts each key on its own", %{table: table} do
    assert {:ok, 0, _} = Limiter.hit(table, {:a}, {1, 1_000}, 0)
    assert {:ok, 0, _} = Limiter.hit(table, {:b}, {1, 1_000}, 0)
    assert {:limited, 0, _} = Limiter.hit(table, {:a}, {1, 1_000}, 0)
  end

  test "is not cheated by requests at the same time", %{table: table} do
    for round <- 1..50 do
      verdicts =
        1..16
        |> Enum.map(fn _n -> Task.async(fn -> hits(table, 20, round * 100) end) end)
        |> Enum.flat_map(&Task.await/1)

      assert Enum.count(verdicts, &(&1 == :ok)) == 5
    end
  end

  defp hits(table, times, now) do
    for _n <- 1..times, do: table |> Limiter.hit({:a}, {5, 100}, now) |> elem(0)
  end

  test "forgets the windows that are over", %{table: table} do
    Limiter.hit(table, {:a}, {1, 100}, 0)
    Limiter.hit(table, {:b}, {1, 200}, 0)

    assert Limiter.sweep(table, 150) == 1
    assert {:limited, 0, 50} = Limiter.hit(table, {:b}, {1, 200}, 150)
    assert Limiter.sweep(table, 200) == 1
    assert :ets.info(table, :size) == 0
  end

  test "refuses new keys while it is full, and counts the known ones", %{table: table} do
    for n <- 1..3, do: Limiter.hit(table, {n}, {5, 100}, 0, 3)

    assert {:full, 0, 100} = Limiter.hit(table, {4}, {5, 100}, 0, 3)
    assert {:ok, 3, 100} = Limiter.hit(table, {1}, {5, 100}, 0, 3)

    Limiter.sweep(table, 100)
    assert {:ok, 4, 100} = Limiter.hit(table, {4}, {5, 100}, 100, 3)
  end
end
