defmodule Guildhall.SidebarClient do
  @moduledoc false

  # What a user client has of the member lists of a guild: it knows nothing but the
  # GUILD_MEMBER_LIST_UPDATEs that it is sent. A list is a map by index, with holes; a group is the
  # text of its key, and its count is taken from the groups beside the operations.

  @window 100

  @doc "Takes an event in."
  def take(lists, %{"id" => id, "ops" => ops} = event) do
    list = Map.get(lists, id, %{items: %{}})
    items = Enum.reduce(ops, list.items, &step/2)
    groups = for %{"id" => key, "count" => count} <- event["groups"], do: {key, count}
    counts = {event["member_count"], event["online_count"]}
    Map.put(lists, id, %{items: items, groups: groups, counts: counts})
  end

  @doc "What is shown in a window: keys of groups, and what `fun` makes of members."
  def shown(%{items: items, groups: groups}, window, fun \\ & &1["user"]["id"]) do
    indexes = Enum.sum(for {_key, count} <- groups, do: count + 1)
    first = window * @window

    for index <- first..min(first + @window - 1, indexes - 1)//1 do
      case items do
        %{^index => %{"group" => %{"id" => key}}} -> key
        %{^index => %{"member" => member}} -> fun.(member)
        %{} -> :hole
      end
    end
  end

  defp step(%{"op" => "SYNC", "range" => [first, last], "items" => new}, items) do
    new = new |> Enum.with_index(first) |> Map.new(fn {item, index} -> {index, item} end)
    items |> Map.drop(Enum.to_list(first..last)) |> Map.merge(new)
  end

  defp step(%{"op" => "INVALIDATE", "range" => [first, last]}, items) do
    Map.drop(items, Enum.to_list(first..last))
  end

  defp step(%{"op" => "UPDATE", "index" => index, "item" => item}, items) do
    Map.put(items, index, item)
  end

  defp step(%{"op" => "INSERT", "index" => at, "item" => item}, items) do
    items
    |> Map.new(fn {index, item} -> {if(index >= at, do: index + 1, else: index), item} end)
    |> Map.put(at, item)
  end

  defp step(%{"op" => "DELETE", "index" => at}, items) do
    items
    |> Map.delete(at)
    |> Map.new(fn {index, item} -> {if(index > at, do: index - 1, else: index), item} end)
  end
end
