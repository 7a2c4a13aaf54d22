defmodule Guildhall.Guild.Aftermath do
  @moduledoc false

  # What a command leaves behind in the store that nobody can reach any more, or that takes longer
  # than a room has time for. It is done in the caller's process after the command, a piece at a
  # time; what is left if that process dies is out of reach, and out of sight.

  alias Guildhall.Guild.{Directory, History, Keys, MemberPages, Places, Posting, Rooms}
  alias Guildhall.Model.Snowflake
  alias Guildhall.{Store, User}

  @page 1_000
  # How much of a banned user's messages is looked for: so many newest messages of a channel.
  @looked_at 1_000

  @type result :: :ok | {:ok, term()} | {:error, term()}

  @doc "Cleans up after a command, and returns its result."
  @spec clean(Guildhall.Instance.t(), pos_integer(), Guildhall.Guild.command(), result()) ::
          result()
  def clean(instance, _room_id, {:delete_channel, channel_id}, {:ok, _channel} = result) do
    Places.gone(instance, [channel_id])
    delete_messages(instance, channel_id)
    result
  end

  def clean(instance, guild_id, {:delete_guild}, {:ok, guild}) do
    Places.gone(instance, Map.keys(guild.channels))
    Enum.each(Map.keys(guild.channels), &delete_messages(instance, &1))
    forget_members(instance, MemberPages.new(instance, guild_id), guild_id)
    drops = for partition <- Keys.member_buckets(guild_id), do: {:drop, :members, partition}
    Store.write(instance, drops ++ [{:drop, :bans, Keys.guild(guild_id)}])
    :ok
  end

  def clean(instance, guild_id, {:ban, user_id, %{delete_message_seconds: seconds}}, :ok)
      when is_integer(seconds) and seconds > 0 do
    since = Snowflake.from_time(System.system_time(:millisecond) - seconds * 1_000)

    with {:ok, channels} <- Rooms.run(instance, guild_id, :operator, {:channels}) do
      for %{id: id, type: type} <- channels, Posting.text?(type) do
        delete_recent(instance, guild_id, id, {user_id, since})
      end
    end

    :ok
  end

  def clean(_instance, _room_id, _command, result), do: result

  # The index goes last: as long as it is there, the messages can be found.
  defp delete_messages(instance, channel_id) do
    with {:ok, [_one | _more] = rows} <-
           Store.scan(instance, :message_buckets, Keys.id(channel_id), []) do
      for {<<bucket::32>> = key, _row} <- rows do
        partition = Keys.bucket(channel_id, bucket)

        drops =
          for table <- [:messages, :reactions, :reaction_counts], do: {:drop, table, partition}

        Store.write(instance, drops ++ [{:delete, :message_buckets, Keys.id(channel_id), key}])
      end

      if length(rows) == @page, do: delete_messages(instance, channel_id), else: :ok
    end

    Store.write(instance, [{:drop, :pins, Keys.id(channel_id)}])
  end

  # A page is deleted as it is read: the names of all members are found by their rows.
  defp forget_members(instance, pages, guild_id) do
    with {:ok, [_one | _more] = members, pages} <- MemberPages.next(pages, @page) do
      ops =
        Enum.flat_map(members, fn %{user: %{id: user_id}} = member ->
          User.member_ops(user_id, guild_id, :leave) ++ Directory.delete_ops(guild_id, member)
        end)

      with :ok <- Store.write(instance, ops), do: forget_members(instance, pages, guild_id)
    end
  end

  defp delete_recent(instance, guild_id, channel_id, {user_id, since}) do
    with {:ok, ids} <- History.by_author(instance, channel_id, user_id, since, @looked_at) do
      for [_one | _more] = some <- Enum.chunk_every(ids, 100) do
        command =
          case some do
            [id] -> {:delete_message, channel_id, id}
            ids -> {:delete_messages, channel_id, ids}
          end

        Rooms.run(instance, guild_id, :operator, command)
      end
    end
  end
end
