defmodule Guildhall.MemberList do
  @schema [
    max_bytes: [
      type: :pos_integer,
      default: 1_073_741_824,
      doc: "How much native memory it may take; about 40 bytes a member."
    ],
    max_subscribers: [
      type: :pos_integer,
      default: 1_000_000,
      doc: "How many may look at windows of it."
    ]
  ]

  alias Guildhall.MemberList.Ranges
  alias Guildhall.{Native, Options}

  @moduledoc """
  The list of members beside a channel: hoisted roles with their online members, then who else is
  online, then who is offline, each by name.

  Everything that is shown has an index: a group's header, `{:group, key, count}`, and behind it its
  members' ids. A group without members is not there.

      iex> alias Guildhall.MemberList
      iex> list = MemberList.new()
      iex> {:ok, []} = MemberList.set_roles(list, [5, 6])
      iex> members = [{1, "Zoe", :online}, {2, "Émile", :online}, {3, "eve", :online}]
      iex> {:ok, []} = MemberList.put_many(list, [{4, "Admin", 5}, {9, "Bob", :offline} | members])
      iex> MemberList.slice(list, 0, 100)
      [{:group, 5, 1}, 4, {:group, :online, 3}, 2, 3, 1, {:group, :offline, 1}, 9]
      iex> MemberList.rank(list, 1)
      {:ok, 5}

  Clients look at **windows** of 100 indexes. Subscribers are told what they need to have their windows as
  `slice/3` has them; a change answers an update for each set of windows in which something changed,
  however many look at it.

      iex> alias Guildhall.MemberList
      iex> list = MemberList.new()
      iex> {:ok, _updates} = MemberList.put_many(list, [{1, "ada", :online}, {2, "bob", :online}])
      iex> MemberList.subscribe(list, 77, [{0, 99}])
      {:ok, [{:sync, {0, 99}, [{:group, :online, 2}, 1, 2]}]}
      iex> MemberList.put(list, 2, "bob", :offline)
      {:ok, [{[{0, 99}], [{:delete, 2}, {:insert, 2, {:group, :offline, 1}}, {:insert, 3, 2}]}]}
      iex> MemberList.subscribers(list, [{0, 99}])
      [77]

  The operations are those of Discord's GUILD_MEMBER_LIST_UPDATE, to be applied in their order to a
  list with holes. A header's count, and where the list ends, clients take from `groups/1`, which is sent
  beside them.

  **One process changes** a list, so that what it answers is sent in order; any process reads it. The
  list is **mutable** and lives outside the BEAM heap. No call waits for longer than a piece of
  another's work, and none answers that the list is busy.

  **Names** are in the order of the Unicode Collation Algorithm with CLDR's root weights, without case,
  accents beside their base letter; equal ones in the order of ids. A name has at most 128 bytes.

  **Size.** A list of 1,000 entries and more (members, roles and two) does not show who is offline. A
  guild that does not put such members at all says with `set_absent/2` how many there are.

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `put/4`, `delete/2` | `O(log n)`, and `O(windows)` for each set of windows | normal, updates in pieces |
  | `put_many/2` | the same a member, told once | normal, in pieces of 200 |
  | `set_roles/2` | `O(roles)`, and `O(log n)` for each member of a role that goes | normal, in pieces of 256 |
  | `subscribe/3`, `unsubscribe/2` | `O(log n)` and 100 items a window | normal |
  | `rank/2` | `O(log n)` | normal |
  | `slice/3` | `O(log n + count)` | normal |
  | `groups/1`, `counts/1`, `set_absent/2` | `O(roles)` | normal |
  | `subscribers/2`, `packed_subscribers/2` | `O(subscribers)` | normal, in pieces of 65,536 |
  | `id/2`, `sort_key/1` | `O(overwrites)`, `O(bytes)` | normal |
  | `memory/0`, `bytes/1` | constant | normal |

  Ids are integers below 2^64. What is none, a name that is too long or not UTF-8, and a role that is
  named twice raise `ArgumentError`; more than 250 roles, and more than 1,000 items of a slice,
  `FunctionClauseError`. A change that could pass `:max_bytes` is `{:error, :memory_limit}` and changes
  nothing.
  """

  @max_slice 1_000
  @max_roles 250
  @max_overwrites 1_000
  @max 0xFFFF_FFFF_FFFF_FFFF

  @enforce_keys [:handle]
  defstruct @enforce_keys

  @opaque t :: %__MODULE__{handle: Native.member_list()}
  @type id :: non_neg_integer()
  @typedoc "A hoisted role, or one of the two groups that are always there."
  @type group :: id() | :online | :offline
  @type item :: id() | {:group, group(), count :: pos_integer()}
  @typedoc "The first and the last index of a window."
  @type range :: {non_neg_integer(), non_neg_integer()}
  @type op ::
          {:sync, range(), [item()]}
          | {:insert | :update, index :: non_neg_integer(), item()}
          | {:delete, index :: non_neg_integer()}
          | {:invalidate, range()}
  @typedoc "What all are sent who look at exactly these windows."
  @type update :: {windows :: [range(), ...], [op(), ...]}

  defguardp is_id(id) when is_integer(id) and id in 0..@max

  @doc """
  Makes an empty list without roles.

  #{Options.docs(@schema)}
  """
  @spec new(keyword()) :: t()
  def new(options \\ []) do
    options = Options.validate!(options, @schema)
    bytes = min(options[:max_bytes], @max)
    %__MODULE__{handle: Native.member_list_new(bytes, min(options[:max_subscribers], @max))}
  end

  @doc """
  Puts a member into a group under a name, or changes either.

  The group of one who is online is his highest hoisted role. A member who is put as he was is
  told of as well: something about him has changed that the list does not know.
  """
  @spec put(t(), id(), name :: String.t(), group()) ::
          {:ok, [update()]} | {:error, :unknown_role | :memory_limit}
  def put(%__MODULE__{handle: handle}, id, name, group) do
    handle |> Native.member_list_put(id, name, group) |> told(handle)
  rescue
    ArgumentError -> reraise ArgumentError, expected({id, name, group}), __STACKTRACE__
  end

  defp expected(other) do
    "expected a member's id, a name of at most 128 bytes of UTF-8, and a role's id, :online or " <>
      ":offline, got: #{inspect(other, limit: 10)}"
  end

  @doc """
  Puts many members, and tells of them together.

  They are put in their order up to one that is refused; those before him stay, and are told of with the
  next change. So it is when one raises `ArgumentError` behind the first 200.
  """
  @spec put_many(t(), [{id(), name :: String.t(), group()}]) ::
          {:ok, [update()]} | {:error, :unknown_role | :memory_limit}
  def put_many(%__MODULE__{handle: handle}, members) when is_list(members) do
    put_pieces(handle, members)
  rescue
    ArgumentError -> reraise ArgumentError, expected(members), __STACKTRACE__
  end

  defp put_pieces(handle, members) do
    case Native.member_list_put_many(handle, members) do
      {:ok, []} -> handle |> Native.member_list_updates(0) |> told(handle)
      {:ok, rest} -> put_pieces(handle, rest)
      error -> error
    end
  end

  @doc "Removes a member."
  @spec delete(t(), id()) :: {:ok, [update()]} | {:error, :not_found}
  def delete(%__MODULE__{handle: handle}, id) do
    handle |> Native.member_list_delete(id) |> told(handle)
  end

  @doc """
  Makes these the hoisted roles, in the order in which they are shown: by position, highest first.

  Members of roles that are not among them become `:online`. Those who have another of the roles, or whose
  highest one is another now, are put anew by the caller, who knows the roles of his members.
  """
  @spec set_roles(t(), [id()]) :: {:ok, [update()]} | {:error, :memory_limit}
  def set_roles(%__MODULE__{handle: handle} = list, roles) when length(roles) <= @max_roles do
    case Native.member_list_set_roles(handle, roles) do
      :ok -> handle |> Native.member_list_updates(0) |> told(handle)
      :more -> set_roles(list, roles)
      error -> error
    end
  end

  @doc "Says how many members there are who are not put; they count as offline."
  @spec set_absent(t(), non_neg_integer()) :: {:ok, [update()]}
  def set_absent(%__MODULE__{handle: handle}, count) do
    :ok = Native.member_list_set_absent(handle, count)
    handle |> Native.member_list_updates(0) |> told(handle)
  end

  @doc """
  Makes a subscriber, any number of the caller's, look at the windows of these ranges and no others.

  A range is `{first, last}` or `[first, last]`; it begins at a multiple of 100 and is at most 100
  wide. At most 15 windows; anything else is `:invalid_ranges`, since it comes from a client. Answers what
  the subscriber alone is sent: new windows as they are, and those to be forgotten.
  """
  @spec subscribe(t(), subscriber :: id(), ranges :: term()) ::
          {:ok, [op()]} | {:error, :invalid_ranges | :too_many_subscribers | :memory_limit}
  def subscribe(%__MODULE__{handle: handle}, subscriber, ranges) when is_id(subscriber) do
    case Ranges.windows(ranges) do
      {:ok, windows} -> Native.member_list_subscribe(handle, subscriber, windows)
      :error -> {:error, :invalid_ranges}
    end
  end

  @doc "Forgets a subscriber."
  @spec unsubscribe(t(), subscriber :: id()) :: :ok
  def unsubscribe(%__MODULE__{handle: handle}, subscriber) do
    {:ok, _forgotten} = Native.member_list_subscribe(handle, subscriber, [])
    :ok
  end

  @doc "Returns who looks at exactly these windows, in no order."
  @spec subscribers(t(), ranges :: [range()]) :: [id()]
  def subscribers(list, ranges) do
    for <<id::little-64 <- packed_subscribers(list, ranges)>>, do: id
  end

  @doc "Returns the same, packed as little-endian 64-bit words."
  @spec packed_subscribers(t(), ranges :: [range()]) :: binary()
  def packed_subscribers(%__MODULE__{handle: handle}, ranges) do
    case Ranges.windows(ranges) do
      {:ok, windows} -> handle |> packed(windows, 0, []) |> IO.iodata_to_binary()
      :error -> raise ArgumentError, "expected ranges of windows, got: #{inspect(ranges)}"
    end
  end

  @doc "Returns the index of a member. One whose group is not shown is `:hidden`."
  @spec rank(t(), id()) :: {:ok, non_neg_integer()} | {:error, :hidden | :not_found}
  def rank(%__MODULE__{handle: handle}, id) do
    case Native.member_list_rank(handle, id) do
      index when is_integer(index) -> {:ok, index}
      reason -> {:error, reason}
    end
  end

  @doc "Returns what stands at the indexes from `from` on, at most `count`: up to 1,000."
  @spec slice(t(), from :: non_neg_integer(), count :: 0..1_000) :: [item()]
  def slice(%__MODULE__{handle: handle}, from, count) when count in 0..@max_slice do
    Native.member_list_slice(handle, from, count)
  end

  @doc "Returns the groups that are shown, in order, and how many members each has."
  @spec groups(t()) :: [{group(), pos_integer()}]
  def groups(%__MODULE__{handle: handle}), do: Native.member_list_groups(handle)

  @doc "Returns how many members there are, how many of them are online, and how many indexes."
  @spec counts(t()) :: %{
          members: non_neg_integer(),
          online: non_neg_integer(),
          indexes: non_neg_integer()
        }
  def counts(%__MODULE__{handle: handle}) do
    {members, online, indexes} = Native.member_list_counts(handle)
    %{members: members, online: online, indexes: indexes}
  end

  @doc """
  Returns the id of the list that a channel shows; channels with one id share a list.

  It follows from whether the role @everyone has VIEW_CHANNEL in the guild, and from those of the
  channel's overwrites that allow or deny it. A thread has its parent's.

      iex> Guildhall.MemberList.id(true, [])
      "everyone"
      iex> Guildhall.MemberList.id(true, [{41771983423143936, :deny}])
      "3571130906"
  """
  @spec id(everyone_sees? :: boolean(), [{id(), :allow | :deny}]) :: String.t()
  def id(everyone_sees?, overwrites)
      when is_boolean(everyone_sees?) and length(overwrites) <= @max_overwrites do
    Native.member_list_id(everyone_sees?, overwrites)
  end

  @doc """
  Returns bytes that are in the order in which lists have the names.

      iex> Enum.sort_by(["zoe", "Émile", "Eve", "eve", "10", "_"], &Guildhall.MemberList.sort_key/1)
      ["_", "10", "Émile", "Eve", "eve", "zoe"]
  """
  @spec sort_key(name :: String.t()) :: binary()
  def sort_key(name), do: Native.member_list_sort_key(name)

  @doc "Returns the native memory of a list, in bytes."
  @spec bytes(t()) :: non_neg_integer()
  def bytes(%__MODULE__{handle: handle}), do: Native.member_list_bytes(handle)

  @doc "Returns how many lists there are in this VM, and their native memory."
  @spec memory() :: %{count: non_neg_integer(), bytes: non_neg_integer()}
  def memory do
    {count, bytes} = Native.member_list_memory()
    %{count: count, bytes: bytes}
  end

  defp told({:more, updates, next}, handle) do
    {:ok, rest} = handle |> Native.member_list_updates(next) |> told(handle)
    {:ok, updates ++ rest}
  end

  defp told(result, _handle), do: result

  defp packed(handle, windows, from, pieces) do
    case Native.member_list_subscribers(handle, windows, from) do
      <<>> -> Enum.reverse(pieces)
      piece -> packed(handle, windows, from + div(byte_size(piece), 8), [piece | pieces])
    end
  end
end
