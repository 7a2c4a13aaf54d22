defmodule Guildhall.Guild.MemberChanges do
  @moduledoc false

  # What may be changed of a member, by whom, and whose sight it changes.

  import Bitwise

  alias Guildhall.Guild.{Authority, State}
  alias Guildhall.Model.{Channel, Form, Guild, Limits, Member, Rights, Role}
  alias Guildhall.Permissions

  @manage_roles Permissions.bit(:manage_roles)
  @longest_timeout Limits.timeout()
  # Each of these is enough to change a member's flags.
  @flags [
    Permissions.bit(:manage_guild),
    @manage_roles,
    Permissions.bit(:moderate_members) + Permissions.bit(:kick_members) +
      Permissions.bit(:ban_members)
  ]
  @fields [:nick, :roles, :mute, :deaf, :timeout_until, :flags]

  @doc "Returns the member with the changes, if the actor may make all of them."
  @spec apply(State.t(), Authority.t(), Member.t(), map(), now :: integer()) ::
          {:ok, Member.t()} | {:error, Guildhall.Guild.reason()}
  def apply(state, authority, member, attrs, now) do
    attrs
    |> Map.take(@fields)
    |> Enum.reduce_while({:ok, member}, fn {field, value}, {:ok, changed} ->
      value = normal(field, value)

      case may(field, value, state, authority, member, now) do
        :ok -> {:cont, {:ok, Map.put(changed, field, value)}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end

  @doc "Whether the actor may add this member with the nickname, roles, mute and deaf that it has."
  @spec addable(State.t(), Authority.t(), Member.t()) ::
          :ok | {:error, Guildhall.Guild.reason()}
  def addable(state, authority, %Member{} = member) do
    needed =
      for {true, name} <- [
            {member.nick != nil, :manage_nicknames},
            {member.roles != [], :manage_roles},
            {member.mute, :mute_members},
            {member.deaf, :deafen_members}
          ],
          do: Permissions.bit(name)

    with {:ok, _authority} <- Authority.allow(authority, Enum.sum(needed)),
         do: roles(state, authority, [], member.roles)
  end

  @doc "Whether the actor may change a member's roles from these to those."
  @spec roles(State.t(), Authority.t(), [pos_integer()], [pos_integer()]) ::
          :ok | {:error, :unknown_role | :missing_permissions | :invalid_role}
  def roles(%State{guild: guild}, authority, old, new) do
    Enum.reduce_while((old -- new) ++ (new -- old), :ok, fn role_id, :ok ->
      with {:ok, role} <- Authority.role(guild, role_id),
           :ok <- grantable(guild, role),
           :ok <- Authority.above(authority, guild, role) do
        {:cont, :ok}
      else
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end

  @doc "The channels that the member sees with the one row but not with the other."
  @spec affected(State.t(), Member.t(), Member.t()) :: [Channel.t()]
  def affected(_state, %{roles: roles}, %{roles: roles}), do: []

  def affected(%State{guild: guild, rights: rights}, old, new) do
    {before, now} = {Rights.visible(rights, old), Rights.visible(rights, new)}
    for id <- (before -- now) ++ (now -- before), do: Map.fetch!(guild.channels, id)
  end

  defp grantable(%Guild{id: id}, %Role{id: id}), do: {:error, :invalid_role}
  defp grantable(_guild, %Role{managed: true}), do: {:error, :invalid_role}
  defp grantable(_guild, _role), do: :ok

  defp normal(:roles, roles), do: Enum.uniq(roles || [])
  defp normal(:nick, ""), do: nil
  defp normal(field, nil) when field in [:mute, :deaf], do: false
  defp normal(:flags, nil), do: 0
  defp normal(_field, value), do: value

  defp may(:roles, roles, state, authority, member, _now) do
    with {:ok, _authority} <- Authority.allow(authority, @manage_roles) do
      roles(state, authority, member.roles, roles)
    end
  end

  defp may(:nick, _nick, _state, %{actor: id} = authority, %{user: %{id: id}}, _now) do
    allow(authority, :change_nickname)
  end

  defp may(:nick, _nick, state, authority, member, _now) do
    with :ok <- allow(authority, :manage_nicknames) do
      Authority.outranks(authority, state.guild, member)
    end
  end

  defp may(:timeout_until, until, state, authority, member, now) do
    with :ok <- allow(authority, :moderate_members),
         :ok <- Authority.outranks(authority, state.guild, member),
         do: timeout(state, member, until, now)
  end

  defp may(:mute, _mute, _state, authority, _member, _now), do: allow(authority, :mute_members)
  defp may(:deaf, _deaf, _state, authority, _member, _now), do: allow(authority, :deafen_members)

  defp may(:flags, _flags, _state, authority, _member, _now) do
    if Enum.any?(@flags, &Authority.can?(authority, &1)),
      do: :ok,
      else: {:error, :missing_permissions}
  end

  defp allow(authority, name) do
    with {:ok, _authority} <- Authority.allow(authority, Permissions.bit(name)), do: :ok
  end

  defp timeout(_state, _member, nil, _now), do: :ok

  defp timeout(%State{rights: rights}, member, until, now) do
    base = Permissions.base(rights, Rights.member(member))
    administrator? = (base &&& Permissions.bit(:administrator)) != 0

    cond do
      administrator? ->
        {:error, :missing_permissions}

      until > now + @longest_timeout ->
        {:error, Form.error("communication_disabled_until", "BASE_TYPE_MAX", "At most 28 days")}

      true ->
        :ok
    end
  end
end
