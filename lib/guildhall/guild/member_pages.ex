defmodule Guildhall.Guild.MemberPages do
  @moduledoc false

  # All members of a guild in order of id, a page at a time.
  #
  # The cursor holds what was read ahead of each of the 16 buckets, about a page in all. Buckets are
  # read when they run dry, and merged by their first id.

  alias Guildhall.Guild.{Keys, Rows}
  alias Guildhall.Model.Member
  alias Guildhall.Store

  @most 1_000

  @enforce_keys [:instance, :buckets]
  defstruct [:instance, :buckets]

  @typedoc "A bucket: rows read ahead, and the key after which it goes on; `:end` if it does not."
  @type bucket :: {[{binary(), binary()}], after_key :: binary() | :end, partition :: binary()}
  @type t :: %__MODULE__{instance: Guildhall.Instance.t(), buckets: [bucket()]}

  @doc "A cursor before the first member whose id is greater than `after_id`."
  @spec new(Guildhall.Instance.t(), guild_id :: pos_integer(), after_id :: non_neg_integer()) ::
          t()
  def new(instance, guild_id, after_id \\ 0) do
    buckets =
      for partition <- Keys.member_buckets(guild_id), do: {[], Keys.id(after_id), partition}

    %__MODULE__{instance: instance, buckets: buckets}
  end

  @doc "Returns the next members, and the cursor after them. Fewer than asked for are the last ones."
  @spec next(t(), 1..1_000) :: {:ok, [Member.t()], t()} | {:error, term()}
  def next(%__MODULE__{} = pages, count) when count in 1..@most do
    with {:ok, tree} <- open(pages, count), do: take(tree, pages, count, count, [])
  end

  # Each bucket under the id of its next row; a dry one is read before it takes part.
  defp open(pages, size) do
    Enum.reduce_while(pages.buckets, {:ok, :gb_trees.empty()}, fn bucket, {:ok, tree} ->
      case insert(bucket, tree, pages.instance, size) do
        {:ok, tree} -> {:cont, {:ok, tree}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end

  defp insert({[{key, _row} | _rows], _after, _partition} = bucket, tree, _instance, _size) do
    {:ok, :gb_trees.insert(key, bucket, tree)}
  end

  defp insert({[], :end, _partition}, tree, _instance, _size), do: {:ok, tree}

  defp insert({[], last, partition}, tree, instance, size) do
    # A sixteenth of the page and some more: rarely too little, never much too much.
    limit = div(size, 16) + 16

    case Store.scan(instance, :members, partition, after: last, limit: limit) do
      {:ok, rows} when length(rows) < limit ->
        insert({rows, :end, partition}, tree, instance, size)

      {:ok, rows} ->
        insert({rows, elem(List.last(rows), 0), partition}, tree, instance, size)

      {:error, reason} ->
        {:error, reason}
    end
  end

  defp take(tree, pages, _size, 0, taken), do: done(tree, pages, taken)

  defp take(tree, pages, size, left, taken) do
    if :gb_trees.is_empty(tree) do
      done(tree, pages, taken)
    else
      {_key, {[{_, row} | rows], last, partition}, tree} = :gb_trees.take_smallest(tree)

      with {:ok, tree} <- insert({rows, last, partition}, tree, pages.instance, size) do
        members = Rows.structs(pages.instance, [row])
        take(tree, pages, size, left - length(members), members ++ taken)
      end
    end
  end

  defp done(tree, pages, taken) do
    {:ok, Enum.reverse(taken), %{pages | buckets: :gb_trees.values(tree)}}
  end
end
