defmodule Guildhall.MemberListClient do
  @moduledoc false

  # What a client has of a member list: some windows, in a list with holes, as a map by index. It
  # knows nothing but the operations that it is sent.

  @window 100

  defstruct items: %{}, windows: []

  @type t :: %__MODULE__{}

  @spec apply(t(), [Guildhall.MemberList.op()]) :: t()
  def apply(client, ops), do: Enum.reduce(ops, client, &step/2)

  @doc "What the client shows in its windows, of a list that ends before `indexes`."
  @spec shown(t(), non_neg_integer()) :: [{non_neg_integer(), term()}]
  def shown(client, indexes) do
    for {first, last} <- client.windows, index <- first..min(last, indexes - 1)//1 do
      {index, client.items[index]}
    end
  end

  @doc "What it should show: headers without their counts, which come beside the operations."
  @spec expected(t(), (non_neg_integer(), non_neg_integer() -> [term()])) :: [
          {non_neg_integer(), term()}
        ]
  def expected(client, slice) do
    for {first, _last} <- client.windows,
        {item, index} <- Enum.with_index(slice.(first, @window), first) do
      {index, bare(item)}
    end
  end

  defp step({:sync, {first, _last} = range, items}, client) do
    shown = items |> Enum.with_index(first) |> Map.new(fn {item, at} -> {at, bare(item)} end)
    update_in(client.items, &(&1 |> Map.drop(indexes(range)) |> Map.merge(shown)))
  end

  defp step({:invalidate, range}, client),
    do: update_in(client.items, &Map.drop(&1, indexes(range)))

  defp step({:update, at, item}, client), do: put_in(client.items[at], bare(item))

  defp step({:insert, at, item}, client) do
    moved = Map.new(client.items, fn {index, item} -> {shift(index >= at, index, 1), item} end)
    %{client | items: Map.put(moved, at, bare(item))}
  end

  defp step({:delete, at}, client) do
    rest = Map.delete(client.items, at)
    %{client | items: Map.new(rest, fn {index, item} -> {shift(index > at, index, -1), item} end)}
  end

  defp shift(true, index, by), do: index + by
  defp shift(false, index, _by), do: index

  defp indexes({first, last}), do: Enum.to_list(first..last)

  defp bare({:group, key, _count}), do: {:group, key}
  defp bare(id), do: id
end
