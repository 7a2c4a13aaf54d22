defmodule Guildhall.OrderedSet.Pieces do
  @moduledoc false

  # What takes long, as many calls that each take little. A reader goes on at a key, not at a rank,
  # so that what others add and remove in between moves nothing away under it.

  alias Guildhall.Native

  @doc "Puts all of a list in; tells how many were new, or what stands at the head of the rest."
  @spec put(Native.ordered_set(), list(), boolean()) ::
          {:ok, non_neg_integer()} | {:error, atom(), rest :: list()}
  def put(set, list, with_payloads), do: put(set, list, with_payloads, 0)

  defp put(set, list, with_payloads, new) do
    case Native.ordered_set_put_many(set, list, with_payloads) do
      {:ok, more, []} -> {:ok, new + more}
      {:ok, more, rest} -> put(set, rest, with_payloads, new + more)
      {reason, _more, rest} -> {:error, reason, rest}
    end
  end

  @doc "Returns up to `count` entries from a rank on."
  @spec slice(Native.ordered_set(), non_neg_integer(), non_neg_integer(), boolean()) :: list()
  def slice(set, from, count, with_payloads)
      when is_reference(set) and is_integer(from) and from >= 0 and is_integer(count) and
             count >= 0 do
    case Native.ordered_set_slice(set, word(from), word(count), with_payloads) do
      {entries, nil} -> entries
      {entries, _next} when length(entries) == count -> entries
      {entries, next} -> entries ++ scan(set, next, nil, count - length(entries), with_payloads)
    end
  end

  @doc "Returns up to `count` entries from a stored key on, those before `until` if it is given."
  @spec scan(
          Native.ordered_set(),
          binary(),
          binary() | nil,
          non_neg_integer() | :infinity,
          boolean()
        ) :: list()
  def scan(set, from, until, count, with_payloads) do
    set |> scan(from, until, count, with_payloads, []) |> Enum.reverse() |> Enum.concat()
  end

  defp scan(set, from, until, count, with_payloads, pieces) do
    case Native.ordered_set_scan(set, from, until, word(count), with_payloads) do
      {entries, nil} ->
        [entries | pieces]

      {entries, _next} when length(entries) == count ->
        [entries | pieces]

      {entries, next} ->
        scan(set, next, until, left(count, entries), with_payloads, [entries | pieces])
    end
  end

  @doc "Returns the parts of a snapshot."
  @spec snapshot(Native.ordered_set()) :: [binary()]
  def snapshot(set), do: snapshot(set, "", 0)

  defp snapshot(set, from, before) do
    case Native.ordered_set_snapshot(set, from, before) do
      {part, _entries, nil} -> [part]
      {part, entries, next} -> [part | snapshot(set, next, entries)]
    end
  end

  @doc "Fills an empty set from a snapshot."
  @spec restore(Native.ordered_set(), binary()) ::
          :ok | {:error, :invalid | :unknown_atom | :memory_limit}
  def restore(set, snapshot), do: restore(set, snapshot, 0)

  defp restore(set, snapshot, place) do
    case Native.ordered_set_restore(set, snapshot, place) do
      {:ok, nil} -> :ok
      {:ok, place} -> restore(set, snapshot, place)
      {:error, reason} -> {:error, reason}
    end
  end

  defp left(:infinity, _entries), do: :infinity
  defp left(count, entries), do: count - length(entries)

  # No set is so large: what is beyond a machine word may be anything.
  defp word(:infinity), do: 0xFFFF_FFFF
  defp word(number), do: min(number, 0xFFFF_FFFF_FFFF)
end
