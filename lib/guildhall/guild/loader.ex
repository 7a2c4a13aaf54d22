defmodule Guildhall.Guild.Loader do
  @moduledoc false

  # A room's state as the store has it: settings, roles, channels, the number of members, and the last
  # message of each channel. Never members: how large a guild is does not matter here.

  alias Guildhall.Guild.{History, Keys, Posting, State}
  alias Guildhall.Model.{Channel, Guild, Role, Row}
  alias Guildhall.Store

  # A guild, its count, its roles and channels.
  @most 2_000

  @spec load(Guildhall.Instance.t(), pos_integer()) ::
          {:ok, Guild.t()} | {:error, :unknown_guild | :corrupt | term()}
  def load(instance, room_id) do
    with {:ok, rows} <- Store.scan(instance, :guilds, Keys.guild(room_id), limit: @most) do
      case List.keyfind(rows, "guild", 0) do
        {"guild", row} -> with {:ok, guild} <- guild(row), do: parts(rows, guild)
        nil -> {:error, :unknown_guild}
      end
    end
  end

  defp guild(row) do
    case Row.decode(row) do
      {:ok, %Guild{} = guild} -> {:ok, guild}
      _other -> corrupt()
    end
  end

  defp parts(rows, guild) do
    Enum.reduce_while(rows, {:ok, guild}, fn {key, row}, {:ok, guild} ->
      case part(key, row) do
        :guild -> {:cont, {:ok, guild}}
        {:count, count} -> {:cont, {:ok, %{guild | member_count: count}}}
        {:ok, %Role{} = role} -> {:cont, {:ok, put_in(guild.roles[role.id], role)}}
        {:ok, %Channel{} = channel} -> {:cont, {:ok, put_in(guild.channels[channel.id], channel)}}
        _other -> {:halt, corrupt()}
      end
    end)
  end

  defp part("guild", _row), do: :guild
  defp part("count", <<1, count::64>>), do: {:count, count}
  defp part(<<"role", _id::64>>, row), do: Row.decode(row)
  defp part(<<"channel", _id::64>>, row), do: Row.decode(row)
  defp part(_key, _row), do: corrupt()

  defp corrupt, do: {:error, :corrupt}

  @doc "The id of the last message of each channel that can hold any and is not in `known`."
  @spec last_ids(Guildhall.Instance.t(), State.t()) ::
          %{optional(pos_integer()) => pos_integer() | nil}
  def last_ids(instance, %State{guild: guild, posts: posts}) do
    for {id, %{type: type}} <- guild.channels,
        Posting.text?(type) and not is_map_key(posts.last, id),
        {:ok, last} <- [History.last_id(instance, id)],
        into: %{},
        do: {id, last}
  end
end
