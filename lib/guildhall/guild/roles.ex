defmodule Guildhall.Guild.Roles do
  @moduledoc false

  # Roles of a guild: made, changed, sorted, deleted. One touches only roles below one's own highest,
  # and gives and takes only permissions that one has.
  #
  # A deleted role is taken from the members that the room knows at once, and from the others
  # when their row is read; the overwrites for it go with it.

  @behaviour Guildhall.Guild.Concern

  import Bitwise

  alias Guildhall.Guild.{Authority, Bounds, Channels, Events, Keys, Plan, State}
  alias Guildhall.Model.{Guild, Limits, Role, Row}
  alias Guildhall.Permissions

  @limit Limits.roles()
  @manage Permissions.bit(:manage_roles)
  @seeing Permissions.bit(:view_channel) ||| Permissions.bit(:administrator)
  @fields [:name, :color, :hoist, :icon, :unicode_emoji, :permissions, :mentionable]

  @impl true
  def facts(_actor, _command), do: []

  @impl true
  def keys(_state, %{actor: actor}), do: {[{:member, actor}], [:guild]}

  @impl true
  def decide(%State{guild: guild} = state, %{command: {:create_role, attrs}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, @manage),
         :ok <- room(guild),
         role = new(guild, request, attrs),
         :ok <- Authority.own_bits(authority, [{0, role.permissions}]) do
      {:ok,
       %Plan{
         reply: {:ok, role},
         ops: [put(state, role)],
         changes: [{:role, role}],
         effects: [{:change, [{:role, role}], [], [Events.role_create(state, role)]}]
       }}
    end
  end

  def decide(%State{guild: guild} = state, %{command: {:update_role, id, attrs}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, @manage),
         {:ok, old} <- Authority.role(guild, id),
         :ok <- Authority.above(authority, guild, old),
         role = update(old, attrs, guild),
         :ok <- Authority.own_bits(authority, [{old.permissions, role.permissions}]) do
      plan = changed(state, [{old, role}])
      {:ok, %{plan | reply: {:ok, role}}}
    end
  end

  def decide(%State{guild: guild} = state, %{command: {:delete_role, id}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, @manage),
         {:ok, role} <- Authority.role(guild, id),
         :ok <- deletable(guild, role),
         :ok <- Authority.above(authority, guild, role) do
      {:ok, delete(state, role)}
    end
  end

  def decide(%State{guild: guild} = state, %{command: {:move_roles, moves}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, @manage),
         :ok <- Bounds.list(moves, @limit),
         {:ok, pairs} <- moved(guild, authority, moves) do
      roles =
        Enum.reduce(pairs, guild.roles, fn {_old, role}, roles ->
          Map.put(roles, role.id, role)
        end)

      {:ok,
       %{changed(state, pairs) | reply: {:ok, roles |> Map.values() |> Enum.sort_by(& &1.id)}}}
    end
  end

  defp room(%Guild{roles: roles}) when map_size(roles) < @limit, do: :ok
  defp room(_guild), do: {:error, :role_limit}

  # A new role is the lowest above @everyone: of two with one position the older stands higher.
  defp new(guild, request, attrs) do
    everyone = Map.fetch!(guild.roles, guild.id)
    role = %Role{id: request.id, name: "new role", position: 1, permissions: everyone.permissions}
    update(role, attrs, guild)
  end

  defp update(%Role{id: id} = role, attrs, %Guild{id: id}) do
    struct(role, attrs |> Map.take([:permissions, :mentionable]) |> present())
  end

  defp update(role, attrs, _guild), do: struct(role, attrs |> Map.take(@fields) |> present())

  # Of a role's fields only its icons can be nothing.
  defp present(attrs) do
    Map.filter(attrs, fn {field, value} -> value != nil or field in [:icon, :unicode_emoji] end)
  end

  defp deletable(%Guild{id: id}, %Role{id: id}), do: {:error, :invalid_role}
  defp deletable(_guild, %Role{managed: true}), do: {:error, :invalid_role}
  defp deletable(_guild, _role), do: :ok

  defp changed(_state, []), do: %Plan{}

  defp changed(state, pairs) do
    roles = Enum.map(pairs, &elem(&1, 1))
    changes = for role <- roles, do: {:role, role}
    shown = if Enum.any?(pairs, &visibility?/1), do: Map.values(state.guild.channels), else: []

    %Plan{
      ops: Enum.map(roles, &put(state, &1)),
      changes: changes,
      effects: [{:change, changes, shown, Enum.map(roles, &Events.role_update(state, &1))}]
    }
  end

  defp visibility?({old, role}), do: (bxor(old.permissions, role.permissions) &&& @seeing) != 0

  defp delete(%State{guild: guild} = state, %Role{id: id}) do
    overwritten =
      for {_id, %{overwrites: %{^id => _overwrite}} = channel} <- guild.channels do
        %{channel | overwrites: Map.delete(channel.overwrites, id)}
      end

    plan = Channels.changed(state, overwritten)

    updates =
      for {:change, _changes, _channels, events} <- plan.effects, event <- events, do: event

    changes = [{:role_deleted, id} | plan.changes]
    channels = overwritten ++ Map.values(Map.drop(guild.channels, Enum.map(overwritten, & &1.id)))

    %Plan{
      ops: [{:delete, :guilds, Keys.guild(guild.id), Keys.role(id)} | plan.ops],
      changes: changes,
      effects: [{:change, changes, channels, [Events.role_delete(state, id) | updates]}]
    }
  end

  defp moved(guild, authority, moves) do
    Enum.reduce_while(moves, {:ok, []}, fn %{id: id} = move, {:ok, pairs} ->
      with {:ok, old} <- Authority.role(guild, id),
           role = move(guild, old, move[:position]),
           :ok <- sortable(guild, authority, old, role) do
        {:cont, {:ok, if(role == old, do: pairs, else: [{old, role} | pairs])}}
      else
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
    |> case do
      {:ok, pairs} ->
        {:ok, pairs |> Enum.uniq_by(fn {old, _role} -> old.id end) |> Enum.reverse()}

      {:error, reason} ->
        {:error, reason}
    end
  end

  # @everyone stays at the bottom.
  defp move(%Guild{id: id}, %Role{id: id} = role, _position), do: role
  defp move(_guild, role, position), do: %{role | position: max(position || role.position, 1)}

  defp sortable(_guild, _authority, same, same), do: :ok

  defp sortable(guild, authority, old, role) do
    with :ok <- Authority.above(authority, guild, old),
         do: Authority.above(authority, guild, role)
  end

  defp put(state, role) do
    {:put, :guilds, Keys.guild(state.id), Keys.role(role.id), Row.encode(role)}
  end
end
