defmodule Guildhall.Permissions.Reference do
  @moduledoc false

  # The same in plain Elixir, over maps: the oracle of the property tests, and what the benchmark
  # compares with. Roles are lists, and there is no limit of memory.

  import Bitwise

  @administrator 1 <<< 3
  @view 1 <<< 10
  @send 1 <<< 11
  @send_in_threads 1 <<< 38
  @connect 1 <<< 20
  @with_a_message 1 <<< 12 ||| 1 <<< 14 ||| 1 <<< 15 ||| 1 <<< 17
  @in_a_timeout @view ||| 1 <<< 16
  @all (1 <<< 53) - 1 - (1 <<< 47)

  @enforce_keys [:id, :owner_id, :roles, :channels]
  defstruct @enforce_keys

  @typep id :: non_neg_integer()
  @typep mask :: non_neg_integer()
  @typep masks :: {allow :: mask(), deny :: mask()}
  @type t :: %__MODULE__{
          id: id(),
          owner_id: id() | nil,
          roles: %{optional(id()) => mask()},
          channels: %{
            optional(id()) => {Guildhall.Permissions.kind(), %{optional(tuple()) => masks()}}
          }
        }
  @typep member :: Guildhall.Permissions.member()

  @spec new(keyword()) :: t()
  def new(options) do
    guild = %__MODULE__{
      id: Keyword.fetch!(options, :id),
      owner_id: options[:owner_id],
      roles: Map.new(options[:roles] || []),
      channels: %{}
    }

    change(guild, for(channel <- options[:channels] || [], do: {:channel, channel}))
  end

  @spec change(t(), [Guildhall.Permissions.change()]) :: t()
  def change(guild, changes), do: Enum.reduce(changes, guild, &change_one/2)

  defp change_one({:owner, owner}, guild), do: %{guild | owner_id: owner}
  defp change_one({:role, id, mask}, guild), do: %{guild | roles: Map.put(guild.roles, id, mask)}
  defp change_one({:role_deleted, id}, guild), do: %{guild | roles: Map.delete(guild.roles, id)}

  defp change_one({:channel, {id, kind, overwrites}}, guild) do
    overwrites =
      Map.new(overwrites, fn {id, target, allow, deny} -> {{target, id}, {allow, deny}} end)

    %{guild | channels: Map.put(guild.channels, id, {kind, overwrites})}
  end

  defp change_one({:channel_deleted, id}, guild) do
    %{guild | channels: Map.delete(guild.channels, id)}
  end

  @spec base(t(), member()) :: mask()
  def base(%__MODULE__{owner_id: user}, member) when elem(member, 0) == user, do: @all

  def base(%__MODULE__{id: id, roles: roles}, member) do
    case together(elem(member, 1), roles, Map.get(roles, id, 0)) do
      mask when (mask &&& @administrator) != 0 -> @all
      mask -> mask
    end
  end

  defp together([id | ids], roles, mask) do
    case roles do
      %{^id => permissions} -> together(ids, roles, mask ||| permissions)
      %{} -> together(ids, roles, mask)
    end
  end

  defp together([], _roles, mask), do: mask

  @spec overwritten(t(), id(), member()) :: mask()
  def overwritten(guild, id, member) do
    base = base(guild, member)

    cond do
      not is_map_key(guild.channels, id) -> 0
      (base &&& @administrator) != 0 -> base
      true -> applied(guild, id, member, base) || 0
    end
  end

  @spec in_channel(t(), id(), member()) :: mask()
  def in_channel(guild, id, member) do
    base = base(guild, member)

    case guild.channels do
      %{^id => _channel} when (base &&& @administrator) != 0 -> base
      %{^id => channel} -> granted(guild, id, channel, member, base)
      %{} -> 0
    end
  end

  @spec visible_channels(t(), member()) :: [id()]
  def visible_channels(guild, member) do
    base = base(guild, member)

    for {id, channel} <- Enum.sort(guild.channels),
        (base &&& @administrator) != 0 or
          (granted(guild, id, channel, member, base) &&& @view) != 0,
        do: id
  end

  defp granted(guild, id, {kind, _overwrites}, member, base) do
    case applied(guild, id, member, base) do
      nil -> 0
      mask -> mask |> in_thread(kind) |> implied(kind) |> timeout(member)
    end
  end

  # Nothing for a thread whose parent is gone.
  defp applied(guild, id, member, base) do
    case guild.channels do
      %{^id => {{:thread, parent}, _own}} ->
        with %{^parent => {_kind, overwrites}} <- guild.channels,
             do: overwrite(base, guild, member, overwrites),
             else: (%{} -> nil)

      %{^id => {_kind, overwrites}} ->
        overwrite(base, guild, member, overwrites)
    end
  end

  defp overwrite(base, _guild, _member, none) when none == %{}, do: base

  defp overwrite(base, guild, member, overwrites) do
    base
    |> put(Map.get(overwrites, {:role, guild.id}, {0, 0}))
    |> put(of_roles(elem(member, 1), guild, overwrites, {0, 0}))
    |> put(Map.get(overwrites, {:member, elem(member, 0)}, {0, 0}))
  end

  # The @everyone role may stand in a member's list too; its overwrite has been applied.
  defp of_roles([id | ids], guild, overwrites, {allow, deny} = masks) do
    case overwrites do
      %{{:role, ^id} => {more, less}} when id != guild.id and is_map_key(guild.roles, id) ->
        of_roles(ids, guild, overwrites, {allow ||| more, deny ||| less})

      %{} ->
        of_roles(ids, guild, overwrites, masks)
    end
  end

  defp of_roles([], _guild, _overwrites, masks), do: masks

  defp put(mask, {allow, deny}), do: (mask &&& ~~~deny) ||| allow

  defp in_thread(mask, {:thread, _parent}) when (mask &&& @send_in_threads) != 0,
    do: mask ||| @send

  defp in_thread(mask, {:thread, _parent}), do: mask &&& ~~~@send
  defp in_thread(mask, _kind), do: mask

  defp implied(mask, _kind) when (mask &&& @view) == 0, do: 0
  defp implied(mask, :voice) when (mask &&& @connect) == 0, do: @view
  defp implied(mask, _kind) when (mask &&& @send) == 0, do: mask &&& ~~~@with_a_message
  defp implied(mask, _kind), do: mask

  defp timeout(mask, {_user, _roles, true}), do: mask &&& @in_a_timeout
  defp timeout(mask, _member), do: mask
end
