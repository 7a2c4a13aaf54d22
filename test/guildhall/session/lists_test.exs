defmodule Guildhall.Session.ListsTest do
  use ExUnit.Case, async: true

  alias Guildhall.Session.Lists

  # What a client says of member lists, and what guilds are told of it.

  defp wish(lists \\ %Lists{}, guilds), do: Lists.wish(lists, guilds, 0, true)

  test "only what is said changes" do
    {lists, effects} = wish([{7, %{subscribed?: true, channels: %{5 => [0]}}}])
    assert effects == [{:watch, 7, %{5 => [0]}}]
    assert {%Lists{guilds: same}, []} = wish(lists, [{7, %{}}])
    assert same == lists.guilds
    {lists, effects} = wish(lists, [{7, %{channels: %{6 => [1]}}}])
    assert effects == [{:watch, 7, %{6 => [1]}}]
    {lists, effects} = wish(lists, [{7, %{subscribed?: false}}])
    assert effects == [{:watch, 7, %{}}]
    {lists, effects} = wish(lists, [{7, %{subscribed?: true}}])
    assert effects == [{:watch, 7, %{6 => [1]}}]
    assert {%Lists{guilds: none}, [{:watch, 7, %{}}]} = wish(lists, [{7, nil}])
    assert none == %{}
  end

  test "what is said again is asked again" do
    guilds = [{7, %{subscribed?: true, channels: %{5 => [0]}}}]
    {lists, effects} = wish(guilds)
    assert {_lists, ^effects} = wish(lists, guilds)
  end

  test "without a subscription nothing is shown" do
    {lists, effects} = wish([{7, %{channels: %{5 => [0]}}}])
    assert effects == [{:watch, 7, %{}}]
    assert Lists.attached(lists, 7) == []
  end

  test "who is absent is shown nothing, and what he looks at when he is back" do
    {lists, _effects} = wish([{7, %{subscribed?: true, channels: %{5 => [0]}}}, {8, %{}}])
    {absent, effects} = Lists.absent(lists, true)
    assert effects == [{:watch, 7, %{}}]
    assert Lists.attached(absent, 7) == []
    assert {^lists, [{:watch, 7, %{5 => [0]}}]} = Lists.absent(absent, false)
    assert {^lists, []} = Lists.absent(lists, false)
  end

  test "guilds that it has left are forgotten" do
    {lists, _effects} = wish([{7, %{subscribed?: true, channels: %{5 => [0]}}}])
    assert lists |> Lists.removed(7) |> Lists.attached(7) == []
  end

  test "too many guilds are limited, and so are too many wishes" do
    guilds = for id <- 1..26, do: {id, %{subscribed?: true}}
    {lists, effects} = wish(guilds)
    assert [{:push, "RATE_LIMITED", %{meta: %{guild_id: "26"}}}, {:dropped, :lists}] = effects
    assert map_size(lists.guilds) == 25

    guilds = List.duplicate({7, %{channels: %{5 => [0]}}}, 61)
    assert {_lists, effects} = wish(guilds)
    assert [_wish, {:push, "RATE_LIMITED", _data}, {:dropped, :lists}] = Enum.take(effects, -3)
    assert {_lists, effects} = Lists.wish(%Lists{}, guilds, 0, false)
    assert Enum.all?(effects, &match?({:watch, 7, %{}}, &1))
  end
end
