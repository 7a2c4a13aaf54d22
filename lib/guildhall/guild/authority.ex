defmodule Guildhall.Guild.Authority do
  @moduledoc false

  # What the actor of a command may do here: permissions, and the hierarchy of roles.
  #
  # The operator may do everything. Someone who is no member has no access to anything, and a
  # channel that a member cannot see is one that he has no access to.
  #
  # A command that names several channels asks `in_channel/4` for each of them. A direct message
  # channel is no guild: commands about a guild do not find one there.

  import Bitwise

  alias Guildhall.Guild.{Facts, Request, State}
  alias Guildhall.Model.{Channel, Guild, Hierarchy, Member, Overwrite, Rights, Role, User}
  alias Guildhall.Permissions

  @enforce_keys [:actor, :permissions]
  defstruct [:actor, :permissions, :user, :member, :channel]

  @typedoc "Who the actor is and what he may do, in a channel if one was asked for."
  @type t :: %__MODULE__{
          actor: Guildhall.Guild.actor(),
          permissions: Permissions.mask(),
          user: User.t() | nil,
          member: Member.t() | nil,
          channel: Channel.t() | nil
        }
  @type missing :: {:need, [Facts.key()]} | {:error, atom()}

  @direct [1, 3]
  @administrator Permissions.bit(:administrator)
  @view Permissions.bit(:view_channel)
  @in_a_timeout @view ||| Permissions.bit(:read_message_history)

  @doc "Returns the actor's standing in the guild, if he has all these permissions."
  @spec in_guild(State.t(), Request.t(), Permissions.mask()) :: {:ok, t()} | missing()
  def in_guild(%State{guild: %Guild{kind: :dm}}, _request, _needed), do: {:error, :unknown_guild}

  def in_guild(state, request, needed) do
    with {:ok, authority} <- identify(state, request) do
      permissions = guild_permissions(state, authority, request.now)
      allow(%{authority | permissions: permissions}, needed)
    end
  end

  @doc "Returns the actor's standing in a channel, if he sees it and has all these permissions."
  @spec in_channel(State.t(), Request.t(), pos_integer(), Permissions.mask()) ::
          {:ok, t()} | missing()
  def in_channel(%State{guild: guild} = state, request, channel_id, needed) do
    with {:ok, channel} <- channel(guild, channel_id),
         {:ok, authority} <- identify(state, request) do
      permissions = channel_permissions(state, authority, channel, request.now)
      authority = %{authority | channel: channel, permissions: permissions}

      if (permissions &&& @view) == 0,
        do: {:error, :missing_access},
        else: allow(authority, needed)
    end
  end

  @doc "Whether the actor sees each of these channels and has all these permissions in it."
  @spec in_channels(State.t(), Request.t(), [pos_integer()], Permissions.mask()) ::
          :ok | missing()
  def in_channels(state, request, channel_ids, needed) do
    Enum.reduce_while(channel_ids, :ok, fn channel_id, :ok ->
      case in_channel(state, request, channel_id, needed) do
        {:ok, _authority} -> {:cont, :ok}
        missing -> {:halt, missing}
      end
    end)
  end

  @spec channel(Guild.t(), pos_integer()) :: {:ok, Channel.t()} | {:error, :unknown_channel}
  def channel(%Guild{channels: channels}, channel_id) do
    with :error <- Map.fetch(channels, channel_id), do: {:error, :unknown_channel}
  end

  @spec role(Guild.t(), pos_integer()) :: {:ok, Role.t()} | {:error, :unknown_role}
  def role(%Guild{roles: roles}, role_id) do
    with :error <- Map.fetch(roles, role_id), do: {:error, :unknown_role}
  end

  @doc "Whether the actor has all of these permissions."
  @spec can?(t(), Permissions.mask()) :: boolean()
  def can?(%__MODULE__{permissions: permissions}, needed), do: (permissions &&& needed) == needed

  @doc "The same as a result. No right is missing in a direct message channel: it has none to give."
  @spec allow(t(), Permissions.mask()) ::
          {:ok, t()} | {:error, :missing_permissions | :direct_channel}
  def allow(authority, needed) do
    cond do
      can?(authority, needed) ->
        {:ok, authority}

      match?(%Channel{type: type} when type in @direct, authority.channel) ->
        {:error, :direct_channel}

      true ->
        {:error, :missing_permissions}
    end
  end

  @doc "Whether the actor may act on the other member: his highest role is above the other's."
  @spec outranks(t(), Guild.t(), Member.t()) :: :ok | {:error, :missing_permissions}
  def outranks(%__MODULE__{actor: :operator}, _guild, _other), do: :ok

  def outranks(%__MODULE__{member: member}, guild, other) do
    if Hierarchy.outranks?(guild, member, other), do: :ok, else: {:error, :missing_permissions}
  end

  @doc "Whether the role is below the actor's own highest one."
  @spec above(t(), Guild.t(), Role.t()) :: :ok | {:error, :missing_permissions}
  def above(%__MODULE__{actor: :operator}, _guild, _role), do: :ok

  def above(%__MODULE__{member: member}, guild, role) do
    if Hierarchy.above?(guild, member, role), do: :ok, else: {:error, :missing_permissions}
  end

  @doc "Whether every bit that changes is one that the actor has himself."
  @spec own_bits(t(), [{from :: Permissions.mask(), to :: Permissions.mask()}]) ::
          :ok | {:error, :missing_permissions}
  def own_bits(%__MODULE__{permissions: own}, changes) do
    if Enum.all?(changes, fn {from, to} -> Hierarchy.may_change?(own, from, to) end),
      do: :ok,
      else: {:error, :missing_permissions}
  end

  @doc """
  The changes that putting an overwrite in the place of another one makes, as bits.

  An overwrite that becomes one for another kind of target takes all its bits from the old target.
  """
  @spec overwrite_changes(Overwrite.t() | nil, Overwrite.t() | nil) ::
          [{Permissions.mask(), Permissions.mask()}]
  def overwrite_changes(%Overwrite{type: was} = old, %Overwrite{type: is} = new) when was != is do
    overwrite_changes(old, nil) ++ overwrite_changes(nil, new)
  end

  def overwrite_changes(old, new) do
    {old_allow, old_deny} = bits(old)
    {new_allow, new_deny} = bits(new)
    [{old_allow, new_allow}, {old_deny, new_deny}]
  end

  defp bits(nil), do: {0, 0}
  defp bits(%Overwrite{allow: allow, deny: deny}), do: {allow, deny}

  @doc "Whether the actor is the guild's owner, an administrator or the operator."
  @spec administrator?(t()) :: boolean()
  def administrator?(%__MODULE__{permissions: permissions}),
    do: (permissions &&& @administrator) != 0

  @doc "What a member may do in a channel of the guild; a participant, in a direct message channel."
  @spec permissions(State.t(), Member.t() | nil, Channel.t(), now :: integer()) ::
          Permissions.mask()
  def permissions(%State{guild: %Guild{kind: :dm}}, _member, _channel, _now), do: Rights.direct()

  def permissions(%State{rights: rights}, member, channel, now) do
    Permissions.in_channel(rights, channel.id, Rights.member(member, now))
  end

  defp identify(_state, %Request{actor: :operator}) do
    {:ok, %__MODULE__{actor: :operator, permissions: Permissions.all()}}
  end

  defp identify(%State{guild: %Guild{kind: :guild}} = state, %Request{actor: user_id} = request) do
    case Facts.fetch(state, request, {:member, user_id}) do
      {:ok, nil} ->
        {:error, :missing_access}

      {:ok, %Member{user: user} = member} ->
        {:ok, %__MODULE__{actor: user_id, permissions: 0, user: user, member: member}}

      {:need, keys} ->
        {:need, keys}
    end
  end

  defp identify(%State{guild: %Guild{kind: :dm}} = state, %Request{actor: user_id} = request) do
    [channel] = Map.values(state.guild.channels)

    with true <- user_id in channel.recipients,
         {:ok, %User{} = user} <- Facts.fetch(state, request, {:user, user_id}) do
      {:ok, %__MODULE__{actor: user_id, permissions: 0, user: user}}
    else
      {:need, keys} -> {:need, keys}
      _no_participant -> {:error, :missing_access}
    end
  end

  defp guild_permissions(_state, %{actor: :operator}, _now), do: Permissions.all()

  defp guild_permissions(state, %{member: member}, now) do
    {_id, _roles, timed_out?} = member = Rights.member(member, now)
    base = Permissions.base(state.rights, member)
    if timed_out? and (base &&& @administrator) == 0, do: base &&& @in_a_timeout, else: base
  end

  defp channel_permissions(_state, %{actor: :operator}, _channel, _now), do: Permissions.all()

  defp channel_permissions(state, %{member: member}, channel, now) do
    permissions(state, member, channel, now)
  end
end
