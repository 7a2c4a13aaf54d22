defmodule Guildhall.Guild.State do
  @moduledoc false

  # What a room knows, as a value: the durable guild and what is seen of it. Commands are decided on
  # it (`Guildhall.Guild.Command`), and `apply/2` takes in what a plan changes once its rows are durable.
  #
  # `version` counts the changes of what GUILD_CREATE shows without members, `epoch` is the room's
  # lease, and messages are placed in stream 0: a room is one stream today.

  alias Guildhall.Guild.{
    Audience,
    Posts,
    Presences,
    Recent,
    Request,
    Roster,
    Sidebar,
    Snapshot,
    Voices
  }

  alias Guildhall.Model.{Channel, Guild, GuildSize, Member, Message, Rights, Role, User}
  alias Guildhall.Permissions

  @small 250

  @enforce_keys [:id, :guild, :recent, :roster]
  defstruct [
    :id,
    :guild,
    :recent,
    :roster,
    epoch: 0,
    version: 0,
    users: [],
    posts: %Posts{},
    audience: %Audience{},
    presences: %Presences{},
    voices: %Voices{},
    snapshot: %Snapshot{},
    sidebar: %Sidebar{},
    rights: nil,
    size: nil
  ]

  @type t :: %__MODULE__{
          id: pos_integer(),
          guild: Guild.t(),
          recent: Recent.t(),
          roster: Roster.t(),
          # Without the lease a room reads, and refuses to write.
          epoch: non_neg_integer() | nil,
          version: non_neg_integer(),
          # Of a direct message channel, as they were when a session attached.
          users: [User.t()],
          posts: Posts.t(),
          audience: Audience.t(),
          presences: Presences.t(),
          voices: Voices.t(),
          snapshot: Snapshot.t(),
          sidebar: Sidebar.t(),
          # Follows the guild's roles, channels and owner; none in a direct message channel.
          rights: Permissions.t() | nil,
          # Of the guild as it is durable; none of a direct message channel.
          size: GuildSize.t() | nil
        }

  @typedoc "What became true with the write of an index."
  @type change ::
          {:settings, map()}
          | {:role, Role.t()}
          | {:role_deleted, pos_integer()}
          | {:channel, Channel.t()}
          | {:channel_deleted, pos_integer()}
          | {:count, non_neg_integer()}
          | {:member, Member.t()}
          | {:member_removed, pos_integer()}
          | {:row, Recent.key(), term()}
          | {:posted, Message.t()}
          | {:nonce, Posts.nonce(), Message.t()}
          | {:slow, channel_id :: pos_integer(), user_id :: pos_integer()}

  @spec new(Guild.t(), keyword()) :: t()
  def new(%Guild{} = guild, options \\ []) do
    %__MODULE__{
      id: guild.id,
      guild: guild,
      rights: rights(guild),
      size: size(guild),
      epoch: Keyword.get(options, :epoch, 0),
      recent: Recent.new(Keyword.get(options, :recent, 1_024)),
      roster: Roster.new(Keyword.get(options, :members, 4_096))
    }
  end

  @doc "Up to how many members all of them are known to the room of a guild with sessions."
  @spec small() :: pos_integer()
  def small, do: @small

  @doc "Keeps the members whose rows a command brought along, if those are current."
  @spec remember(t(), Request.t()) :: t()
  def remember(state, %Request{facts: facts}) when facts == %{}, do: state

  def remember(%__MODULE__{recent: recent} = state, %Request{facts: facts, stamp: stamp}) do
    if Recent.current?(recent, stamp) do
      members = for {{:member, _id} = key, %Member{} = member} <- facts, do: {key, member}
      members = for {key, member} <- members, Recent.fetch(recent, key) == :error, do: member

      %{
        state
        | roster: Enum.reduce(members, state.roster, &Roster.remember(&2, known(state, &1)))
      }
    else
      state
    end
  end

  @doc "The member without roles that were deleted: they are taken from a row when it is read."
  @spec known(t(), Member.t()) :: Member.t()
  def known(%__MODULE__{guild: %{roles: roles}}, %Member{} = member) do
    if Enum.all?(member.roles, &is_map_key(roles, &1)),
      do: member,
      else: %{member | roles: Enum.filter(member.roles, &is_map_key(roles, &1))}
  end

  @doc "Takes the guild from the store. Members who are not online are forgotten."
  @spec reload(t(), Guild.t()) :: t()
  def reload(%__MODULE__{roster: roster} = state, %Guild{} = guild) do
    roster = %{Roster.new(roster.limit) | online: roster.online, gone: roster.gone}
    gone = Map.keys(state.guild.roles) -- Map.keys(guild.roles)
    roster = Enum.reduce(gone, roster, &Roster.forget_role(&2, &1))
    new_version(%{state | guild: guild, rights: rights(guild), size: size(guild), roster: roster})
  end

  @doc "Writes down what changed of the sessions, for the process that keeps this state."
  @spec settle(t()) :: t()
  def settle(%__MODULE__{} = state) do
    %{
      state
      | audience: Audience.settle(state.audience),
        presences: Presences.settle(state.presences),
        roster: Roster.settle(state.roster)
    }
  end

  @doc "Takes in what the write with this index changed."
  @spec apply(t(), [change()], index :: non_neg_integer(), now :: integer()) :: t()
  def apply(state, changes, index, now) do
    Enum.reduce(changes, state, &(&2 |> resize(&1) |> change(&1, index, now)))
  end

  defp resize(%__MODULE__{size: nil} = state, _change), do: state

  defp resize(%__MODULE__{size: size, guild: guild} = state, {kind, _value} = change)
       when kind in [:settings, :role, :role_deleted, :channel, :channel_deleted],
       do: %{state | size: GuildSize.change(size, guild, change)}

  defp resize(state, _change), do: state

  defp change(state, {:settings, changes}, _index, _now) do
    state = %{state | guild: Map.merge(state.guild, changes)}

    case changes do
      %{owner_id: id} ->
        state |> entitle({:owner, id}) |> sidebar(&Sidebar.rights/1) |> new_version()

      %{} ->
        new_version(state)
    end
  end

  defp change(state, {:role, role}, _index, _now) do
    roles = Map.put(state.guild.roles, role.id, role)

    %{state | guild: %{state.guild | roles: roles}}
    |> entitle({:role, role})
    |> sidebar(&Sidebar.role(&1, state.guild.roles[role.id], role))
    |> new_version()
  end

  defp change(state, {:role_deleted, role_id}, _index, _now) do
    roles = Map.delete(state.guild.roles, role_id)

    %{
      state
      | guild: %{state.guild | roles: roles},
        roster: Roster.forget_role(state.roster, role_id)
    }
    |> entitle({:role_deleted, role_id})
    |> sidebar(&Sidebar.rights/1)
    |> new_version()
  end

  defp change(state, {:channel, channel}, _index, _now) do
    channels = Map.put(state.guild.channels, channel.id, channel)

    %{state | guild: %{state.guild | channels: channels}}
    |> entitle({:channel, channel})
    |> sidebar(&Sidebar.channel(&1, state.guild, state.guild.channels[channel.id], channel))
    |> new_version()
  end

  defp change(state, {:channel_deleted, channel_id}, _index, _now) do
    channels = Map.delete(state.guild.channels, channel_id)
    posts = Posts.forget_channel(state.posts, channel_id)

    %{state | guild: %{state.guild | channels: channels}, posts: posts}
    |> entitle({:channel_deleted, channel_id})
    |> sidebar(&Sidebar.channel_deleted(&1, channel_id))
    |> new_version()
  end

  defp change(state, {:count, count}, _index, _now) do
    roster = if count > @small, do: Roster.incomplete(state.roster), else: state.roster
    %{state | guild: %{state.guild | member_count: count}, roster: roster}
  end

  defp change(state, {:member, member}, index, _now) do
    recent = Recent.put(state.recent, {:member, member.user.id}, member, index)
    state = %{state | recent: recent, roster: Roster.update(state.roster, member)}
    sidebar(state, &Sidebar.note(&1, {:user, member.user.id}))
  end

  defp change(state, {:member_removed, user_id}, index, _now) do
    recent = Recent.put(state.recent, {:member, user_id}, nil, index)
    state = %{state | recent: recent, roster: Roster.remove(state.roster, user_id)}
    sidebar(state, &(&1 |> Sidebar.note({:user, user_id}) |> Sidebar.cut({:user, user_id})))
  end

  defp change(state, {:row, key, value}, index, _now) do
    %{state | recent: Recent.put(state.recent, key, value, index)}
  end

  defp change(state, {:posted, message}, _index, _now) do
    %{state | posts: Posts.put(state.posts, message)}
  end

  defp change(state, {:nonce, nonce, message}, _index, now) do
    %{state | posts: Posts.put_nonce(state.posts, nonce, message, now)}
  end

  defp change(state, {:slow, channel_id, user_id}, _index, now) do
    %{state | posts: Posts.put_poster(state.posts, channel_id, user_id, now)}
  end

  defp rights(%Guild{kind: :guild} = guild), do: Rights.new(guild)
  defp rights(%Guild{kind: :dm}), do: nil

  defp size(%Guild{kind: :guild} = guild), do: GuildSize.of(guild)
  defp size(%Guild{kind: :dm}), do: nil

  defp entitle(%{rights: nil} = state, _change), do: state
  defp entitle(state, change), do: %{state | rights: Rights.change(state.rights, change)}

  @doc "Changes what is known of the sidebar."
  @spec sidebar(t(), (Sidebar.t() -> Sidebar.t())) :: t()
  def sidebar(%__MODULE__{sidebar: sidebar} = state, change) do
    %{state | sidebar: change.(sidebar)}
  end

  defp new_version(state), do: %{state | version: state.version + 1}
end
