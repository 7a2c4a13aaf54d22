defmodule Guildhall.Guild.Summaries do
  @moduledoc false

  # The entries of a user's list of guilds, read from the store: no room is started for it, and
  # none is asked.

  alias Guildhall.Guild.{Gate, Keys, Rooms, Rows}
  alias Guildhall.Model.{Guild, Member, Rights, Row}
  alias Guildhall.{Instance, Permissions, Store}

  # Rows that are read at once.
  @most 1_000

  @type id :: pos_integer()
  @type t :: %{
          guild: Guild.t(),
          permissions: non_neg_integer(),
          members: non_neg_integer(),
          online: non_neg_integer()
        }

  @doc "Summaries of those of the guilds that the user is a member of, in the order of the ids."
  @spec read(Instance.t(), user_id :: id(), [id()]) :: {:ok, [t()]} | {:error, :unavailable}
  def read(instance, user_id, guild_ids) do
    with {:ok, guilds} <- rows(instance, :guilds, guild_ids, &{Keys.guild(&1), "guild"}),
         {:ok, counts} <- rows(instance, :guilds, guild_ids, &{Keys.guild(&1), "count"}),
         {:ok, members} <-
           rows(instance, :members, guild_ids, &{Keys.members(&1, user_id), Keys.id(user_id)}),
         found = for(id <- guild_ids, guilds[id] && members[id], do: id),
         members = Map.new(found, &{&1, Row.decode!(members[&1])}),
         {:ok, roles} <- roles(instance, members) do
      {:ok,
       for id <- found do
         guild = Row.decode!(guilds[id])
         %Member{} = member = members[id]

         %{
           guild: guild,
           permissions: permissions(guild, member, roles),
           members: if(counts[id], do: Rows.decode_number(counts[id]), else: guild.member_count),
           online: online(instance, id)
         }
       end}
    end
  end

  # Everyone's role has the guild's id.
  defp roles(instance, members) do
    keys =
      for {guild_id, %{roles: roles}} <- members, id <- [guild_id | roles], do: {guild_id, id}

    rows(instance, :guilds, keys, fn {guild_id, id} -> {Keys.guild(guild_id), Keys.role(id)} end)
  end

  defp permissions(%Guild{id: guild_id} = guild, member, rows) do
    roles =
      for id <- [guild_id | member.roles], row = rows[{guild_id, id}], into: %{} do
        {id, Row.decode!(row)}
      end

    rights = Rights.new(%{guild | roles: roles, channels: %{}})
    Permissions.base(rights, Rights.member(%{member | roles: Map.keys(roles) -- [guild_id]}))
  end

  defp online(instance, guild_id) do
    case Rooms.lookup(instance, guild_id) do
      {_pid, gate} -> Gate.online(gate)
      nil -> 0
    end
  end

  # The rows that exist, by key.
  defp rows(instance, table, keys, place) do
    keys
    |> Enum.chunk_every(@most)
    |> Enum.reduce_while({:ok, %{}}, fn keys, {:ok, found} ->
      case Store.get_many(instance, table, Enum.map(keys, place)) do
        {:ok, rows} -> {:cont, {:ok, Map.merge(found, Map.new(Enum.zip(keys, rows)))}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end
end
