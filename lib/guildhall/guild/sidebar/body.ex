defmodule Guildhall.Guild.Sidebar.Body do
  @moduledoc false

  # GUILD_MEMBER_LIST_UPDATE, put together of members that are JSON already.

  alias Guildhall.MemberList
  alias Guildhall.Model.{Json, Member, User}
  alias Guildhall.{Outbox, Payload}

  @type counts :: {
          members :: non_neg_integer(),
          online :: non_neg_integer(),
          [{MemberList.group(), pos_integer()}]
        }
  @type members :: %{optional(pos_integer()) => binary()}

  @offline %{status: :offline, activities: [], client_status: %{}}

  @doc "A member with his presence. Who is gone, and will be taken out, has no more than an id."
  @spec member(pos_integer(), Member.t() | nil, shown :: map() | nil) :: binary()
  def member(id, nil, shown), do: member(id, %Member{user: %User{id: id, username: ""}}, shown)

  def member(id, %Member{} = member, shown) do
    member
    |> Json.member(user: true)
    |> Map.put(:presence, Json.presence(id, shown || @offline))
    |> Payload.encode!()
  end

  @doc "The ids of the members that the operations show."
  @spec ids([MemberList.op()]) :: [pos_integer()]
  def ids(ops), do: for(op <- ops, item <- items(op), is_integer(item), do: item)

  defp items({:sync, _range, items}), do: items
  defp items({kind, _index, item}) when kind in [:insert, :update], do: [item]
  defp items(_op), do: []

  @spec event(
          guild_id :: pos_integer(),
          list_id :: String.t(),
          counts(),
          [MemberList.op()],
          members()
        ) ::
          Outbox.event()
  def event(guild_id, list_id, {count, online, groups}, ops, members) do
    json = [
      [~s({"id":"), list_id, ~s(","guild_id":"), number(guild_id)],
      [~s(","member_count":), number(count), ~s(,"online_count":), number(online)],
      [~s(,"groups":[), list(groups, fn {key, count} -> group(key, count) end)],
      [~s(],"ops":[), list(ops, &op(&1, members)), "]}"]
    ]

    Outbox.event("GUILD_MEMBER_LIST_UPDATE", json, guild_id)
  end

  defp op({:sync, range, items}, members) do
    [
      ~s({"op":"SYNC","range":),
      range(range),
      ~s(,"items":[),
      list(items, &item(&1, members)),
      "]}"
    ]
  end

  defp op({:insert, index, item}, members), do: put("INSERT", index, item, members)
  defp op({:update, index, item}, members), do: put("UPDATE", index, item, members)
  defp op({:delete, index}, _members), do: [~s({"op":"DELETE","index":), number(index), "}"]

  defp op({:invalidate, range}, _members) do
    [~s({"op":"INVALIDATE","range":), range(range), "}"]
  end

  defp put(name, index, item, members) do
    [~s({"op":"), name, ~s(","index":), number(index), ~s(,"item":), item(item, members), "}"]
  end

  defp item({:group, key, count}, _members), do: [~s({"group":), group(key, count), "}"]
  defp item(id, members), do: [~s({"member":), Map.fetch!(members, id), "}"]

  defp group(key, count), do: [~s({"id":"), "#{key}", ~s(","count":), number(count), "}"]
  defp range({first, last}), do: ["[", number(first), ",", number(last), "]"]
  defp number(number), do: Integer.to_string(number)
  defp list(things, fun), do: things |> Enum.map(fun) |> Enum.intersperse(",")
end
