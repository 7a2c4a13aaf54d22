defmodule Guildhall.Guild.Sidebar.StateTest do
  use ExUnit.Case, async: true

  import Guildhall.SidebarSimulation, only: [new: 1, step: 2]

  # Which events are made of what happens: `property_test.exs` says what must come of them.

  defp steps(simulation, steps), do: Enum.reduce(steps, simulation, &step(&2, &1))

  defp events(simulation, kind) do
    for {_number, effect} <- simulation.said, elem(effect, 0) == kind, do: effect
  end

  test "who comes while a list is built is told when it is, and nobody before" do
    simulation = steps(new(0), [{:watch, "a", %{10 => [0]}}, :feed, :work, :feed])
    assert [{:follow, "a", 100, [], [], []}] = events(simulation, :follow)
    simulation = steps(%{simulation | said: []}, List.duplicate(:work, 10))
    assert [{:follow, "a", 100, [10], [_topic], [_event]}] = events(simulation, :follow)
    assert events(simulation, :publish) == []
  end

  test "many who look at the same are sent one event, until something changes" do
    watch = for session <- ~w(a b), do: {:watch, session, %{10 => [0]}}
    simulation = steps(new(0), watch ++ [:feed, :feed] ++ List.duplicate(:work, 10))

    sent = fn simulation ->
      for {:follow, _, _, _, _, [event]} <- events(simulation, :follow), do: event
    end

    assert [event, event] = sent.(simulation)

    changed = [{:status, 150, :offline}, :feed, {:flush, true}]
    simulation = steps(%{simulation | said: []}, changed ++ [{:watch, "c", %{10 => [0]}}, :feed])
    assert [other] = sent.(simulation)
    assert other != event
  end

  test "a change is one event for all who look at the same windows by way of one channel" do
    watch = [
      {:watch, "a", %{10 => [0]}},
      {:watch, "b", %{10 => [0]}},
      {:watch, "c", %{11 => [0]}}
    ]

    simulation = steps(new(0), watch ++ [:finish, {:status, 100, :idle}, :feed, {:flush, true}])

    assert [{:publish, 10, one, event}, {:publish, 11, other, event}] =
             Enum.sort(events(simulation, :publish))

    assert one != other and byte_size(one) <= 64
  end

  test "counts alone are told when it is their time" do
    watch = {:watch, "a", %{10 => [0]}}
    simulation = steps(new(0), [watch, :finish, {:status, 299, :online}, :feed, {:flush, false}])
    assert events(simulation, :publish) == []
    simulation = step(simulation, {:flush, true})
    assert [{:publish, 10, _topic, _event}] = events(simulation, :publish)
  end
end
