defmodule Guildhall.Guild.RosterTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Guild.Roster
  alias Guildhall.Model.{Member, User}
  alias Guildhall.Table

  defp member(id, nick \\ nil), do: %Member{user: %User{id: id, username: "user"}, nick: nick}

  defp size(roster),
    do: Table.size(roster.online) + map_size(roster.young) + map_size(roster.old)

  test "who is online stays, whoever else is asked for" do
    roster =
      Enum.reduce(
        1..100,
        Roster.online(Roster.new(2), member(0)),
        &Roster.remember(&2, member(&1))
      )

    assert Roster.fetch(roster, 0) == {:ok, member(0)}
    assert Roster.fetch(roster, 100) == {:ok, member(100)}
    assert Roster.fetch(roster, 1) == :error
    assert size(roster) <= 5
  end

  test "who goes offline is remembered for a while" do
    roster = Roster.new(2) |> Roster.online(member(0)) |> Roster.offline(0)
    assert Roster.fetch(roster, 0) == {:ok, member(0)}
    roster = Enum.reduce(1..4, roster, &Roster.remember(&2, member(&1)))
    assert Roster.fetch(roster, 0) == :error
  end

  test "only who is known is updated, unless all are" do
    roster = Roster.new(2) |> Roster.remember(member(1)) |> Roster.update(member(1, "a"))
    assert Roster.fetch(roster, 1) == {:ok, member(1, "a")}
    assert roster |> Roster.update(member(2)) |> Roster.fetch(2) == :error
    roster = Roster.complete(roster, Enum.map(1..10, &member/1))
    assert roster |> Roster.update(member(11)) |> Roster.known() |> length() == 11
    assert roster |> Roster.incomplete() |> Roster.known() == []
  end

  test "nobody has a role that was deleted" do
    one = %{member(1) | roles: [7, 8]}
    roster = Roster.new(2) |> Roster.online(one) |> Roster.remember(%{member(2) | roles: [8]})
    {["json"], roster} = Roster.encoded(roster, 1, fn _member -> "json" end)
    {["json"], roster} = Roster.encoded(roster, 1, fn _member -> "again" end)

    roster = Roster.forget_role(roster, 8)
    assert {:ok, %{roles: [7]} = one} = Roster.fetch(roster, 1)
    assert {:ok, %{roles: []}} = Roster.fetch(roster, 2)
    assert roster |> Roster.known() |> Enum.map(& &1.roles) |> Enum.sort() == [[], [7]]
    assert {["anew"], _roster} = Roster.encoded(roster, one.user.id, fn _member -> "anew" end)
    assert {[], _roster} = Roster.encoded(roster, 3, fn _member -> "nobody" end)
  end

  # Whatever happens, a member is as he was last written, or not known.
  property "never knows an old row" do
    step = {oneof([:remember, :update, :online, :offline, :remove]), range(1, 6)}

    forall {limit, steps} <- {range(1, 3), list(step)} do
      steps
      |> Enum.with_index()
      |> Enum.reduce({Roster.new(limit), Map.new(1..6, &{&1, member(&1)})}, fn {{what, id}, n},
                                                                               {roster, rows} ->
        rows = if what == :update, do: Map.put(rows, id, member(id, "#{n}")), else: rows

        roster =
          case what do
            :remember -> Roster.remember(roster, rows[id])
            :update -> Roster.update(roster, rows[id])
            :online -> Roster.online(roster, rows[id])
            :offline -> Roster.offline(roster, id)
            :remove -> Roster.remove(roster, id)
          end

        for id <- 1..6, {:ok, known} <- [Roster.fetch(roster, id)], do: assert(known == rows[id])
        if what in [:remember, :online], do: assert({:ok, _member} = Roster.fetch(roster, id))
        if what == :remove, do: assert(Roster.fetch(roster, id) == :error)
        assert map_size(roster.young) <= limit and map_size(roster.old) <= limit
        {roster, rows}
      end)
    end
  end
end
