defmodule Guildhall.Guild.GateTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.Gate

  test "closes only if everyone who entered was served" do
    gate = Gate.new()
    :ok = Gate.enter(gate, 5)
    assert Gate.close(gate) == {:waiting, 1}
    :ok = Gate.serve(gate)
    assert Gate.close(gate) == :ok
    assert Gate.enter(gate, 5) == {:error, :closed}
    assert Gate.enter(gate, 5) == {:error, :closed}
  end

  test "lets so many in at once, and those who left do not count" do
    gate = Gate.new()
    for _ <- 1..2, do: :ok = Gate.enter(gate, 2)
    assert Gate.enter(gate, 2) == {:error, :overloaded}
    assert Gate.waiting(gate) == 2
    :ok = Gate.leave(gate)
    assert Gate.enter(gate, 2) == :ok
  end

  test "each kind of message has a bound of its own" do
    gate = Gate.new()
    for _ <- 1..2, do: :ok = Gate.enter(gate, :attach, 2)
    assert Gate.enter(gate, :attach, 2) == {:error, :overloaded}
    assert Gate.enter(gate, :signal, 1) == :ok
    assert Gate.enter(gate, :signal, 1) == {:error, :overloaded}
    assert Gate.enter(gate, 1) == :ok
    assert Gate.enter(gate, 1) == {:error, :overloaded}
    assert Gate.waiting(gate) == 4

    :ok = Gate.serve(gate, :attach)
    assert Gate.enter(gate, :attach, 2) == :ok
    :ok = Gate.leave(gate, :signal)
    assert Gate.enter(gate, :signal, 1) == :ok
    assert Gate.enter(gate, 1) == {:error, :overloaded}
    for lane <- [:attach, :attach, :signal, :command], do: :ok = Gate.serve(gate, lane)
    assert Gate.close(gate) == :ok

    for lane <- [:command, :attach, :signal],
        do: assert(Gate.enter(gate, lane, 1) == {:error, :closed})
  end

  test "can be closed over those who never came" do
    gate = Gate.new()
    :ok = Gate.enter(gate, 5)
    assert Gate.close(gate, 1) == :ok
  end

  # Each of many enters and says so, while one closes: whoever was let in is counted.
  test "nobody slips through while it closes" do
    for _ <- 1..200 do
      gate = Gate.new()
      :ok = Gate.enter(gate, 100)
      tasks = for _ <- 1..4, do: Task.async(fn -> Gate.enter(gate, 100) end)
      :ok = Gate.serve(gate)
      closed = Gate.close(gate)
      entered = tasks |> Task.await_many() |> Enum.count(&(&1 == :ok))
      if closed == :ok, do: assert(entered == 0), else: assert(Gate.waiting(gate) == entered)
    end
  end
end
