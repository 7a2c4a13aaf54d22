defmodule Guildhall.Audience do
  @schema [
    id: [
      type: :non_neg_integer,
      required: true,
      doc: "The guild's id, and that of its role @everyone."
    ],
    owner_id: [
      type: {:or, [:non_neg_integer, {:in, [nil]}]},
      default: nil,
      doc: "The owner, who sees everything."
    ],
    roles: [type: {:list, :any}, default: [], doc: "Roles, as `{id, permissions}`."],
    channels: [type: {:list, :any}, default: [], doc: "Channels, as in `t:channel/0`."],
    max_bytes: [
      type: :pos_integer,
      default: 1_073_741_824,
      doc: "Native memory that it may take; a change that would pass it is refused."
    ]
  ]

  alias Guildhall.Audience.{Item, Pieces, Session}
  alias Guildhall.{Native, Options, Permissions}
  alias Guildhall.Outbox.Queue

  @moduledoc """
  The sessions of a room, and who of them gets an event.

  An audience knows the room's roles, channels and overwrites, and for each session its user, roles and
  intents. It answers who sees a channel, for a million sessions in microseconds, and puts events
  straight into the outboxes of those who get them.

      iex> alias Guildhall.{Audience, Outbox, Permissions}
      iex> alias Guildhall.Audience.{Item, Session}
      iex> view = Permissions.bit(:view_channel)
      iex> secret = {11, :text, [{1, :role, 0, view}, {2, :role, view, 0}]}
      iex> {:ok, audience} =
      ...>   Audience.new(id: 1, roles: [{1, view}, {2, 0}], channels: [{10, :text, []}, secret])
      iex> outbox = Outbox.new()
      iex> session = %Session{key: 1, user_id: 5, roles: [2], intents: 512, outbox: outbox}
      iex> :ok = Audience.attach(audience, session)
      iex> :ok = Audience.attach(audience, %Session{key: 2, user_id: 6, intents: 512})
      iex> Audience.visible?(audience, 2, 11)
      false
      iex> item = %Item{
      ...>   to: {:channel, 11},
      ...>   intents: 512,
      ...>   body: Outbox.event("MESSAGE_CREATE", ~s({"id":"1"}))
      ...> }
      iex> {1, [pid], []} = Audience.dispatch(audience, [item])
      iex> pid == self() and Outbox.info(outbox).pending_events == 1
      true

  An audience is **mutable** and lives outside the BEAM heap. Any process may use it at any time: reads
  and dispatches run beside each other, a change holds them up for microseconds. What belongs together,
  a change and the events that tell of it, is for one process to keep in order: a session that comes or
  goes while a dispatch of another process goes on may or may not get its events.

  **With outboxes or without.** `dispatch/3` serves sessions that have a `Guildhall.Outbox`. A service
  with its own way to its clients asks `recipients/2` for the keys of those who get an event.

  **Packed ids.** Ids are unsigned 64-bit integers. Where many come at once they are packed: a binary of
  8 bytes each, little-endian (`for <<id::little-64 <- packed>>, do: id`).

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `attach/2`, `detach/2` | `O(roles + classes)`, see below | normal |
  | `follow/3` | `O(topics)` | normal |
  | `change/2` | the same for each change | normal, in pieces of 0.3 ms |
  | `change/3` | that, and `O(sessions / 64)` a class if roles or overwrites change | the same |
  | `dispatch/3` | `O(sessions / 64 + deliveries)` an item | normal, in pieces of 0.3 ms or 2,300 deliveries, and at least 64 sessions |
  | `recipients/2` | `O(sessions / 64 + recipients)` | normal, in pieces of some 40,000 |
  | `count/2` | `O(sessions / 64)` | normal, in pieces of 6 million sessions |
  | `moved/2` | `O(channels)`, and `O(sessions / 64)` a class | normal, in pieces |
  | `replace/2` | `change/2` of all roles and channels, those that were and those that come | the same |
  | `visible?/3` | `O(overwrites)` | normal |
  | `set_passive/3`, `outbox/2` | constant | normal |
  | `sessions/2`, `size/1`, `bytes/1`, `memory/0` | constant | normal |

  Channels that the same roles and members see are of one *class*, whose set of sessions is worked out
  when it is first asked for and then kept up to date: `O(overwrites * sessions / 64)` for the former, a
  bit for the latter. A role that begins or ceases to have VIEW_CHANNEL or ADMINISTRATOR makes that
  happen anew.

  **Small rooms.** As long as all seats are among the first 64, sets are single words and an item is
  decided at once, without memory of its own. A dispatch of one item costs less than
  `Guildhall.Outbox.push_many/2` to a list of the sessions from some ten of these on, and 0.1 us more with
  fewer, which is less than it takes to go through such a list.

  **Limits.** 4,096 roles, 4,096 classes, 65,536 channels, and 65,536 overwrites that bear on
  VIEW_CHANNEL (`{:error, :too_many}`); 1,000 overwrites a channel, 4,096 roles a member, 2,000 users
  named by an item, 64 topics a session (`ArgumentError`); `max_bytes` of native memory
  (`{:error, :memory_limit}`). A session takes some 120 bytes, and a bit in the set of each role, class
  and intent; a room of two takes 600 bytes.
  """

  @opaque t :: Native.audience()
  @typedoc "Who saw some channels before a change."
  @opaque moves :: Native.moves()
  @type key :: non_neg_integer()
  @type id :: non_neg_integer()
  @type topic :: binary()
  @type channel :: Permissions.channel()
  @type change ::
          {:owner, id() | nil}
          | {:role, id(), permissions :: non_neg_integer()}
          | {:role_deleted, id()}
          | {:channel, channel()}
          | {:channel_deleted, id()}
          | {:member, user_id :: id(), roles :: Item.ids()}
  @type refusal :: {:error, :memory_limit | :too_many}

  @doc """
  Makes an audience without sessions.

  #{Options.docs(@schema)}
  """
  @spec new(keyword()) :: {:ok, t()} | refusal()
  def new(options) do
    options = Options.validate!(options, @schema)
    audience = Native.audience_new(options[:id], options[:owner_id], options[:max_bytes])
    with :ok <- change(audience, puts(options)), do: {:ok, audience}
  end

  defp puts(options) do
    roles = Enum.map(options[:roles], fn {id, permissions} -> {:role, id, permissions} end)
    roles ++ Enum.map(options[:channels], &{:channel, &1})
  end

  @doc """
  Takes over another owner, roles and channels, as `new/1` takes them, in the place of all that are here.

  The sessions stay, and so do their roles.
  """
  @spec replace(t(), keyword()) :: :ok | refusal()
  def replace(audience, options) do
    options = Options.validate!(options, @schema)
    {roles, channels} = Native.audience_ids(audience)
    deletions = for <<id::little-64 <- roles>>, do: {:role_deleted, id}
    deletions = deletions ++ for <<id::little-64 <- channels>>, do: {:channel_deleted, id}
    everyone = {:role_deleted, options[:id]}
    change(audience, [{:owner, options[:owner_id]}, everyone | deletions] ++ puts(options))
  end

  @doc "Puts a session in, in the place of the one that its key may stand for."
  @spec attach(t(), Session.t()) :: :ok | refusal()
  def attach(audience, %Session{key: key, user_id: user_id} = session) do
    %{intents: intents, shard: shard, passive?: passive?, roles: roles} = session
    session_of = {key, user_id, intents, shard, passive?}
    pid = session.pid || self()

    with {:ok, _new?} <- Native.audience_attach(audience, session_of, roles, session.outbox, pid),
         do: :ok
  end

  @doc "Takes a session out. Returns whether it was here."
  @spec detach(t(), key()) :: boolean()
  def detach(audience, key), do: Native.audience_detach(audience, key)

  @doc "Makes a session passive, or active again. Returns whether it is here."
  @spec set_passive(t(), key(), boolean()) :: boolean()
  def set_passive(audience, key, passive?) when is_boolean(passive?) do
    Native.audience_set_passive(audience, key, passive?)
  end

  @doc """
  Lets a session follow topics, in the place of those that it follows. Returns whether it is here.

  A topic is a name of the caller's own, a binary of at most 64 bytes; a session follows at most 64. An
  item goes to the followers of one with `to: {:topic, topic}`. A session that is attached anew follows
  nothing.
  """
  @spec follow(t(), key(), [topic()]) :: boolean() | refusal()
  def follow(audience, key, topics) do
    with {:ok, here?} <- Native.audience_follow(audience, key, topics), do: here?
  end

  @doc """
  Makes changes in their order.

  A member's roles are replaced for all sessions of the user. A channel is put anew, whether it was here
  or not. The first change that is refused ends it: those before it are made.
  """
  @spec change(t(), [change()]) :: :ok | refusal()
  def change(_audience, []), do: :ok

  def change(audience, changes) do
    with {:ok, rest} <- Native.audience_change(audience, changes), do: change(audience, rest)
  end

  @doc """
  Makes changes, and remembers who saw some channels before.

  The result tells `dispatch/3` for whom a channel was `:gained`, `:lost` or `:kept`:

      {:ok, moves} = Audience.change(audience, [{:member, 5, []}], [11])

      Audience.dispatch(audience, [
        %Item{to: {:gained, moves, 11}, body: channel_create},
        %Item{to: {:lost, moves, 11}, body: channel_delete}
      ])

  What is gained is compared with what is seen when it is dispatched. The result takes a bit a session
  for each class of channels until it is garbage.
  """
  @spec change(t(), [change()], channel_ids :: Item.ids()) :: {:ok, moves()} | refusal()
  def change(audience, changes, channel_ids) do
    {moves, done?} = Native.audience_watch(audience, channel_ids, changes)
    :ok = Pieces.watch(audience, moves, done?)
    with :ok <- change(audience, changes), do: {:ok, moves}
  end

  @doc "Returns the channels that some gained and some lost, compared with what is seen now."
  @spec moved(t(), moves()) :: [{channel_id :: id(), gained? :: boolean(), lost? :: boolean()}]
  def moved(audience, moves), do: Pieces.moved(audience, moves)

  @doc """
  Pushes events to the outboxes of those who get them.

  Each outbox is locked once for all of its events, so that a burst costs much less in one call. Returns
  how many were pushed, the processes that must be told that something waits in their outbox, and the
  keys of sessions whose outbox is full and must be relieved (`Guildhall.Outbox.relieve/1`).

  With a `Guildhall.Outbox.Queue`, outboxes that write by themselves are put there to be flushed, and
  their processes need not be told.
  """
  @spec dispatch(t(), [Item.t()], Queue.t() | nil) ::
          {count :: non_neg_integer(), wake :: [pid()], full :: [key()]}
  def dispatch(audience, items, queue \\ nil) when is_list(items) do
    Pieces.dispatch(audience, items, queue)
  end

  @doc "Returns the keys of the sessions that get an item, packed, in no order. The bodies do not matter."
  @spec recipients(t(), Item.t()) :: binary()
  def recipients(audience, %Item{} = item), do: Pieces.recipients(audience, item)

  @doc "Returns how many sessions get an item."
  @spec count(t(), Item.t()) :: non_neg_integer()
  def count(audience, %Item{} = item), do: Pieces.count(audience, item)

  @doc "Whether a session sees a channel; false if one of them is not here."
  @spec visible?(t(), key(), channel_id :: id()) :: boolean()
  def visible?(audience, key, channel_id), do: Native.audience_sees(audience, key, channel_id)

  @doc "Returns the outbox of a session, or nil if the session is not here."
  @spec outbox(t(), key()) :: Outbox.t() | nil
  def outbox(audience, key), do: Native.audience_outbox(audience, key)

  @doc "Returns the keys of a user's sessions."
  @spec sessions(t(), user_id :: id()) :: [key()]
  def sessions(audience, user_id) do
    for <<key::little-64 <- Native.audience_of_user(audience, user_id)>>, do: key
  end

  @doc "Returns how many sessions there are."
  @spec size(t()) :: non_neg_integer()
  def size(audience), do: Native.audience_size(audience)

  @doc "Returns the native memory of an audience, in bytes: an estimate, within some tenth."
  @spec bytes(t()) :: non_neg_integer()
  def bytes(audience), do: Native.audience_bytes(audience)

  @doc "Returns how many audiences there are in this VM, and the native memory of all."
  @spec memory() :: %{count: non_neg_integer(), bytes: non_neg_integer()}
  def memory do
    {count, bytes} = Native.audience_memory()
    %{count: count, bytes: bytes}
  end
end
