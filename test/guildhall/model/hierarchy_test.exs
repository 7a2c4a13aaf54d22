defmodule Guildhall.Model.HierarchyTest do
  use ExUnit.Case, async: true

  alias Guildhall.Model.{Guild, Hierarchy, Member, Role, User}

  @owner 9

  setup do
    roles = for {id, position} <- [{1, 0}, {2, 1}, {3, 2}, {4, 2}], do: role(id, position)
    %{guild: %Guild{id: 1, owner_id: @owner, roles: Map.new(roles, &{&1.id, &1})}}
  end

  test "of two roles in one position the older is higher", %{guild: guild} do
    assert Hierarchy.top_role(guild, member(7, [2, 4, 3])).id == 3
    assert Hierarchy.outranks?(guild, member(7, [3]), member(8, [4]))
    refute Hierarchy.outranks?(guild, member(7, [4]), member(8, [3]))
  end

  test "a member without roles stands at @everyone, and so does a role that is gone", %{
    guild: guild
  } do
    assert Hierarchy.top_role(guild, member(7, [])).id == 1
    assert Hierarchy.top_role(guild, member(7, [99])).id == 1
    refute Hierarchy.outranks?(guild, member(7, []), member(8, []))
  end

  test "the owner is above everyone, nobody above the owner or himself", %{guild: guild} do
    assert Hierarchy.outranks?(guild, member(@owner, []), member(8, [3]))
    refute Hierarchy.outranks?(guild, member(8, [3]), member(@owner, []))
    refute Hierarchy.outranks?(guild, member(8, [3]), member(8, [2]))
    refute Hierarchy.outranks?(guild, member(@owner, []), member(@owner, []))
  end

  test "only roles below one's own can be managed", %{guild: guild} do
    assert Hierarchy.above?(guild, member(7, [3]), guild.roles[2])
    assert Hierarchy.above?(guild, member(7, [3]), guild.roles[4])
    refute Hierarchy.above?(guild, member(7, [3]), guild.roles[3])
    refute Hierarchy.above?(guild, member(7, [4]), guild.roles[3])
    assert Hierarchy.above?(guild, member(@owner, []), guild.roles[3])
  end

  test "only one's own bits may change" do
    assert Hierarchy.may_change?(0b011, 0b100, 0b111)
    refute Hierarchy.may_change?(0b011, 0b100, 0b000)
    refute Hierarchy.may_change?(0b011, 0b000, 0b100)
    assert Hierarchy.may_change?(0, 0b100, 0b100)
  end

  defp role(id, position), do: %Role{id: id, name: "r", position: position}
  defp member(id, roles), do: %Member{user: %User{id: id, username: "u"}, roles: roles}
end
