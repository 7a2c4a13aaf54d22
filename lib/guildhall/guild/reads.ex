defmodule Guildhall.Guild.Reads do
  @moduledoc false

  # What is read from the store in the process that asks, after the room said that it may.

  alias Guildhall.Guild.{Directory, Emoji, History, Keys, MemberPages, Places, Rooms, Rows}
  alias Guildhall.Model.{Ban, Row}
  alias Guildhall.Permissions
  alias Guildhall.Store

  import Bitwise

  @history Permissions.bit(:read_message_history)
  @bans Permissions.bit(:ban_members)

  @type id :: pos_integer()

  @spec room(Guildhall.Instance.t(), id()) :: Guildhall.Guild.result(id())
  def room(instance, channel_id), do: Places.fetch(instance, channel_id)

  @spec message(Guildhall.Instance.t(), id(), {id(), id()}, Guildhall.Guild.actor()) ::
          Guildhall.Guild.result(Guildhall.Model.Message.t())
  def message(instance, room_id, {channel_id, message_id}, viewer) do
    with {:ok, _seen} <- authorize(instance, room_id, viewer, channel_id, @history) do
      History.message(instance, channel_id, message_id, viewer_id(viewer))
    end
  end

  @doc "A page of a channel. Without the right to read its history it is empty."
  @spec messages(Guildhall.Instance.t(), id(), id(), Guildhall.Guild.actor(), keyword()) ::
          Guildhall.Guild.result([Guildhall.Model.Message.t()])
  def messages(instance, room_id, channel_id, viewer, bounds) do
    with {:ok, %{permissions: own}} <- authorize(instance, room_id, viewer, channel_id, 0) do
      if (own &&& @history) == 0,
        do: {:ok, []},
        else: History.page(instance, channel_id, viewer_id(viewer), bounds)
    end
  end

  @doc "Pinned messages with the times of their pinning, latest first."
  @spec pins(Guildhall.Instance.t(), id(), id(), Guildhall.Guild.actor()) ::
          Guildhall.Guild.result([{integer(), Guildhall.Model.Message.t()}])
  def pins(instance, room_id, channel_id, viewer) do
    with {:ok, %{permissions: own}} <- authorize(instance, room_id, viewer, channel_id, 0),
         true <- (own &&& @history) != 0 || {:ok, []},
         {:ok, rows} <- Store.scan(instance, :pins, Keys.id(channel_id), []),
         pinned = for({<<id::64>>, at} <- rows, into: %{}, do: {id, Rows.decode_number(at)}),
         {:ok, messages} <-
           History.messages(instance, channel_id, Map.keys(pinned), viewer_id(viewer)) do
      {:ok, messages |> Enum.map(&{pinned[&1.id], &1}) |> Enum.sort_by(&elem(&1, 0), :desc)}
    end
  end

  @doc "Users who reacted with an emoji, in order of id."
  @spec reactors(
          Guildhall.Instance.t(),
          id(),
          {id(), id(), map()},
          Guildhall.Guild.actor(),
          keyword()
        ) ::
          Guildhall.Guild.result([Guildhall.Model.User.t()])
  def reactors(instance, room_id, {channel_id, message_id, emoji}, viewer, options) do
    last = Keyword.get(options, :after, 0)
    limit = Keyword.get(options, :limit, 25)

    with {:ok, message} <- message(instance, room_id, {channel_id, message_id}, viewer),
         {:ok, emoji} <- Emoji.key(emoji),
         true <-
           Enum.any?(message.reactions, &(&1.emoji.name == emoji)) || {:error, :unknown_emoji},
         {:ok, user_ids} <- History.reactors(instance, message, emoji, last, limit) do
      History.users(instance, user_ids)
    end
  end

  @spec members(Guildhall.Instance.t(), id(), keyword()) ::
          Guildhall.Guild.result([Guildhall.Model.Member.t()])
  def members(instance, guild_id, options) do
    pages = MemberPages.new(instance, guild_id, Keyword.get(options, :after, 0))

    with {:ok, roles} <- roles(instance, guild_id),
         {:ok, members, _pages} <- MemberPages.next(pages, Keyword.get(options, :limit, 1)) do
      {:ok, Enum.map(members, &strip(&1, roles))}
    end
  end

  @spec search(Guildhall.Instance.t(), id(), String.t(), pos_integer()) ::
          Guildhall.Guild.result([Guildhall.Model.Member.t()])
  def search(instance, guild_id, query, limit) do
    with {:ok, roles} <- roles(instance, guild_id),
         {:ok, members} <- Directory.search(instance, guild_id, query, limit) do
      {:ok, Enum.map(members, &strip(&1, roles))}
    end
  end

  @spec find(Guildhall.Instance.t(), id(), [id()]) ::
          Guildhall.Guild.result([Guildhall.Model.Member.t()])
  def find(instance, guild_id, user_ids) do
    with {:ok, roles} <- roles(instance, guild_id),
         {:ok, members} <- Directory.find(instance, guild_id, user_ids) do
      {:ok, Enum.map(members, &strip(&1, roles))}
    end
  end

  # A deleted role is taken from a member when his row is read.
  defp strip(member, roles), do: %{member | roles: Enum.filter(member.roles, &(&1 in roles))}

  defp roles(instance, guild_id) do
    bounds = [after: "role", before: "rolf", limit: 1_000]

    with {:ok, rows} <- Store.scan(instance, :guilds, Keys.guild(guild_id), bounds) do
      {:ok, for({<<"role", id::64>>, _row} <- rows, into: MapSet.new(), do: id)}
    end
  end

  @spec bans(Guildhall.Instance.t(), id(), Guildhall.Guild.actor(), keyword()) ::
          Guildhall.Guild.result([Ban.t()])
  def bans(instance, guild_id, viewer, options) do
    limit = Keyword.get(options, :limit, 1_000)

    bounds =
      case Map.new(options) do
        %{before: id} -> [before: Keys.id(id), direction: :desc]
        %{after: id} -> [after: Keys.id(id)]
        %{} -> []
      end

    with {:ok, _may} <- authorize(instance, guild_id, viewer, nil, @bans),
         {:ok, rows} <-
           Store.scan(instance, :bans, Keys.guild(guild_id), bounds ++ [limit: limit]) do
      bans = Rows.structs(instance, Enum.map(rows, &elem(&1, 1)))
      {:ok, Enum.sort_by(bans, & &1.user.id)}
    end
  end

  @spec ban(Guildhall.Instance.t(), id(), Guildhall.Guild.actor(), id()) ::
          Guildhall.Guild.result(Ban.t())
  def ban(instance, guild_id, viewer, user_id) do
    with {:ok, _may} <- authorize(instance, guild_id, viewer, nil, @bans) do
      case Store.get(instance, :bans, Keys.guild(guild_id), Keys.id(user_id)) do
        {:ok, row} -> Row.decode(row)
        :none -> {:error, :unknown_ban}
        {:error, reason} -> {:error, reason}
      end
    end
  end

  defp authorize(instance, room_id, viewer, channel_id, needed) do
    Rooms.run(instance, room_id, viewer, {:authorize, channel_id, needed})
  end

  defp viewer_id(:operator), do: nil
  defp viewer_id(user_id), do: user_id
end
