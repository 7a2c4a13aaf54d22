defmodule Guildhall.Rights.Scene do
  @moduledoc false

  # Guilds in which nearly every right is sometimes missing: roles at positions that often meet, masks
  # with most bits or few, overwrites for everyone, roles and members, channels in categories and
  # outside of them. `build/2` makes one on a node.

  use Guildhall.Property

  import Bitwise

  alias Guildhall.Guild
  alias Guildhall.Model.Overwrite
  alias Guildhall.Rights.Standing

  @roles 4
  # Two categories, two text and two voice channels, each with its category.
  @types [4, 4, 0, 0, 2, 2]

  @doc "A scene: roles, who has them, overwrites, how the actor stands, and what tells the requests apart."
  def scene do
    {
      oneof([few(), many()]),
      vector(@roles, {range(1, 4), role()}),
      {roles(), roles(), roles()},
      vector(length(@types), {range(0, 2), overwrites()}),
      frequency([{6, :member}, {1, :stranger}, {1, :timed_out}]),
      binary(8)
    }
  end

  defp roles, do: resize(3, list(range(0, @roles - 1)))

  defp overwrites do
    target = oneof([:everyone, :actor, :actor, :target | Enum.to_list(0..(@roles - 1))])
    resize(3, list({target, few(), few()}))
  end

  defp role do
    administrator = exactly(Standing.mask(:administrator))
    frequency([{6, few()}, {3, many()}, {1, administrator}])
  end

  defp few, do: map(resize(5, list(name())), &Standing.mask(Enum.uniq(&1)))
  defp many, do: map(resize(5, list(name())), &(everything() &&& ~~~Standing.mask(Enum.uniq(&1))))

  # These decide most.
  defp name do
    names = Standing.names() -- [:administrator]
    often = [:view_channel, :manage_channels, :manage_roles, :read_message_history]
    oneof(names ++ often ++ often)
  end

  defp everything, do: Standing.mask(Standing.names() -- [:administrator])

  @doc "Makes the scene's guild. Users are callers: `:owner`, `:actor`, `:target` and `:other`."
  def build(instance, users, {everyone, roles, who, channels, kind, _seed}) do
    {:ok, guild} = Guild.create(instance, %{name: "guild", owner_id: users.owner.id})
    run = &Guild.run(instance, guild.id, :operator, &1)
    {:ok, _role} = run.({:update_role, guild.id, %{permissions: everyone}})
    {:ok, marker} = run.({:create_channel, %{name: "marker"}})
    role_ids = roles(run, roles)
    members(run, users, role_ids, {who, kind})
    channels(run, channels, Map.merge(role_ids, targets(guild, users)))
    %{guild_id: guild.id, marker_id: marker.id, role_ids: Map.values(role_ids)}
  end

  defp roles(run, roles) do
    ids =
      for {{position, mask}, n} <- Enum.with_index(roles), into: %{} do
        {:ok, role} = run.({:create_role, %{name: "r#{n}", permissions: mask}})
        {n, {role.id, position}}
      end

    moves = for {_n, {id, position}} <- ids, do: %{id: id, position: position}
    {:ok, _roles} = run.({:move_roles, moves})
    Map.new(ids, fn {n, {id, _position}} -> {n, id} end)
  end

  defp members(run, users, role_ids, {{actor, target, other}, kind}) do
    has = %{actor: actor, target: target, other: other}
    has = if kind == :stranger, do: Map.delete(has, :actor), else: has

    for {name, roles} <- has do
      roles = for n <- Enum.uniq(roles), do: role_ids[n]
      {:ok, _member} = run.({:add_member, users[name].id, %{roles: roles}})
    end

    # Nobody times out an administrator.
    until = System.system_time(:millisecond) + 3_600_000
    timeout = {:update_member, users.actor.id, %{timeout_until: until}}
    if kind == :timed_out, do: run.(timeout)
  end

  defp targets(guild, users) do
    %{everyone: guild.id, actor: {:member, users.actor.id}, target: {:member, users.target.id}}
  end

  defp channels(run, channels, targets) do
    for {type, {place, overwrites}} <- Enum.zip(@types, channels), reduce: [] do
      categories ->
        # A channel has the overwrites that it is given, none of its category's.
        attrs = %{name: "c", type: type, parent_id: if(type != 4, do: Enum.at(categories, place))}
        {:ok, channel} = run.({:create_channel, attrs})
        attrs = %{overwrites: Enum.map(overwrites, &overwrite(&1, targets))}
        {:ok, _channel} = run.({:update_channel, channel.id, attrs})
        if type == 4, do: [channel.id | categories], else: categories
    end
  end

  defp overwrite({target, allow, deny}, targets) do
    masks = %Overwrite{id: 0, type: :role, allow: allow &&& ~~~deny, deny: deny}

    case targets[target] do
      {:member, id} -> %{masks | id: id, type: :member}
      id -> %{masks | id: id}
    end
  end
end
