defmodule Guildhall.OrderedSet do
  @schema [
    max_bytes: [
      type: :pos_integer,
      default: 1_073_741_824,
      doc: "How much native memory the set may take."
    ]
  ]

  alias Guildhall.{Native, Options}
  alias Guildhall.OrderedSet.Pieces

  @moduledoc """
  An ordered set that knows the rank of every key: what is at place 100,000, and at what place this
  is, in a microsecond.

      iex> alias Guildhall.OrderedSet
      iex> set = OrderedSet.new()
      iex> OrderedSet.put(set, {"bob", 2}, "away")
      {:ok, {:new, 0}}
      iex> OrderedSet.put(set, {"alice", 1})
      {:ok, {:new, 0}}
      iex> OrderedSet.rank(set, {"bob", 2})
      {:ok, 1}
      iex> OrderedSet.slice(set, 0, 100)
      [{"alice", 1}, {"bob", 2}]
      iex> OrderedSet.delete(set, {"alice", 1})
      {:ok, 0}
      iex> OrderedSet.at(set, 0)
      {:ok, {{"bob", 2}, "away"}}

  **Keys** are integers, floats, atoms, binaries, and tuples and lists of these, in the order of
  Erlang's terms. An integer and a float of the same value are two keys, the integer first, as in a
  map; -0.0 is kept as 0.0. Other terms raise `ArgumentError`. Each key has a **payload**, a binary,
  empty if there is nothing to say.

  A set lives outside the BEAM heap and is **mutable**, like an ETS table; it is gone when nobody
  has it any more. Any process may read and write: readers do not exclude each other, a writer
  waits for those that read and nobody else, and no call ever fails because the set is busy. What
  is read or written in pieces (see the table) is not isolated from other writers: a key that was
  there all the time is read once, one that came or went in between may be or not.

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `put/3`, `delete/2` | `O(log n)` | normal |
  | `get/2`, `member?/2`, `rank/2`, `at/2` | `O(log n)` | normal |
  | `slice/3`, `entries/3`, `range/2` | `O(log n + count)` | normal, in pieces of 500 |
  | `put_many/2`, `put_keys/2` | `O(k log n)` | normal, in pieces of 100 |
  | `to_list/1`, `snapshot/1`, `restore/2` | `O(n)` | normal, in pieces |
  | `size/1`, `info/1`, `clear/1`, `memory/0` | constant | normal |

  A key takes its own bytes, without those that it shares with its neighbours, and about ten: 30 to
  40 for `{rank, name, id}`. A key has up to 32,768 bytes, as it is stored, and a payload 65,536;
  beyond is `{:error, :too_large}`. A set that would pass its `:max_bytes` is left as it is and says
  `{:error, :memory_limit}`; it does so some 16 KB before.
  """

  @typedoc "A set: a reference, to be treated as an ETS table's."
  @type t :: Native.ordered_set()
  @typedoc "A term of integers, floats, atoms, binaries, tuples and lists."
  @type key :: integer() | float() | atom() | binary() | tuple() | list()
  @type payload :: binary()
  @type rank :: non_neg_integer()
  @type refusal :: {:error, :memory_limit | :too_large}

  @doc """
  Makes an empty set.

  #{Options.docs(@schema)}
  """
  @spec new(keyword()) :: t()
  def new(options \\ []) do
    Native.ordered_set_new(Options.validate!(options, @schema)[:max_bytes])
  end

  @doc "Adds a key, or gives another payload to one that is there; says which, and its rank."
  @spec put(t(), key(), payload()) :: {:ok, {:new | :known, rank()}} | refusal()
  def put(set, key, payload \\ "") when is_reference(set) and is_binary(payload) do
    set |> Native.ordered_set_put(key, payload) |> supported!(key)
  end

  @doc """
  Adds entries, as `put/3` does, and returns how many were new.

  After an error, those before the one that it is about have been added.
  """
  @spec put_many(t(), [{key(), payload()}]) :: {:ok, non_neg_integer()} | refusal()
  def put_many(set, entries) when is_reference(set) and is_list(entries) do
    added(Pieces.put(set, entries, true))
  end

  @doc "Adds keys with empty payloads, as `put_many/2` does."
  @spec put_keys(t(), [key()]) :: {:ok, non_neg_integer()} | refusal()
  def put_keys(set, keys) when is_reference(set) and is_list(keys) do
    added(Pieces.put(set, keys, false))
  end

  @doc "Removes a key, and returns the rank that it had."
  @spec delete(t(), key()) :: {:ok, rank()} | {:error, :not_found}
  def delete(set, key) when is_reference(set) do
    set |> Native.ordered_set_delete(key) |> found(key)
  end

  @doc "Returns a key's payload."
  @spec get(t(), key()) :: {:ok, payload()} | {:error, :not_found}
  def get(set, key) when is_reference(set), do: set |> Native.ordered_set_get(key) |> found(key)

  @doc "Whether a key is there."
  @spec member?(t(), key()) :: boolean()
  def member?(set, key) when is_reference(set), do: match?({:ok, _rank}, rank(set, key))

  @doc "Returns how many keys are before this one."
  @spec rank(t(), key()) :: {:ok, rank()} | {:error, :not_found}
  def rank(set, key) when is_reference(set), do: set |> Native.ordered_set_rank(key) |> found(key)

  @doc "Returns the key of a rank, with its payload."
  @spec at(t(), rank()) :: {:ok, {key(), payload()}} | {:error, :not_found}
  def at(set, rank) when is_reference(set) and is_integer(rank) and rank >= 0 do
    case entries(set, rank, 1) do
      [entry] -> {:ok, entry}
      [] -> {:error, :not_found}
    end
  end

  @doc "Returns up to `count` keys from a rank on."
  @spec slice(t(), rank(), non_neg_integer()) :: [key()]
  def slice(set, from, count), do: Pieces.slice(set, from, count, false)

  @doc "Returns up to `count` keys from a rank on, each with its payload."
  @spec entries(t(), rank(), non_neg_integer()) :: [{key(), payload()}]
  def entries(set, from, count), do: Pieces.slice(set, from, count, true)

  @range [
    from: [type: :any, doc: "The first key, or the one before it. Not given: from the start."],
    until: [type: :any, doc: "The key before which to stop. Not given: to the end."],
    count: [type: :non_neg_integer, default: 1_000, doc: "How many at most."],
    payloads: [type: :boolean, default: false, doc: "Whether to return `{key, payload}`."]
  ]

  @doc """
  Returns the keys of a range, which need not be in the set.

  #{Options.docs(@range)}

      iex> set = Guildhall.OrderedSet.new()
      iex> Guildhall.OrderedSet.put_keys(set, [1, 2, 3, :atom, "text"])
      {:ok, 5}
      iex> Guildhall.OrderedSet.range(set, from: 2, until: "")
      [2, 3, :atom]
  """
  @spec range(t(), keyword()) :: [key()] | [{key(), payload()}]
  def range(set, options) when is_reference(set) do
    options = Options.validate!(options, @range)
    from = bound!(options, :from, "")
    until = bound!(options, :until, nil)
    Pieces.scan(set, from, until, options[:count], options[:payloads])
  end

  @doc "Returns how many keys there are."
  @spec size(t()) :: non_neg_integer()
  def size(set) when is_reference(set), do: set |> Native.ordered_set_info() |> elem(0)

  @doc "Returns all keys."
  @spec to_list(t()) :: [key()]
  def to_list(set) when is_reference(set), do: Pieces.scan(set, "", nil, :infinity, false)

  @doc "Removes all keys. Their memory is freed by a thread of its own."
  @spec clear(t()) :: :ok
  def clear(set) when is_reference(set), do: Native.ordered_set_clear(set)

  @doc """
  Writes the set as bytes, to be kept in a file, say, with version and checksums.

      iex> set = Guildhall.OrderedSet.new()
      iex> Guildhall.OrderedSet.put(set, 1, "one")
      iex> bytes = IO.iodata_to_binary(Guildhall.OrderedSet.snapshot(set))
      iex> {:ok, restored} = Guildhall.OrderedSet.restore(bytes)
      iex> Guildhall.OrderedSet.get(restored, 1)
      {:ok, "one"}
      iex> Guildhall.OrderedSet.restore("not a snapshot")
      {:error, :invalid}
  """
  @spec snapshot(t()) :: iodata()
  def snapshot(set) when is_reference(set), do: Pieces.snapshot(set)

  @doc """
  Makes a set of a snapshot, with the options of `new/1`.

  The bytes may be anybody's: what is no snapshot is `{:error, :invalid}`, and one with an atom that
  this VM does not know `{:error, :unknown_atom}`, for none is made.
  """
  @spec restore(iodata(), keyword()) ::
          {:ok, t()} | {:error, :invalid | :unknown_atom | :memory_limit}
  def restore(snapshot, options \\ []) do
    set = new(options)
    with :ok <- Pieces.restore(set, IO.iodata_to_binary(snapshot)), do: {:ok, set}
  end

  @doc "Returns how many keys there are, and the bytes that the set takes and may take."
  @spec info(t()) :: %{
          size: non_neg_integer(),
          bytes: non_neg_integer(),
          max_bytes: pos_integer()
        }
  def info(set) when is_reference(set) do
    {size, bytes, max_bytes} = Native.ordered_set_info(set)
    %{size: size, bytes: bytes, max_bytes: max_bytes}
  end

  @doc "Returns how many sets this VM has, and their native memory in bytes."
  @spec memory() :: %{count: non_neg_integer(), bytes: non_neg_integer()}
  def memory do
    {count, bytes} = Native.ordered_set_memory()
    %{count: count, bytes: bytes}
  end

  defp added({:error, :unsupported, [entry | _rest]}), do: unsupported!(entry)
  defp added({:error, reason, _rest}), do: {:error, reason}
  defp added(ok), do: ok

  defp supported!({:error, :unsupported}, key), do: unsupported!(key)
  defp supported!(result, _key), do: result

  # A key that is too large to be in a set is in none.
  defp found({:error, :too_large}, _key), do: {:error, :not_found}
  defp found(result, key), do: supported!(result, key)

  defp bound!(options, name, default) do
    case Keyword.fetch(options, name) do
      :error -> default
      {:ok, key} -> key |> Native.ordered_set_key() |> supported!(key) |> stored!()
    end
  end

  defp stored!({:ok, stored}), do: stored

  defp stored!({:error, :too_large}),
    do: raise(ArgumentError, "a key has at most 32,768 bytes as it is stored")

  @spec unsupported!(term()) :: no_return()
  defp unsupported!(key) do
    raise ArgumentError,
          "expected a key of integers, floats, atoms, binaries, tuples and lists, got: " <>
            inspect(key, limit: 10, printable_limit: 100)
  end
end
