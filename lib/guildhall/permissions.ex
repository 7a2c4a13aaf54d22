defmodule Guildhall.Permissions do
  @schema [
    id: [
      type: :non_neg_integer,
      required: true,
      doc: "The guild's id, and with it that of the role @everyone."
    ],
    owner_id: [
      type: {:or, [:non_neg_integer, {:in, [nil]}]},
      default: nil,
      doc: "The user who may do everything."
    ],
    roles: [type: {:list, :any}, default: [], doc: "`{id, permissions}` each."],
    channels: [type: {:list, :any}, default: [], doc: "`{id, kind, overwrites}` each."],
    max_bytes: [
      type: :pos_integer,
      default: 67_108_864,
      doc: "How much native memory it may take, after changes too."
    ]
  ]

  alias Guildhall.{Native, Options}
  alias Guildhall.Permissions.Bits

  @moduledoc """
  What a member may do in a guild and in its channels, as Discord documents it.

  A guild's roles and channels are compiled once, by `new/1`, into a value that any process may
  read and no process keeps; `change/2` returns another value, which shares what is equal. Asking
  it costs a fraction of a microsecond, whatever the size of the guild.

      iex> alias Guildhall.Permissions
      iex> view = Permissions.bit(:view_channel)
      iex> {:ok, guild} =
      ...>   Permissions.new(
      ...>     id: 1,
      ...>     owner_id: 7,
      ...>     roles: [{1, view}, {2, Permissions.bit(:kick_members)}],
      ...>     channels: [{10, :text, []}, {11, :text, [{1, :role, 0, view}, {2, :role, view, 0}]}]
      ...>   )
      iex> Permissions.in_channel(guild, 10, {8, []}) == view
      true
      iex> Permissions.in_channel(guild, 11, {8, []})
      0
      iex> Permissions.visible_channels(guild, {9, [2]})
      [10, 11]
      iex> Permissions.base(guild, {7, []}) == Permissions.all()
      true

  Ids and masks are integers below 2^64. A member is `{user_id, roles}`, or with a third element
  whether he is timed out now; his roles are a list of ids, or those packed as little-endian
  64-bit words. An overwrite is `{id, :role | :member, allow, deny}`; of several with one id the
  last one counts, and so with roles and channels. A kind is `:voice` for voice and stage
  channels, `{:thread, parent_id}`, and `:text` for any other.

  A mask is computed in stages, the first two of which are functions of their own:

    1. `base/2`: the roles together; everything for the owner and for administrators, whom nothing
       that follows touches. A role that the guild does not have gives nothing
    2. `overwritten/3`: the channel's overwrites, @everyone's first, then those of the member's
       roles together, then the member's own. A thread has its parent's
    3. `in_channel/3`: what follows from them. Without VIEW_CHANNEL there is nothing, without
       SEND_MESSAGES nothing that goes with a message, without CONNECT nothing in a voice channel;
       in a thread SEND_MESSAGES_IN_THREADS stands in the place of SEND_MESSAGES; a member who is
       timed out may only look

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `base/2` | `O(roles of the member)` | normal |
  | `overwritten/3`, `in_channel/3` | the same | normal |
  | `visible_channels/2` | `O(channels * roles of the member)` | normal; dirty beyond 20,000 |
  | `in_channel_many/3` | `O(bytes)` | normal; dirty beyond 64 KB |
  | `new/1`, `change/2` | `O(roles + channels)` | dirty |
  | `pack/1` | `O(members)` | normal, plain Elixir |
  | `bit/1`, `all/0`, `memory/0` | constant | normal |

  A member has at most 4,096 roles. That, an id or a mask out of range, and anything that has not
  the shape it should raise `ArgumentError`. A guild that would pass its `:max_bytes` is
  `{:error, :memory_limit}`.
  """

  # A normal scheduler goes through this many bytes of members in well under a millisecond.
  @normal_bytes 65_536

  @enforce_keys [:handle]
  defstruct @enforce_keys

  names = Bits.positions() |> Keyword.keys() |> Enum.reduce(&{:|, [], [&1, &2]})

  @opaque t :: %__MODULE__{handle: Native.permissions()}
  @typedoc "A permission's name."
  @type name :: unquote(names)
  @type mask :: non_neg_integer()
  @type id :: non_neg_integer()
  @type roles :: [id()] | binary()
  @type member :: {user :: id(), roles()} | {user :: id(), roles(), timed_out? :: boolean()}
  @type kind :: :text | :voice | {:thread, parent :: id()}
  @type overwrite :: {id(), :role | :member, allow :: mask(), deny :: mask()}
  @type channel :: {id(), kind(), [overwrite()]}
  @type change ::
          {:owner, id() | nil}
          | {:role, id(), mask()}
          | {:role_deleted, id()}
          | {:channel, channel()}
          | {:channel_deleted, id()}

  @doc "Returns the bit of a permission."
  @spec bit(name()) :: mask()
  for {name, position} <- Bits.positions() do
    def bit(unquote(name)), do: unquote(Bitwise.bsl(1, position))
  end

  @doc "Returns every permission there is."
  @spec all() :: mask()
  def all,
    do:
      unquote(Bits.positions() |> Keyword.values() |> Enum.map(&Bitwise.bsl(1, &1)) |> Enum.sum())

  @doc """
  Compiles a guild.

  #{Options.docs(@schema)}
  """
  @spec new(keyword()) :: {:ok, t()} | {:error, :memory_limit}
  def new(options) do
    options = Options.validate!(options, @schema)
    %{id: id, owner_id: owner, roles: roles, channels: channels} = Map.new(options)
    checked(Native.permissions_new(id, owner, roles, channels, options[:max_bytes]))
  end

  @doc """
  Returns the guild after changes, made in their order.

  A role that is deleted gives nothing any more to members who have it, and overwrites for it are of no
  account. A channel is put anew, whether it was here or not.
  """
  @spec change(t(), [change()]) :: {:ok, t()} | {:error, :memory_limit}
  def change(%__MODULE__{handle: handle}, changes) when is_list(changes) do
    checked(Native.permissions_change(handle, changes))
  end

  @doc "Returns the member's permissions in the guild, before any channel and any timeout."
  @spec base(t(), member()) :: mask()
  def base(%__MODULE__{handle: handle}, {user, roles}) do
    Native.permissions_base(handle, user, roles)
  end

  def base(guild, {user, roles, _timed_out?}), do: base(guild, {user, roles})

  @doc """
  Returns the member's permissions after the overwrites of a channel, and without what follows from
  them: what client libraries compute.
  """
  @spec overwritten(t(), channel :: id(), member()) :: mask()
  def overwritten(%__MODULE__{handle: handle}, channel, {user, roles}) do
    Native.permissions_overwritten(handle, channel, user, roles)
  end

  def overwritten(guild, channel, {user, roles, _timed_out?}) do
    overwritten(guild, channel, {user, roles})
  end

  @doc """
  Returns the member's permissions in a channel.

  They are none in a channel that the guild does not have; in a thread whose parent is gone only
  the owner and administrators have any.
  """
  @spec in_channel(t(), channel :: id(), member()) :: mask()
  def in_channel(%__MODULE__{handle: handle}, channel, {user, roles}) do
    Native.permissions_in_channel(handle, channel, user, roles, false)
  end

  def in_channel(%__MODULE__{handle: handle}, channel, {user, roles, timed_out?}) do
    Native.permissions_in_channel(handle, channel, user, roles, timed_out?)
  end

  @doc "Returns the channels that the member sees, in the order of their ids."
  @spec visible_channels(t(), member()) :: [id()]
  def visible_channels(%__MODULE__{handle: handle}, {user, roles}) do
    case Native.permissions_visible(handle, user, roles) do
      :beyond -> Native.permissions_visible_dirty(handle, user, roles)
      ids -> ids
    end
  end

  def visible_channels(guild, {user, roles, _timed_out?}) do
    visible_channels(guild, {user, roles})
  end

  @doc """
  Returns the permissions of many members in one channel: little-endian 64-bit words, in the order
  of the members, which are as `pack/1` packs them.
  """
  @spec in_channel_many(t(), channel :: id(), members :: binary()) :: masks :: binary()
  def in_channel_many(%__MODULE__{handle: handle}, channel, members) when is_binary(members) do
    if byte_size(members) <= @normal_bytes,
      do: Native.permissions_in_channel_many(handle, channel, members),
      else: Native.permissions_in_channel_many_dirty(handle, channel, members)
  end

  @doc """
  Packs members for `in_channel_many/3`.

  A member is little-endian 64-bit words: the user's id, 1 if he is timed out and 0 if not, the
  number of his roles, and those.

      iex> {:ok, guild} = Guildhall.Permissions.new(id: 1, roles: [{1, 1024}], channels: [{9, :text, []}])
      iex> members = Guildhall.Permissions.pack([{7, []}, {8, [1, 2], true}])
      iex> for <<mask::little-64 <- Guildhall.Permissions.in_channel_many(guild, 9, members)>>, do: mask
      [1024, 1024]
  """
  @spec pack([member()]) :: binary()
  def pack(members) when is_list(members),
    do: for(member <- members, into: <<>>, do: packed(member))

  @doc "Returns how many compiled guilds there are in this VM, and their native memory in bytes."
  @spec memory() :: %{count: non_neg_integer(), bytes: non_neg_integer()}
  def memory do
    {count, bytes} = Native.permissions_memory()
    %{count: count, bytes: bytes}
  end

  defp packed({user, roles}), do: packed({user, roles, false})

  defp packed({user, roles, timed_out?}) when is_list(roles) do
    packed({user, for(id <- roles, into: <<>>, do: word(id)), timed_out?})
  end

  defp packed({user, roles, timed_out?})
       when is_binary(roles) and is_boolean(timed_out?) and rem(byte_size(roles), 8) == 0 do
    flags = if timed_out?, do: 1, else: 0
    <<word(user)::binary, flags::little-64, div(byte_size(roles), 8)::little-64, roles::binary>>
  end

  defp packed(other), do: raise(ArgumentError, "expected a member, got: #{inspect(other)}")

  defp word(id) when id in 0..0xFFFF_FFFF_FFFF_FFFF, do: <<id::little-64>>
  defp word(other), do: raise(ArgumentError, "expected an id, got: #{inspect(other)}")

  defp checked({:ok, handle}), do: {:ok, %__MODULE__{handle: handle}}
  defp checked({:error, :memory_limit} = error), do: error
end
