defmodule Guildhall.OrderedSet.ConcurrencyTest do
  use ExUnit.Case, async: true

  # Many read and write one set: nobody gets an error, nobody waits for ever, nothing is lost.

  alias Guildhall.OrderedSet

  @rounds 300

  test "readers and writers of one set do not disturb each other" do
    set = OrderedSet.new()
    # What stays: whoever reads finds all of it, in order, whatever comes and goes in between.
    kept = Enum.to_list(0..9_990//10)
    {:ok, 1_000} = OrderedSet.put_keys(set, kept)

    writers =
      for n <- 1..9 do
        Task.async(fn ->
          for round <- 1..@rounds do
            key = rem(round * 37, 1_000) * 10 + n
            {:ok, {_known, _rank}} = OrderedSet.put(set, key, "payload")
            {:ok, "payload"} = OrderedSet.get(set, key)
            {:ok, _new} = OrderedSet.put_keys(set, for(k <- 0..150, do: k * 10 + n))
            {:ok, _rank} = OrderedSet.delete(set, key)
          end

          n
        end)
      end

    readers =
      for _n <- 1..16 do
        Task.async(fn ->
          for round <- 1..@rounds do
            {:ok, rank} = OrderedSet.rank(set, rem(round, 1_000) * 10)
            assert rank >= rem(round, 1_000)
            assert [key] = OrderedSet.slice(set, 500, 1)
            assert key <= 5_000

            assert OrderedSet.range(set, from: key, until: key + 1, payloads: false) in [
                     [key],
                     []
                   ]
          end

          all = OrderedSet.to_list(set)
          assert all == Enum.sort(all)
          assert for(key <- all, rem(key, 10) == 0, do: key) == kept
          {:ok, restored} = OrderedSet.restore(OrderedSet.snapshot(set))
          assert for(key <- OrderedSet.to_list(restored), rem(key, 10) == 0, do: key) == kept
        end)
      end

    Task.await_many(readers, 60_000)
    assert Task.await_many(writers, 60_000) == Enum.to_list(1..9)
    assert for(key <- OrderedSet.to_list(set), rem(key, 10) == 0, do: key) == kept
  end

  test "a writer is not starved by readers that never stop, nor a reader by writers" do
    set = OrderedSet.new()
    {:ok, _new} = OrderedSet.put_keys(set, Enum.to_list(1..5_000))
    parent = self()

    busy =
      for fun <- [&read/1, &read/1, &read/1, &write/1, &write/1] do
        spawn_link(fn -> forever(fun, set, parent) end)
      end

    for _process <- busy, do: assert_receive(:running, 30_000)

    Task.await(
      Task.async(fn ->
        for n <- 1..1_000 do
          assert {:ok, {:new, _rank}} = OrderedSet.put(set, {:mine, n})
          assert {:ok, _rank} = OrderedSet.rank(set, {:mine, n})
        end
      end),
      60_000
    )

    for process <- busy do
      Process.unlink(process)
      Process.exit(process, :kill)
    end
  end

  defp forever(fun, set, parent) do
    fun.(set)
    send(parent, :running)
    Stream.repeatedly(fn -> fun.(set) end) |> Stream.run()
  end

  defp read(set), do: OrderedSet.slice(set, 0, 500)
  defp write(set), do: OrderedSet.put_keys(set, Enum.to_list(1..100))
end
