defmodule Guildhall.Guild do
  @schema [
    instance: [type: :atom, required: true, doc: "The node's name."],
    idle_timeout: [
      type: :timeout,
      default: 300_000,
      doc: "A room without sessions stops when nothing was asked of it for this long."
    ],
    hibernate_after: [
      type: :timeout,
      default: 10_000,
      doc: "A room gives its garbage back after this long without a message."
    ],
    max_in_flight: [
      type: :pos_integer,
      default: 4_096,
      doc: "How many commands of a room may wait for the store; others are `:overloaded`."
    ],
    mailbox_limit: [
      type: :pos_integer,
      default: 10_000,
      doc: "How many commands may wait for a room; others are `:overloaded`."
    ],
    attach_limit: [
      type: :pos_integer,
      default: 10_000,
      doc:
        "How many sessions may wait for a room to attach them; others ask again, later each time."
    ],
    signal_limit: [
      type: :pos_integer,
      default: 10_000,
      doc:
        "How many presences, voice states and looks at member lists may wait for a room; sessions " <>
          "send others again, as they are by then."
    ],
    list_bytes: [
      type: :pos_integer,
      default: 268_435_456,
      doc: "Native memory that a member list may take; a larger one is not shown."
    ],
    max_lists: [
      type: :pos_integer,
      default: 64,
      doc: "How many member lists a guild may have; those of more channels are not shown."
    ],
    max_watchers: [
      type: :pos_integer,
      default: 100_000,
      doc: "How many sessions may look at a guild's member lists; others are shown none."
    ]
  ]

  @moduledoc """
  Rooms: guilds and direct message channels, a process for each that is in use.

  A room is the only writer of what is in it. It decides who may do what, gives every event its
  place, writes it, and, when it is durable, answers and tells the relays. It starts with the first
  who wants something of it, and stops when nobody does. See `lib/guildhall/guild/README.md`.

  `run/4` takes the id of the acting user, or `:operator`, who may do everything, and answers
  `{:ok, result}`, `:ok` where there is nothing to say, or `{:error, reason}`.

  | command | result |
  | ------- | ------ |
  | `{:create_message, channel_id, attrs}`, `{:edit_message, channel_id, id, attrs}` | the message |
  | `{:delete_message, channel_id, id}`, `{:delete_messages, channel_id, ids}` | |
  | `{:add_reaction, channel_id, id, emoji}`, `{:remove_reaction, channel_id, id, emoji, user_id}` | |
  | `{:clear_reactions, channel_id, id, emoji}`, emoji or `nil` for all | |
  | `{:pin, channel_id, id}`, `{:unpin, channel_id, id}`, `{:typing, channel_id}` | |
  | `{:update_guild, attrs}` | the guild |
  | `{:delete_guild}` | |
  | `{:create_channel, attrs}`, `{:update_channel, id, attrs}`, `{:delete_channel, id}` | the channel |
  | `{:move_channels, [%{id: id, position: n, parent_id: id}]}` | |
  | `{:put_overwrite, channel_id, overwrite}`, `{:delete_overwrite, channel_id, id}` | |
  | `{:create_role, attrs}`, `{:update_role, id, attrs}` | the role |
  | `{:move_roles, [%{id: id, position: n}]}` | all roles |
  | `{:delete_role, id}` | |
  | `{:add_member, user_id, attrs}` | the member, `:exists` if there is one |
  | `{:update_member, user_id, attrs}` | the member |
  | `{:add_role, user_id, role_id}`, `{:remove_role, user_id, role_id}` | the member |
  | `{:update_user, user}`, for the operator: what the guild has copied of a user | the member |
  | `{:remove_member, user_id}`, `{:leave}`, `{:ban, user_id, attrs}`, `{:unban, user_id}` | |
  | `{:get}` | the guild, with the channels that the actor sees |
  | `{:channels}`, `{:channel, id}` | channels that the actor sees |
  | `{:member, user_id}` | the member |
  | `{:counts}` | `%{members: n, online: n}` |
  | `{:authorize, channel_id, permissions}`, `nil` for the guild | `%{channel: c, permissions: mask, member: m}` |

  `attrs` are maps with the model's field names, of which those that are there count. Beside them:

    * a message has `:content`, `:tts`, `:embeds`, `:attachments`, `:components`, `:sticker_ids`,
      `:flags`, `:nonce`, `:enforce_nonce`, `:allowed_mentions` (`t:Guildhall.Model.Mentions.allowed/0`)
      and `:message_reference` (`%{type: 0, message_id: id, channel_id: id, fail_if_not_exists: true}`)
    * a channel has `:overwrites`, a list; a move may have `:lock_permissions`
    * a member has `:nick`, `:roles`, `:mute`, `:deaf`, `:timeout_until`, `:flags`, and `:channel_id`
      to move him to another voice channel; a ban `:reason` and `:delete_message_seconds`
    * an emoji is `%{id: nil, name: "👍"}`

  ## Reasons

  `:unknown_guild` `:unknown_channel` `:unknown_message` `:unknown_member` `:unknown_role`
  `:unknown_user` `:unknown_ban` `:unknown_emoji` `:unknown_overwrite` `:missing_access`
  `:missing_permissions` `:direct_channel` `:cannot_edit_other` `:system_message` `:empty_message` `:non_text_channel`
  `:channel_type` `:invalid_role` `:invalid_recipient` `:reaction_limit` `:role_limit` `:channel_limit`
  `:pin_limit` `:bulk_count` `:too_old` `:banned` `:not_in_voice` `{:slowmode, milliseconds}`
  `{:throttled, milliseconds}`
  `{:invalid, tree}` (`t:Guildhall.Model.Form.tree/0`), and, when it is not the command's fault,
  `:overloaded`, `:storage_full`, `:corrupt` (a row is damaged) and `:unavailable`. After the last one it is
  open what was done.

  ## Sessions

  `attach/5`, `set_presence/5`, `set_voice/5` and `watch/5` are for sessions. The room does not answer them, but
  the last three return `{:error, :overloaded}` if too many wait for the room: the session must send what is
  true then once more, later. A session that may not attach gets `{Guildhall.Guild, :refused, room_id, reason}`. One that looks at member lists gets
  `{Guildhall.Guild, :watched, room_id, pid}`, and must look again when that process dies, or
  `{Guildhall.Guild, :unwatched, room_id}` if it must do so already.
  """

  alias Guildhall.Guild.{
    Aftermath,
    Copies,
    Facts,
    Founding,
    Gate,
    Importing,
    Reads,
    Request,
    Rooms,
    Sidebar,
    Summaries
  }

  alias Guildhall.Guild.Supervisor, as: Tree
  alias Guildhall.{Instance, Options}
  alias Guildhall.Model.{Ban, Channel, Guild, Member, Message, Presence, User}
  alias Guildhall.Relay.Subscriber

  @typedoc "Who acts: a user, or the operator of the node."
  @type actor :: pos_integer() | :operator
  @type room_id :: pos_integer()
  @typedoc "See the table above."
  @type command :: tuple()
  @typedoc "See the list above."
  @type reason :: atom() | {:slowmode | :throttled, pos_integer()} | {:invalid, map()}
  @type result(value) :: {:ok, value} | {:error, reason()}
  @typedoc "What is shown of a user who is not offline."
  @type presence :: %{
          status: :online | :idle | :dnd,
          activities: [map()],
          client_status: %{optional(:desktop | :mobile | :web) => :online | :idle | :dnd}
        }

  @doc """
  Starts what rooms run under.

  #{Options.docs(@schema)}
  """
  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options), do: options |> Options.validate!(@schema) |> Tree.start_link()

  @doc false
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options) do
    %{
      id: {__MODULE__, options[:instance]},
      start: {__MODULE__, :start_link, [options]},
      type: :supervisor
    }
  end

  @doc """
  Founds a guild for its owner, who must exist: `attrs` are a guild's fields, `:owner_id` and
  `:name` among them.

  It begins with the @everyone role, a text channel and a voice channel, and its owner as the only
  member.
  """
  @spec create(Instance.t(), map()) :: result(Guild.t())
  def create(instance, attrs), do: Founding.guild(instance, attrs)

  @doc "Returns the direct message channel of two users, which is made at first use."
  @spec open_dm(Instance.t(), pos_integer(), pos_integer()) :: result(Channel.t())
  def open_dm(instance, user_id, recipient_id) do
    Founding.direct(instance, user_id, recipient_id)
  end

  @doc "Returns the room that a channel belongs to: its guild, or itself if it is for direct messages."
  @spec room(Instance.t(), channel_id :: pos_integer()) :: result(room_id())
  def room(instance, channel_id), do: Reads.room(instance, channel_id)

  @doc "Has the room do something, and waits for it. The room is started if it does not run."
  @spec run(Instance.t(), room_id(), actor(), command()) :: :ok | result(term())
  def run(instance, room_id, actor, command) do
    result = Rooms.run(instance, room_id, actor, command)
    Aftermath.clean(instance, room_id, command, result)
  end

  @doc "Returns a message that the viewer may read, with reactions as he sees them."
  @spec message(Instance.t(), room_id(), {channel_id :: pos_integer(), pos_integer()}, actor()) ::
          result(Message.t())
  def message(instance, room_id, {channel_id, message_id}, viewer) do
    Reads.message(instance, room_id, {channel_id, message_id}, viewer)
  end

  @doc """
  Returns a page of a channel, newest first: `:limit` messages `:before`, `:after` or `:around` an id.

  It is empty for someone who sees the channel but may not read its history.
  """
  @spec messages(Instance.t(), room_id(), channel_id :: pos_integer(), actor(), keyword()) ::
          result([Message.t()])
  def messages(instance, room_id, channel_id, viewer, bounds \\ []) do
    Reads.messages(instance, room_id, channel_id, viewer, bounds)
  end

  @doc "Returns a channel's pinned messages and when each was pinned, latest first."
  @spec pins(Instance.t(), room_id(), channel_id :: pos_integer(), actor()) ::
          result([{pinned_at :: integer(), Message.t()}])
  def pins(instance, room_id, channel_id, viewer) do
    Reads.pins(instance, room_id, channel_id, viewer)
  end

  @doc "Returns users who reacted to a message with an emoji, by id: `:limit` of them `:after` an id."
  @spec reactors(
          Instance.t(),
          room_id(),
          {channel_id :: pos_integer(), message_id :: pos_integer(), Message.emoji()},
          actor(),
          keyword()
        ) :: result([User.t()])
  def reactors(
        instance,
        room_id,
        {_channel_id, _message_id, _emoji} = place,
        viewer,
        bounds \\ []
      ) do
    Reads.reactors(instance, room_id, place, viewer, bounds)
  end

  @doc """
  Returns a guild's members by id: `:limit` (1..1000) of them `:after` an id.

  Whoever asks for members, here and below, must be known to be one.
  """
  @spec members(Instance.t(), guild_id :: pos_integer(), keyword()) :: result([Member.t()])
  def members(instance, guild_id, bounds), do: Reads.members(instance, guild_id, bounds)

  @doc "Returns up to `limit` members one of whose names begins with the query, by that name."
  @spec search_members(Instance.t(), guild_id :: pos_integer(), String.t(), 1..1_000) ::
          result([Member.t()])
  def search_members(instance, guild_id, query, limit) do
    Reads.search(instance, guild_id, query, limit)
  end

  @doc "Returns those of the users who are members."
  @spec find_members(Instance.t(), guild_id :: pos_integer(), [pos_integer()]) ::
          result([Member.t()])
  def find_members(instance, guild_id, user_ids), do: Reads.find(instance, guild_id, user_ids)

  @doc "Returns those of the users who are not offline, and what is shown of them."
  @spec presences(Instance.t(), guild_id :: pos_integer(), [pos_integer()]) ::
          result(%{optional(user_id :: pos_integer()) => presence()})
  def presences(instance, guild_id, user_ids) do
    if Rooms.running?(instance, guild_id),
      do: Rooms.run(instance, guild_id, :operator, {:presences, user_ids}),
      else: {:ok, %{}}
  end

  @doc "Returns what a list shows of those of the guilds that the user is a member of. It starts no room."
  @spec summaries(Instance.t(), user_id :: pos_integer(), [pos_integer()]) ::
          result([
            %{
              guild: Guild.t(),
              permissions: non_neg_integer(),
              members: non_neg_integer(),
              online: non_neg_integer()
            }
          ])
  def summaries(instance, user_id, guild_ids), do: Summaries.read(instance, user_id, guild_ids)

  @doc """
  Brings the copies of changed users in their guilds up to date, in the background.

  `Guildhall.User.outdated/3` names them; none is lost if the node dies.
  """
  @spec update_copies(Instance.t()) :: :ok
  def update_copies(instance), do: Copies.wake(instance)

  @doc "Returns a guild's bans by user id: `:limit` of them `:before` or `:after` an id."
  @spec bans(Instance.t(), guild_id :: pos_integer(), actor(), keyword()) :: result([Ban.t()])
  def bans(instance, guild_id, viewer, bounds \\ []) do
    Reads.bans(instance, guild_id, viewer, bounds)
  end

  @doc "Returns the ban of a user."
  @spec ban(Instance.t(), guild_id :: pos_integer(), actor(), user_id :: pos_integer()) ::
          result(Ban.t())
  def ban(instance, guild_id, viewer, user_id), do: Reads.ban(instance, guild_id, viewer, user_id)

  @doc """
  Attaches the calling session: it is told of the guild, and of everything that happens from then on.

  The room fills in the subscriber's member. A session that is attached already stays as it is: its relay
  passes over what comes again.
  """
  @spec attach(
          Instance.t(),
          room_id(),
          Subscriber.t(),
          Presence.t(),
          large_threshold :: pos_integer()
        ) ::
          :ok
  def attach(instance, room_id, %Subscriber{user_id: user_id} = subscriber, presence, threshold) do
    equip = fn gate ->
      stamp = Gate.released(gate)

      with {:ok, facts} <- Facts.read(instance, room_id, [{:member, user_id}]) do
        request = %Request{actor: user_id, command: {:attach}, facts: facts, stamp: stamp}
        {:ok, {:attach, subscriber, presence, threshold, request}}
      end
    end

    with {:error, reason} <- Rooms.attach(instance, room_id, equip) do
      send(subscriber.pid, {__MODULE__, :refused, room_id, reason})
      :ok
    end
  end

  @doc "Says how the user of an attached session is."
  @spec set_presence(Instance.t(), room_id(), pos_integer(), String.t(), Presence.t()) ::
          :ok | {:error, :overloaded}
  def set_presence(instance, room_id, user_id, session_id, %Presence{} = presence) do
    Rooms.signal(instance, room_id, {:presence, user_id, session_id, presence})
  end

  @doc """
  Puts the user of an attached session into a voice channel, or takes him out (`channel_id: nil`).

  `attrs` may have `:self_mute`, `:self_deaf` and `:self_video`. What he may not do is not done.
  """
  @spec set_voice(Instance.t(), guild_id :: pos_integer(), pos_integer(), String.t(), map()) ::
          :ok | {:error, :overloaded}
  def set_voice(instance, guild_id, user_id, session_id, %{channel_id: _} = attrs) do
    Rooms.signal(instance, guild_id, {:voice, user_id, session_id, attrs})
  end

  @doc """
  Shows an attached session windows of the member lists of some channels, and of no others.

  It is sent GUILD_MEMBER_LIST_UPDATE for those that its user sees. `channels` are numbers of windows of
  100 by channel, at most 15 of a list.
  """
  @spec watch(Instance.t(), guild_id :: pos_integer(), pos_integer(), String.t(), %{
          optional(channel_id :: pos_integer()) => [non_neg_integer()]
        }) :: :ok | {:error, :overloaded}
  def watch(instance, guild_id, user_id, session_id, channels) do
    Rooms.signal(instance, guild_id, {:watch, user_id, session_id, channels})
  end

  @doc """
  Writes members straight into the store, while the guild's room does not run (else `:running`).

  Nobody is told, and who is a member already stays as he is. `progress` is called with how many
  were added so far. Returns how many were.
  """
  @spec import_members(
          Instance.t(),
          guild_id :: pos_integer(),
          Enumerable.t(),
          (non_neg_integer() -> term())
        ) ::
          result(non_neg_integer())
  def import_members(instance, guild_id, members, progress \\ fn _added -> :ok end) do
    Importing.run(instance, guild_id, members, progress)
  end

  @doc "Says how many rooms run, how many member lists they show, and to how many sessions."
  @spec stats(Instance.t()) :: %{
          rooms: non_neg_integer(),
          lists: non_neg_integer(),
          watchers: non_neg_integer()
        }
  def stats(instance) do
    {lists, watchers} = Sidebar.Server.size(instance)
    %{rooms: Rooms.count(instance), lists: lists, watchers: watchers}
  end
end
