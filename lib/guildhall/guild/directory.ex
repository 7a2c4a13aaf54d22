defmodule Guildhall.Guild.Directory do
  @moduledoc false

  # The members of a guild as they lie in the store: rows by id in 16 buckets, an index by folded
  # name, and their number. Reads run in the process that asks; none of them holds a guild's
  # members, but pages of them.

  alias Guildhall.Guild.{Keys, Rows}
  alias Guildhall.Model.{Member, Row, Text}
  alias Guildhall.Store

  @type id :: pos_integer()
  @type read(value) :: {:ok, value} | {:error, term()}

  @doc "Stores a member; `old` is the row that it replaces."
  @spec put_ops(guild_id :: id(), old :: Member.t() | nil, Member.t()) :: [Store.op()]
  def put_ops(guild_id, old, %Member{user: %{id: user_id}} = member) do
    had = if old, do: names(old), else: []
    has = names(member)

    [{:put, :members, Keys.members(guild_id, user_id), Keys.id(user_id), Row.encode(member)}] ++
      for(name <- had -- has, do: delete_name(guild_id, name, user_id)) ++
      for(name <- has -- had, do: put_name(guild_id, name, user_id))
  end

  @spec delete_ops(guild_id :: id(), Member.t()) :: [Store.op()]
  def delete_ops(guild_id, %Member{user: %{id: user_id}} = member) do
    [{:delete, :members, Keys.members(guild_id, user_id), Keys.id(user_id)}] ++
      for(name <- names(member), do: delete_name(guild_id, name, user_id))
  end

  @spec count_op(guild_id :: id(), non_neg_integer()) :: Store.op()
  def count_op(guild_id, count) do
    {:put, :guilds, Keys.guild(guild_id), "count", Rows.encode_number(count)}
  end

  @doc "The names under which a member is found."
  @spec names(Member.t()) :: [binary()]
  def names(%Member{nick: nick, user: user}) do
    for(name <- [user.username, user.global_name, nick], is_binary(name), do: Text.fold(name))
    |> Enum.reject(&(&1 == ""))
    |> Enum.uniq()
  end

  @doc "Members by id, in order of id; unknown ones are left out."
  @spec find(Guildhall.Instance.t(), guild_id :: id(), [id()]) :: read([Member.t()])
  def find(instance, guild_id, user_ids) do
    keys = for id <- Enum.sort(Enum.uniq(user_ids)), do: {Keys.members(guild_id, id), Keys.id(id)}

    with {:ok, rows} <- Store.get_many(instance, :members, keys) do
      {:ok, Rows.structs(instance, Enum.reject(rows, &is_nil/1))}
    end
  end

  @doc "Up to `limit` members one of whose names begins so, in the order of that name."
  @spec search(Guildhall.Instance.t(), guild_id :: id(), String.t(), pos_integer()) ::
          read([Member.t()])
  def search(instance, guild_id, query, limit) do
    case Text.fold(query) do
      "" ->
        {:ok, []}

      prefix ->
        with {:ok, ids} <- named(instance, guild_id, prefix, [from: prefix], limit, []),
             {:ok, members} <- find(instance, guild_id, ids) do
          members = Map.new(members, &{&1.user.id, &1})
          {:ok, for(id <- ids, member = members[id], do: member)}
        end
    end
  end

  # Text holds no byte 255, so it bounds everything that begins with the prefix. A member may be
  # found by several names, so a page may yield fewer members than rows.
  defp named(instance, guild_id, prefix, from, limit, found) do
    bounds = from ++ [before: prefix <> <<255>>, limit: limit]

    with {:ok, rows} <- Store.scan(instance, :member_names, Keys.names(guild_id, prefix), bounds) do
      found = Enum.uniq(found ++ for({key, _row} <- rows, do: user_id(key)))

      if length(rows) < limit or length(found) >= limit do
        {:ok, Enum.take(found, limit)}
      else
        {last, _row} = List.last(rows)
        named(instance, guild_id, prefix, [after: last], limit, found)
      end
    end
  end

  defp user_id(key), do: :binary.decode_unsigned(binary_part(key, byte_size(key), -8))

  defp put_name(guild_id, name, user_id) do
    {:put, :member_names, Keys.names(guild_id, name), Keys.name(name, user_id), ""}
  end

  defp delete_name(guild_id, name, user_id) do
    {:delete, :member_names, Keys.names(guild_id, name), Keys.name(name, user_id)}
  end
end
