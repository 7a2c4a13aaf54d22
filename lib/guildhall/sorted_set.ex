defmodule Guildhall.SortedSet do
  @moduledoc """
  `Guildhall.OrderedSet` with the functions of Discord's `SortedSet` (sorted_set_nif 2.0): who uses
  that one renames `Discord.SortedSet` to `Guildhall.SortedSet`.

      iex> alias Guildhall.SortedSet
      iex> set = SortedSet.from_enumerable([{2, "bob"}, {1, "eve"}])
      iex> SortedSet.index_add(set, {1, "alice"})
      {0, set}
      iex> SortedSet.find_index(set, {2, "bob"})
      2
      iex> set |> SortedSet.remove({1, "eve"}) |> SortedSet.to_list()
      [{1, "alice"}, {2, "bob"}]

  A set is a reference and mutable, as theirs, and answers what theirs does, but for these:

    * no call answers `{:error, :lock_fail}`: readers and writers wait for each other
    * floats, integers beyond 64 bits, binaries that are no text, improper lists and any depth of
      nesting are supported, so that `{:error, :unsupported_type}` is for maps, pids, references,
      ports, functions and bitstrings alone
    * a term of more than 32,768 bytes is `{:error, :too_large}`, and a set of 64 GB takes no more:
      `{:error, :memory_limit}`
    * an argument of the wrong kind raises `ArgumentError` or `FunctionClauseError`
    * capacity and bucket size are accepted and mean nothing
    * a set made of several terms by `from_enumerable/2` need not be sorted or deduplicated by the
      caller; `from_proper_enumerable/2` is the same function
    * there is no jemalloc to ask about: see `Guildhall.OrderedSet.memory/0`

  | function | cost | scheduler |
  | -------- | ---- | --------- |
  | `add/2`, `index_add/2`, `remove/2`, `index_remove/2` | `O(log n)` | normal |
  | `at/3`, `find_index/2` | `O(log n)` | normal |
  | `slice/3` | `O(log n + amount)` | normal, in pieces of 500 |
  | `from_enumerable/2`, `from_proper_enumerable/2` | `O(n log n)` | normal, in pieces of 100 |
  | `to_list/1` | `O(n)` | normal, in pieces |
  | `new/2`, `size/1`, `debug/1` | constant | normal |

  The functions of `Guildhall.OrderedSet` take such a set too.
  """

  alias Guildhall.{Native, OrderedSet}
  alias Guildhall.OrderedSet.Pieces

  @default_bucket_size 500
  @default_capacity @default_bucket_size
  @max_bytes 68_719_476_736

  @type t :: OrderedSet.t()
  @type supported_term :: OrderedSet.key()
  @type error :: {:error, :unsupported_type | :too_large | :memory_limit}

  @doc "Makes an empty set."
  @spec new(capacity :: pos_integer(), bucket_size :: pos_integer()) :: t()
  def new(capacity \\ @default_capacity, bucket_size \\ @default_bucket_size)
      when is_integer(capacity) and capacity > 0 and is_integer(bucket_size) and bucket_size > 0 do
    OrderedSet.new(max_bytes: @max_bytes)
  end

  @doc "Makes a set of terms in any order."
  @spec from_enumerable(Enumerable.t(), bucket_size :: pos_integer()) :: t() | error()
  def from_enumerable(terms, bucket_size \\ @default_bucket_size) do
    set = new(@default_capacity, bucket_size)

    case Pieces.put(set, Enum.to_list(terms), false) do
      {:ok, _new} -> set
      {:error, reason, _rest} -> error(reason)
    end
  end

  @doc "Makes a set of terms that are sorted and distinct."
  @spec from_proper_enumerable(Enumerable.t(), bucket_size :: pos_integer()) :: t() | error()
  def from_proper_enumerable(terms, bucket_size \\ @default_bucket_size) do
    from_enumerable(terms, bucket_size)
  end

  @doc "Adds an item and returns the set."
  @spec add(t(), supported_term()) :: t() | error()
  def add(set, item) do
    case Native.ordered_set_put(set, item, "") do
      {:ok, _place} -> set
      {:error, reason} -> error(reason)
    end
  end

  @doc "Adds an item, and returns its index, or nil if it was there, with the set."
  @spec index_add(t(), supported_term()) :: {non_neg_integer() | nil, t()} | error()
  def index_add(set, item) do
    case Native.ordered_set_put(set, item, "") do
      {:ok, {:new, index}} -> {index, set}
      {:ok, {:known, _index}} -> {nil, set}
      {:error, reason} -> error(reason)
    end
  end

  @doc "Removes an item, if it is there, and returns the set."
  @spec remove(t(), supported_term()) :: t() | error()
  def remove(set, item) do
    with {:ok, _index} <- deleted(set, item), do: set
  end

  @doc "Removes an item, and returns the index that it had, or nil, with the set."
  @spec index_remove(t(), supported_term()) :: {non_neg_integer() | nil, t()} | error()
  def index_remove(set, item) do
    with {:ok, index} <- deleted(set, item), do: {index, set}
  end

  @doc "Returns how many items there are."
  @spec size(t()) :: non_neg_integer()
  def size(set), do: OrderedSet.size(set)

  @doc "Returns all items."
  @spec to_list(t()) :: [supported_term()]
  def to_list(set), do: OrderedSet.to_list(set)

  @doc "Returns the item at an index, or the default beyond the end."
  @spec at(t(), index :: non_neg_integer(), default :: any()) :: supported_term() | any()
  def at(set, index, default \\ nil) do
    case OrderedSet.slice(set, index, 1) do
      [item] -> item
      [] -> default
    end
  end

  @doc "Returns up to `amount` items from an index on."
  @spec slice(t(), start :: non_neg_integer(), amount :: non_neg_integer()) :: [supported_term()]
  def slice(set, start, amount), do: OrderedSet.slice(set, start, amount)

  @doc "Returns the index of an item, or nil."
  @spec find_index(t(), supported_term()) :: non_neg_integer() | nil | error()
  def find_index(set, item) do
    with {:ok, index} <- set |> Native.ordered_set_rank(item) |> index(), do: index
  end

  @doc "Describes the set in words, for a person."
  @spec debug(t()) :: String.t()
  def debug(set), do: inspect(OrderedSet.info(set))

  @doc "Returns the capacity that `new/0` would have been given."
  @spec default_capacity() :: pos_integer()
  def default_capacity, do: @default_capacity

  @doc "Returns the bucket size that `new/0` would have been given."
  @spec default_bucket_size() :: pos_integer()
  def default_bucket_size, do: @default_bucket_size

  defp deleted(set, item), do: set |> Native.ordered_set_delete(item) |> index()

  defp index({:ok, index}), do: {:ok, index}
  defp index({:error, :unsupported}), do: error(:unsupported)
  # What is not there, or too large to be.
  defp index({:error, _reason}), do: {:ok, nil}

  defp error(:unsupported), do: {:error, :unsupported_type}
  defp error(reason), do: {:error, reason}
end
