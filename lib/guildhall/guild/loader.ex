defmodule Guildhall.Guild.Loader do
  @moduledoc false

  # A room's state as the store has it: settings, roles, channels, the number of members, and the last
  # message of each channel. Never members: how large a guild is does not matter here.

  alias Guildhall.Guild.{History, Keys, Posting, Rows, State}
  alias Guildhall.Model.{Channel, Guild, Role, Row}
  alias Guildhall.Store

  # A guild, its count, its roles and channels.
  @most 2_000

  @spec load(Guildhall.Instance.t(), pos_integer()) ::
          {:ok, Guild.t()} | {:error, :unknown_guild | term()}
  def load(instance, room_id) do
    with {:ok, rows} <- Store.scan(instance, :guilds, Keys.guild(room_id), limit: @most) do
      case List.keyfind(rows, "guild", 0) do
        {"guild", row} -> {:ok, Enum.reduce(rows, Row.decode!(row), &add/2)}
        nil -> {:error, :unknown_guild}
      end
    end
  end

  defp add({"guild", _row}, guild), do: guild
  defp add({"count", row}, guild), do: %{guild | member_count: Rows.decode_number(row)}

  defp add({<<"role", _id::64>>, row}, guild) do
    %Role{id: id} = role = Row.decode!(row)
    %{guild | roles: Map.put(guild.roles, id, role)}
  end

  defp add({<<"channel", _id::64>>, row}, guild) do
    %Channel{id: id} = channel = Row.decode!(row)
    %{guild | channels: Map.put(guild.channels, id, channel)}
  end

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
