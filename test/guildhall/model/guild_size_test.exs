defmodule Guildhall.Model.GuildSizeTest do
  use ExUnit.Case, async: true

  doctest Guildhall.Model.GuildSize
  doctest Guildhall.Model.Limits

  alias Guildhall.Guild.{Snapshot, State}
  alias Guildhall.Model.{Channel, Guild, GuildSize, Member, Overwrite, Role, User}
  alias Guildhall.Relay

  defp guild(channels) do
    everyone = %Role{id: 1, name: "@everyone \u0001\"", permissions: 1_024}
    guild = %Guild{id: 1, name: "guild é", owner_id: 2, roles: %{1 => everyone}}
    %{guild | channels: Map.new(channels, &{&1.id, &1})}
  end

  defp channel(id, type, overwrites) do
    overwrites =
      for n <- 1..overwrites//1, into: %{} do
        number = 10 ** rem(n, 19)
        {n, %Overwrite{id: n, type: :member, allow: number, deny: div(number, 7)}}
      end

    %Channel{
      id: id,
      type: type,
      guild_id: 1,
      name: "name",
      topic: "line\n",
      overwrites: overwrites
    }
  end

  # The owner sees every channel.
  defp snapshot(guild) do
    subscriber = %Relay.Subscriber{
      session_id: "1",
      pid: self(),
      relay: self(),
      outbox: nil,
      user_id: 2,
      intents: 1,
      member: %Member{user: %User{id: 2, username: "ada"}, joined_at: 1}
    }

    {%{content: {:json, json}}, _state} = Snapshot.event(State.new(guild), subscriber, {50, 0})

    IO.iodata_length(json)
  end

  test "is what GUILD_CREATE has, but for its only member" do
    for overwrites <- [0, 1, 100, 1_000] do
      channels =
        for {type, n} <- Enum.with_index([0, 2, 4, 5, 13, 15]),
            do: channel(10 + n, type, overwrites)

      guild = guild(channels)
      %{bytes: bytes, overwrites: count} = GuildSize.of(guild)
      assert count == 6 * overwrites
      assert (bytes - snapshot(guild)) in -200..1_200
    end
  end

  test "follows every change" do
    guild = guild([channel(10, 0, 3), channel(11, 4, 0)])
    role = %Role{id: 5, name: "role", permissions: 8}

    changes = [
      {:role, role},
      {:role, %{role | name: "another name"}},
      {:channel, channel(12, 2, 40)},
      {:channel, %{channel(10, 0, 2) | name: "longer than before", parent_id: 11}},
      {:settings, %{name: "other", description: "text"}},
      {:channel_deleted, 11},
      {:role_deleted, 5}
    ]

    for change <- changes, reduce: {guild, GuildSize.of(guild)} do
      {guild, size} ->
        size = GuildSize.change(size, guild, change)
        guild = put(guild, change)
        assert size == GuildSize.of(guild)
        {guild, size}
    end
  end

  test "neither a message nor a pin changes it" do
    channel = channel(10, 0, 0)
    pinned = %{channel | last_pin_at: System.system_time(:millisecond), last_message_id: 5}
    assert GuildSize.bytes(channel) == GuildSize.bytes(pinned)
  end

  defp put(guild, {:role, role}), do: put_in(guild.roles[role.id], role)
  defp put(guild, {:channel, channel}), do: put_in(guild.channels[channel.id], channel)
  defp put(guild, {:settings, changes}), do: Map.merge(guild, changes)
  defp put(guild, {:role_deleted, id}), do: %{guild | roles: Map.delete(guild.roles, id)}
  defp put(guild, {:channel_deleted, id}), do: %{guild | channels: Map.delete(guild.channels, id)}
end
