defmodule Guildhall.LimiterTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Limiter

  doctest Limiter
  doctest Guildhall.Window

  setup %{test: test}, do: %{table: Limiter.new(:"#{__MODULE__} #{test}")}

  test "lets the limit through and refuses the rest", %{table: table} do
    assert {:ok, 1, 1_000} = Limiter.hit(table, {:a}, {2, 1_000}, 0)
    assert {:ok, 0, 1_000} = Limiter.hit(table, {:a}, {2, 1_000}, 10)
    assert {:limited, 0, 980} = Limiter.hit(table, {:a}, {2, 1_000}, 20)
  end

  test "lets one through for each that is out of the window", %{table: table} do
    for at <- [-500, -400, -399], do: Limiter.hit(table, {:a}, {2, 1_000}, at)

    assert {:limited, 0, 1} = Limiter.hit(table, {:a}, {2, 1_000}, 499)
    assert {:ok, 0, 1_000} = Limiter.hit(table, {:a}, {2, 1_000}, 500)
    assert {:limited, 0, 99} = Limiter.hit(table, {:a}, {2, 1_000}, 501)
    assert {:ok, 0, 1_000} = Limiter.hit(table, {:a}, {2, 1_000}, 600)
    assert {:limited, 0, 1} = Limiter.hit(table, {:a}, {2, 1_000}, 1_499)
  end

  test "a refused hit takes nothing away", %{table: table} do
    for at <- 0..999, do: Limiter.hit(table, {:a}, {1, 1_000}, at)
    assert {:ok, 0, 1_000} = Limiter.hit(table, {:a}, {1, 1_000}, 1_000)
  end

  property "no window has more than the limit, and none is refused before" do
    forall {limit, waits} <- {range(1, 5), list(range(0, 40))} do
      table = :ets.new(:window, [:set, :public])
      times = Enum.scan(waits, &(&1 + &2))

      passed =
        Enum.reduce(times, [], fn at, passed ->
          used = Enum.count(passed, &(at - &1 < 100))

          case Limiter.hit(table, {:a}, {limit, 100}, at) do
            {:ok, remaining, 100} ->
              assert used < limit and remaining == limit - used - 1
              [at | passed]

            {:limited, 0, wait} ->
              assert used == limit
              assert wait == Enum.at(passed, limit - 1) + 100 - at
              passed
          end
        end)

      assert length(passed) <= length(times)
    end
  end

  test "counts each key on its own", %{table: table} do
    assert {:ok, 0, _} = Limiter.hit(table, {:a}, {1, 1_000}, 0)
    assert {:ok, 0, _} = Limiter.hit(table, {:b}, {1, 1_000}, 0)
    assert {:limited, 0, _} = Limiter.hit(table, {:a}, {1, 1_000}, 0)
  end

  test "says what a hit would be, without one", %{table: table} do
    assert {:ok, 1, _} = Limiter.check(table, {:a}, {1, 1_000}, 0)
    assert {:ok, 0, _} = Limiter.hit(table, {:a}, {1, 1_000}, 0)
    assert {:limited, 0, 900} = Limiter.check(table, {:a}, {1, 1_000}, 100)
    assert {:ok, 1, _} = Limiter.check(table, {:a}, {1, 1_000}, 1_000)
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

  test "refuses nobody while it is full: the rows that are over first go", %{table: table} do
    Limiter.hit(table, {:long}, {5, 60_000}, 0, 100)
    for n <- 1..500, do: assert({:ok, 4, 100} = Limiter.hit(table, {n}, {5, 100}, 0, 100))

    assert :ets.info(table, :size) <= 101
    assert {:ok, 3, 60_000} = Limiter.hit(table, {:long}, {5, 60_000}, 0, 100)
  end

  # The table of an owner that crashes is gone for a moment; hits meet it in every state.
  test "a table that its owner's successor makes again fails nobody", %{test: test} do
    name = :"#{test} again"

    hits =
      for n <- 1..4,
          do: Task.async(fn -> hit_until(name, n, System.monotonic_time(:millisecond)) end)

    for _round <- 1..50_000 do
      Limiter.new(name)
      :ets.delete(name)
    end

    for task <- hits, do: send(task.pid, :stop)
    assert Enum.all?(Task.await_many(hits), &(&1 > 0))
  end

  defp hit_until(name, key, now, count \\ 0) do
    receive do
      :stop -> count
    after
      0 ->
        {:ok, _remaining, 1_000} = Limiter.hit(name, {key, count}, {5, 1_000}, now)
        hit_until(name, key, now, count + 1)
    end
  end
end
