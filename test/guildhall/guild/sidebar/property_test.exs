defmodule Guildhall.Guild.Sidebar.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.SidebarSimulation

  # Whatever happens, and however late each part of it is: a client has at the end what the protocol's
  # rules make of the members, and is told at no time of a list that it may not see.

  property "clients have what there is" do
    forall {extra, steps} <- {oneof([0, 0, 795, 5_000]), resize(100, list(step()))} do
      simulation =
        Enum.reduce(steps, SidebarSimulation.new(extra), &SidebarSimulation.step(&2, &1))

      simulation = SidebarSimulation.finish(simulation)

      for session <- ~w(a b c) do
        assert SidebarSimulation.held(simulation, session) ==
                 SidebarSimulation.expected(simulation, session)

        for {told, now} <- SidebarSimulation.counts(simulation, session), do: assert(told == now)
      end
    end
  end

  defp step do
    user = oneof([range(100, 103), range(100, 110), range(100, 339)])

    frequency([
      {6, {:watch, session(), list({oneof([10, 11, 12]), windows()}) |> map(&Map.new/1)}},
      {1, {:gone, session()}},
      {4, {:status, user, oneof([:online, :dnd, :offline])}},
      {2, {:nick, user, oneof([nil, "a", "u150", "z"])}},
      {3, {:roles, user, list(oneof([2, 3, 4]))}},
      {1, {:join, user}},
      {1, {:leave, such_that(user, &(&1 != 100))}},
      {2, {:role, oneof([2, 3, 4]), boolean(), range(1, 5), boolean()}},
      {1, {:role, 1, false, 0, boolean()}},
      {3,
       {:overwrite, oneof([10, 11, 12]), oneof([1, 2, 3, 100, 101]),
        oneof([:allow, :deny, :none])}},
      {3, :finish},
      {8, :feed},
      {8, :work},
      {5, {:flush, boolean()}},
      {8, :hear}
    ])
  end

  defp session, do: oneof(["a", "b", "c"])
  defp windows, do: oneof([[0], [1], [0, 1], [2], [0, 2]])
end
