defmodule Guildhall.RandomGuild do
  @moduledoc false

  # PropEr generators of guilds with a member and a channel to ask about: a few roles with few
  # permissions each, overwrites that often hit, sometimes an owner, an administrator, a timeout,
  # a thread, a voice channel, a role that the guild has no more.

  use Guildhall.Property

  import Bitwise

  alias Guildhall.Model.{Channel, Guild, Member, Overwrite, Role, User}
  alias Guildhall.Permissions

  @guild_id 1_000
  @owner_id 500
  @member_id 501
  @parent_id 2_000
  @thread_id 2_001
  @now 1_800_000_000_000

  def now, do: @now

  @doc "Guilds, each with one channel (and for a thread its parent) and one member: `{guild, member, channel}`."
  def scene do
    roles = list(role())

    map({roles, mask(), member(), channel(), list(overwrite())}, fn {roles, everyone, member,
                                                                     channel, overwrites} ->
      roles = Map.new([role_named(@guild_id, everyone, 0) | roles], &{&1.id, &1})
      overwrites = Map.new(overwrites, &{&1.id, &1})
      channels = channels(channel, overwrites)
      guild = %Guild{id: @guild_id, name: "g", owner_id: @owner_id, roles: roles}
      {%{guild | channels: Map.new(channels, &{&1.id, &1})}, member, List.last(channels)}
    end)
  end

  @doc "One of them."
  def pick do
    {:ok, scene} = :proper_gen.pick(scene())
    scene
  end

  @doc "Permission masks, of any bit that exists; ADMINISTRATOR is rare."
  def mask do
    map({list(range(0, 52)), range(0, 15)}, fn {bits, dice} ->
      mask = Enum.reduce(bits, 0, &(1 <<< &1 ||| &2)) &&& Permissions.all()
      administrator = Permissions.bit(:administrator)
      if dice == 0, do: mask ||| administrator, else: mask &&& ~~~administrator
    end)
  end

  defp role do
    map({range(1, 8), mask(), range(0, 4)}, fn {n, permissions, position} ->
      role_named(@guild_id + n, permissions, position)
    end)
  end

  defp role_named(id, permissions, position),
    do: %Role{id: id, name: "r#{id}", permissions: permissions, position: position}

  defp member do
    id = frequency([{9, @member_id}, {1, @owner_id}])
    roles = list(range(@guild_id + 1, @guild_id + 9))
    timeout = frequency([{4, nil}, {1, @now}, {1, @now + 1}, {1, @now + 60_000}])

    map({id, roles, timeout}, fn {id, roles, timeout} ->
      user = %User{id: id, username: "u"}
      %Member{user: user, roles: Enum.uniq(roles), timeout_until: timeout}
    end)
  end

  defp channel, do: oneof([0, 0, 2, 4, 5, 13, 15, :thread])

  defp channels(:thread, overwrites) do
    parent = %Channel{id: @parent_id, type: 0, guild_id: @guild_id, name: "p"}
    thread = %Channel{id: @thread_id, type: 11, guild_id: @guild_id, name: "t"}
    [%{parent | overwrites: overwrites}, %{thread | parent_id: @parent_id}]
  end

  defp channels(type, overwrites) do
    [
      %Channel{
        id: @parent_id,
        type: type,
        guild_id: @guild_id,
        name: "c",
        overwrites: overwrites
      }
    ]
  end

  defp overwrite do
    role = range(@guild_id, @guild_id + 9)
    member = oneof([@member_id, @owner_id, 502])
    target = oneof([{role, :role}, {member, :member}])

    map({target, mask(), mask()}, fn {{id, type}, allow, deny} ->
      %Overwrite{id: id, type: type, allow: allow, deny: deny}
    end)
  end
end
