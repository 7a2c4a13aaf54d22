defmodule Guildhall.Payload.ConcurrencyTest do
  use ExUnit.Case, async: true

  # The schedulers keep buffers and texts between calls; no process may see another's.

  alias Guildhall.Payload

  @processes 64
  @rounds 40

  test "many processes read and write at once, each its own" do
    tasks =
      for n <- 1..@processes do
        Task.async(fn -> for round <- 1..@rounds, do: check(document(n, round)) end)
      end

    assert tasks |> Task.await_many(60_000) |> List.flatten() |> Enum.all?()
  end

  test "processes that are killed in the middle leave nothing to the next ones" do
    large = for n <- 1..20_000, do: document(n, n)

    for _round <- 1..20 do
      {pid, monitor} =
        spawn_monitor(fn -> Stream.repeatedly(fn -> Payload.encode(large) end) |> Stream.run() end)

      assert check(document(1, 2))
      Process.exit(pid, :kill)
      assert_receive {:DOWN, ^monitor, :process, ^pid, :killed}
    end

    assert check(large)
  end

  test "refusals in between change nothing" do
    for n <- 1..1_000 do
      assert {:error, _error} = Payload.encode(%{"name" => [n, %{n => {}}]})
      assert {:error, _error} = Payload.decode(~s({"name":[#{n},{"a":"\\x"}]}))
      assert check(document(n, n))
    end
  end

  defp check(document), do: document == document |> Payload.encode!() |> Payload.decode!()

  # Some are small, some are more than a normal scheduler does at a time.
  defp document(n, round) do
    size = if rem(n * round, 97) == 0, do: 2_000, else: rem(n, 7)

    %{
      "n" => n,
      "round #{round}" => String.duplicate("é\n", rem(n, 50)),
      "list" => for(i <- 1..size//1, do: %{"i" => i, "key #{rem(i, n)}" => [n, i, nil]})
    }
  end
end
