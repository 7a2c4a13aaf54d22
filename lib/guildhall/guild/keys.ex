defmodule Guildhall.Guild.Keys do
  @moduledoc false

  # Partitions and keys of everything that a room stores. [format]
  #
  # Members lie in 16 buckets, by the top four bits of the id times 2^64 over the golden ratio;
  # messages in buckets of ten days of their ids' time.

  import Bitwise

  alias Guildhall.Model.Snowflake

  @buckets 16
  @golden 0x9E37_79B9_7F4A_7C15
  @days_10 864_000_000

  @type id :: pos_integer()

  @spec guild(id()) :: binary()
  def guild(guild_id), do: <<guild_id::64>>

  @spec role(id()) :: binary()
  def role(role_id), do: <<"role", role_id::64>>

  @spec channel(id()) :: binary()
  def channel(channel_id), do: <<"channel", channel_id::64>>

  @spec id(id()) :: binary()
  def id(id), do: <<id::64>>

  @doc "The 16 partitions of a guild's members."
  @spec member_buckets(id()) :: [binary()]
  def member_buckets(guild_id),
    do: for(bucket <- 0..(@buckets - 1), do: <<guild_id::64, bucket::16>>)

  @spec members(id(), id()) :: binary()
  def members(guild_id, user_id), do: <<guild_id::64, bucket(user_id)::16>>

  @spec bucket(id()) :: 0..15
  def bucket(user_id), do: (user_id * @golden) >>> 60 &&& @buckets - 1

  @spec names(id(), folded :: binary()) :: binary()
  def names(guild_id, <<first, _rest::binary>>), do: <<guild_id::64, first>>

  @spec name(folded :: binary(), id()) :: binary()
  def name(folded, user_id), do: <<folded::binary, 0, user_id::64>>

  @spec message_bucket(id()) :: non_neg_integer()
  def message_bucket(message_id), do: div(message_id >>> 22, @days_10)

  @doc "The partition of a message, and of the reactions to it and their counts."
  @spec messages(id(), id()) :: binary()
  def messages(channel_id, message_id), do: bucket(channel_id, message_bucket(message_id))

  @spec bucket(id(), non_neg_integer()) :: binary()
  def bucket(channel_id, bucket), do: <<channel_id::64, bucket::32>>

  @doc "The first key of the reactions to a message with an emoji; with all of them if it is empty."
  @spec reactions(id(), emoji :: binary()) :: binary()
  def reactions(message_id, ""), do: <<message_id::64>>
  def reactions(message_id, emoji), do: <<message_id::64, byte_size(emoji), emoji::binary>>

  @spec reaction(id(), emoji :: binary(), id()) :: binary()
  def reaction(message_id, emoji, user_id),
    do: <<reactions(message_id, emoji)::binary, user_id::64>>

  @doc "The bucket that ids made at this time belong to."
  @spec bucket_at(integer()) :: non_neg_integer()
  def bucket_at(unix_ms), do: unix_ms |> Snowflake.from_time() |> message_bucket()
end
