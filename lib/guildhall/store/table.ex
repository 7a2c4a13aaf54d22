defmodule Guildhall.Store.Table do
  @moduledoc false

  # The tables, and what their keys are. All numbers in keys are big-endian, so that the order of
  # bytes is the order of numbers. A name stays with its rows for good: a new table is appended.

  @tables [
    # user_id -> the user's own rows
    :users,
    # user_id -> guild_id
    :user_guilds,
    # user_id -> recipient_id -> the channel between the two
    :user_channels,
    # guild_id -> the guild, its roles, its channels, its counts
    :guilds,
    # channel_id -> the room it belongs to
    :channels,
    # guild_id and bucket -> user_id -> member
    :members,
    # guild_id and first byte -> folded name and user_id
    :member_names,
    # guild_id -> user_id -> ban
    :bans,
    # channel_id and bucket -> message_id -> message
    :messages,
    # channel_id -> buckets that have messages
    :message_buckets,
    # channel_id and bucket -> message_id, emoji and user_id
    :reactions,
    # channel_id and bucket -> message_id -> counts
    :reaction_counts,
    # channel_id -> message_id
    :pins,
    # name -> who owns it, with an epoch
    :leases,
    # what the node remembers about itself
    :settings
  ]

  @type t ::
          unquote(Enum.reduce(Enum.reverse(@tables), fn name, type -> {:|, [], [name, type]} end))

  @spec all() :: [t()]
  def all, do: @tables

  defguard is_table(name) when name in @tables
end
