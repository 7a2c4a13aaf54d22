defmodule Guildhall.Session.RoomsTest do
  use ExUnit.Case, async: true

  alias Guildhall.Session.Rooms

  test "are attached a few at a time, the next when one has answered" do
    rooms = Rooms.new(Enum.to_list(1..20))
    {rooms, effects} = Rooms.feed(rooms)

    assert attached(effects) == Enum.to_list(1..8)
    refute Rooms.hungry?(rooms)

    {rooms, _effects} = Rooms.attached(rooms, 3)
    assert Rooms.hungry?(rooms)
    assert {_rooms, effects} = Rooms.feed(rooms)
    assert attached(effects) == [9]
  end

  test "that do not take the session now are unavailable, are asked again, and later each time" do
    {rooms, _effects} = Rooms.feed(Rooms.new([1]))

    {rooms, effects} = Rooms.refused(rooms, 1, :overloaded)
    assert {:push, "GUILD_DELETE", %{id: "1", unavailable: true}} in effects
    assert {:backoff, {:room, 1}, 500} in effects

    {rooms, effects} = Rooms.timeout(rooms, 1)
    assert attached(effects) == [1]

    assert {rooms, [{:backoff, {:room, 1}, 1_000}]} = Rooms.refused(rooms, 1, :overloaded)

    {_rooms, pauses} =
      Enum.reduce(1..10, {rooms, []}, fn _n, {rooms, pauses} ->
        {rooms, _effects} = Rooms.timeout(rooms, 1)
        {rooms, [{:backoff, _name, pause}]} = Rooms.refused(rooms, 1, :unavailable)
        {rooms, [pause | pauses]}
      end)

    assert Enum.max(pauses) == 60_000
  end

  test "that do not answer are as good as refusing" do
    {rooms, _effects} = Rooms.feed(Rooms.new([1]))
    {_rooms, effects} = Rooms.timeout(rooms, 1)
    assert {:push, "GUILD_DELETE", %{id: "1", unavailable: true}} in effects
  end

  test "that the user is not in are taken back for good, if READY has announced them" do
    {rooms, _effects} = Rooms.feed(Rooms.new([1]))
    {rooms, _effects} = Rooms.joined(rooms, 2)

    {rooms, effects} = Rooms.refused(rooms, 1, :unknown_guild)
    assert {:push, "GUILD_DELETE", %{id: "1"}} in effects
    assert Rooms.status(rooms, 1) == nil

    assert {rooms, [{:timer, {:room, 2}, nil}]} = Rooms.refused(rooms, 2, :unknown_channel)
    assert Rooms.ids(rooms) == []
  end

  test "that die are asked again, and their client is told by others" do
    {rooms, _effects} = Rooms.feed(Rooms.new([1]))
    {rooms, _effects} = Rooms.attached(rooms, 1)
    assert Rooms.ids(rooms) == [1]

    assert {rooms, [{:backoff, {:room, 1}, 500}]} = Rooms.down(rooms, 1)
    assert Rooms.ids(rooms) == []
    assert {_rooms, [{:attach, 1}, {:timer, {:room, 1}, _patience}]} = Rooms.timeout(rooms, 1)
  end

  test "can be left and joined again" do
    {rooms, effects} = Rooms.joined(Rooms.new([]), 1)
    assert attached(effects) == [1]
    assert {^rooms, []} = Rooms.joined(rooms, 1)

    {rooms, _effects} = Rooms.attached(rooms, 1)
    {rooms, _effects} = Rooms.removed(rooms, 1)
    assert Rooms.status(rooms, 1) == nil

    {_rooms, effects} = Rooms.joined(rooms, 1)
    assert attached(effects) == [1]
  end

  test "that are joined while they are attached decide themselves",
    do: rejoin([:removed, :attached])

  test "that are joined again before they were left", do: rejoin([])

  defp rejoin(news) do
    {rooms, _effects} = Rooms.joined(Rooms.new([]), 1)
    {rooms, _effects} = Rooms.attached(rooms, 1)
    assert {rooms, [{:attach, 1}]} = Rooms.joined(rooms, 1)

    rooms =
      Enum.reduce(news, rooms, fn notice, rooms -> elem(apply(Rooms, notice, [rooms, 1]), 0) end)

    assert Rooms.status(rooms, 1) == :attached
  end

  test "know of the session from when they are asked on" do
    rooms = Rooms.new([1, 2])
    assert Rooms.ids(rooms) == []
    {rooms, _effects} = Rooms.feed(rooms)
    {rooms, _effects} = Rooms.attached(rooms, 1)
    assert Rooms.ids(rooms) == [1, 2]
  end

  test "that wait for their turn are not attached twice" do
    rooms = Rooms.new([1])
    assert {^rooms, []} = Rooms.joined(rooms, 1)
  end

  test "are lost with the relay, and are attached again with the next one" do
    {rooms, _effects} = Rooms.feed(Rooms.new([1, 2, 3]))
    {rooms, _effects} = Rooms.attached(rooms, 1)
    {rooms, _effects} = Rooms.joined(rooms, 4, :dm)
    {rooms, _effects} = Rooms.attached(rooms, 4)

    {rooms, effects} = Rooms.pause(rooms)
    # A guild that is only attaching, or a room that is no guild, was not announced as available.
    assert for({:push, type, data} <- effects, do: {type, data}) ==
             [{"GUILD_DELETE", %{id: "1", unavailable: true}}]

    assert Rooms.ids(rooms) == []
    refute Rooms.hungry?(rooms)
    assert {rooms, []} = Rooms.joined(rooms, 5, :guild)

    {rooms, effects} = Rooms.go_on(rooms)
    assert Enum.sort(attached(effects)) == [1, 2, 3, 4, 5]
    assert Rooms.settled?(rooms) == false
  end

  defp attached(effects), do: for({:attach, room_id} <- effects, do: room_id)
end
