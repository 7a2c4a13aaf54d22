defmodule Guildhall.Guild.GatheringTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.Gathering

  setup do: %{pids: for(_ <- 1..3, do: spawn(fn -> :ok end))}

  test "sessions are called once, and what is said waits until all came", %{pids: [a, b, _c]} do
    assert {true, gathering} = Gathering.call(%Gathering{}, [a, b], [])
    gathering = Gathering.hold(gathering, [:one, :two])
    assert {false, gathering} = Gathering.call(gathering, [a, b], [])
    gathering = gathering |> Gathering.hold([:three]) |> Gathering.came(a)
    assert Gathering.waiting?(gathering)
    gathering = Gathering.came(gathering, b)
    refute Gathering.waiting?(gathering)
    assert {[:one, :two, :three], gathering} = Gathering.take(gathering)
    assert {[], _gathering} = Gathering.take(gathering)
  end

  test "nobody is waited for who is there, or did not come once", %{pids: [a, b, c]} do
    assert {false, gathering} = Gathering.call(%Gathering{}, [a], [a])
    refute Gathering.waiting?(gathering)
    assert {true, gathering} = Gathering.call(gathering, [a, b], [a])
    gathering = Gathering.close(gathering)
    refute Gathering.waiting?(gathering)
    assert {false, gathering} = Gathering.call(gathering, [a, b], [a])
    assert {true, gathering} = Gathering.call(gathering, [a, b, c], [a])
    # Who is gone is forgotten.
    assert {true, gathering} =
             Gathering.call(gathering, [a, c], [a])
             |> then(fn {_, g} -> Gathering.call(g, [b], []) end)

    assert MapSet.to_list(gathering.missing) == [b]
  end

  test "not more than so much is held", %{pids: [a | _]} do
    {true, gathering} = Gathering.call(%Gathering{}, [a], [])
    refute gathering |> Gathering.hold(Enum.to_list(1..1_000)) |> Gathering.waiting?()
  end
end
