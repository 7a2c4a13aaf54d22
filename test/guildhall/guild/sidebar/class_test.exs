defmodule Guildhall.Guild.Sidebar.ClassTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.Sidebar.Class
  alias Guildhall.Model.{Channel, Guild, Overwrite, Role}
  alias Guildhall.Permissions

  # Which channels show the same list, and its id: the vectors are those of client libraries.

  @view Permissions.bit(:view_channel)
  @guild 41_771_983_423_143_936

  defp guild(permissions) do
    everyone = %Role{id: @guild, name: "@everyone", permissions: permissions}
    %Guild{id: @guild, roles: %{@guild => everyone}}
  end

  defp class(permissions, overwrites, fields \\ []) do
    overwrites =
      for {id, allow, deny} <- overwrites, into: %{}, do: {id, overwrite(id, allow, deny)}

    channel = struct(%Channel{id: 1, type: 0, overwrites: overwrites}, fields)
    Class.of(%{guild(permissions) | channels: %{1 => channel}}, channel)
  end

  defp overwrite(id, allow, deny), do: %Overwrite{id: id, type: :role, allow: allow, deny: deny}
  defp id(permissions, overwrites), do: permissions |> class(overwrites) |> Class.id()

  test "the list of channels that everyone sees" do
    assert class(@view, []) == :everyone
    assert class(@view, [{7, @view, 0}, {8, 1, 1}]) == :everyone
    assert id(@view, []) == "everyone"
  end

  test "others have the hash of who sees them" do
    assert id(@view, [{@guild, 0, @view}]) == "3571130906"
    assert id(0, []) == "0"

    for permissions <- [0, @view] do
      overwrites = [{1_174_109_841_006_919_680, 0, @view}, {1_174_109_841_002_725_376, @view, 0}]
      assert id(permissions, overwrites) == "389890879"
    end
  end

  test "what allows and denies allows, and yet not everyone is asked" do
    {_id, rules} = class(@view, [{7, @view, @view}])
    assert rules == [{7, :allow}]
  end

  test "other rights make no difference" do
    assert class(@view, [{7, 1, 2}, {@guild, 0, @view}]) == class(@view, [{@guild, 4, @view}])
  end

  test "a thread has its parent's list, or its own" do
    thread = %Channel{id: 2, type: 11, parent_id: 1}
    parent = %Channel{id: 1, type: 0, overwrites: %{@guild => overwrite(@guild, 0, @view)}}
    guild = %{guild(@view) | channels: %{1 => parent, 2 => thread}}
    assert Class.of(guild, thread) == Class.of(guild, parent)
    assert Class.of(guild, %{thread | parent_id: 3}) == :everyone
  end
end
