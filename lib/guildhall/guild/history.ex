defmodule Guildhall.Guild.History do
  @moduledoc false

  # Messages as they lie in the store, read in the process that asks: whoever may see the channel was
  # asked before.
  #
  # Messages are in buckets of ten days. A page walks the buckets that the channel's index names, so
  # a quiet channel costs no more than a busy one.

  alias Guildhall.Guild.{Emoji, Facts, Keys, Rows}
  alias Guildhall.Model.{Message, Row, User}
  alias Guildhall.Store

  @type id :: pos_integer()
  @type read(value) :: {:ok, value} | {:error, term()}
  @type bounds :: [limit: 1..100, before: id(), after: id(), around: id()]

  @doc "A page of a channel, newest first, with reactions as the viewer sees them."
  @spec page(Guildhall.Instance.t(), id(), viewer_id :: id() | nil, bounds()) ::
          read([Message.t()])
  def page(instance, channel_id, viewer_id, bounds) do
    limit = Keyword.get(bounds, :limit, 50)

    with {:ok, rows} <- rows(instance, channel_id, limit, Map.new(bounds)) do
      fill(instance, Rows.structs(instance, rows), viewer_id)
    end
  end

  @spec message(Guildhall.Instance.t(), id(), id(), viewer_id :: id() | nil) ::
          {:ok, Message.t()} | {:error, term()}
  def message(instance, channel_id, message_id, viewer_id) do
    key = {Keys.messages(channel_id, message_id), Keys.id(message_id)}

    with {:ok, [row]} when row != nil <- Store.get_many(instance, :messages, [key]),
         {:ok, message} <- Row.decode(row),
         {:ok, [message]} <- fill(instance, [message], viewer_id) do
      {:ok, message}
    else
      {:ok, [nil]} -> {:error, :unknown_message}
      {:error, reason} -> {:error, reason}
    end
  end

  @doc "Messages by id, in the order asked for; those that are gone are left out."
  @spec messages(Guildhall.Instance.t(), id(), [id()], viewer_id :: id() | nil) ::
          read([Message.t()])
  def messages(instance, channel_id, ids, viewer_id) do
    keys = for id <- ids, do: {Keys.messages(channel_id, id), Keys.id(id)}

    with {:ok, rows} <- Store.get_many(instance, :messages, keys) do
      fill(instance, Rows.structs(instance, Enum.reject(rows, &is_nil/1)), viewer_id)
    end
  end

  @doc "The ids of an author's messages since then, among the newest `limit` of the channel."
  @spec by_author(Guildhall.Instance.t(), id(), author_id :: id(), since :: id(), pos_integer()) ::
          read([id()])
  def by_author(instance, channel_id, author_id, since, limit) do
    with {:ok, rows} <- older(instance, channel_id, limit, nil, & &1) do
      {:ok,
       for {<<id::64>>, row} <- rows,
           id >= since,
           {:ok, %Message{author: %{id: ^author_id}}} <- [Row.decode(row)] do
         id
       end}
    end
  end

  @doc "Up to `limit` users who reacted with the emoji, in order of id."
  @spec reactors(Guildhall.Instance.t(), Message.t(), binary(), after_id :: id() | 0, 1..100) ::
          read([id()])
  def reactors(instance, %Message{} = message, emoji, after_id, limit) do
    case Enum.find(counts(instance, message), &match?({^emoji, _count, _since}, &1)) do
      nil ->
        {:ok, []}

      {_emoji, _count, since} ->
        prefix = Keys.reactions(message.id, emoji)
        last = <<prefix::binary, after_id::64>>
        reactors(instance, message, {prefix, since}, last, limit, [])
    end
  end

  # Rows of an emoji that was cleared since are dead, and skipped.
  defp reactors(instance, message, {prefix, since} = emoji, last, limit, found) do
    bounds = [after: last, to: <<prefix::binary, -1::64>>, limit: limit]
    partition = Keys.messages(message.channel_id, message.id)

    with {:ok, rows} <- Store.scan(instance, :reactions, partition, bounds) do
      users = for {key, row} <- rows, Rows.decode_since(row) == since, do: user_id(key)
      found = found ++ users

      if length(rows) < limit or length(found) >= limit,
        do: {:ok, Enum.take(found, limit)},
        else: reactors(instance, message, emoji, elem(List.last(rows), 0), limit, found)
    end
  end

  defp counts(instance, %Message{channel_id: channel_id, id: id}) do
    key = {:counts, channel_id, id}

    case Facts.read(instance, channel_id, [key]) do
      {:ok, facts} -> Map.fetch!(facts, key)
      {:error, _reason} -> []
    end
  end

  defp user_id(key), do: :binary.decode_unsigned(binary_part(key, byte_size(key), -8))

  @doc "The id of the channel's last message, nil if there is none."
  @spec last_id(Guildhall.Instance.t(), id()) :: read(id() | nil)
  def last_id(instance, channel_id) do
    with {:ok, rows} <- older(instance, channel_id, 1, nil, &elem(&1, 0)) do
      {:ok, List.first(for <<id::64>> <- rows, do: id)}
    end
  end

  defp rows(instance, channel_id, limit, %{around: id}) do
    older = div(limit, 2)

    with {:ok, newer} <- newer(instance, channel_id, limit - older, max(id - 1, 0)),
         {:ok, older} <- older(instance, channel_id, older, id, &elem(&1, 1)) do
      {:ok, newer ++ older}
    end
  end

  defp rows(instance, channel_id, limit, %{after: id}), do: newer(instance, channel_id, limit, id)

  defp rows(instance, channel_id, limit, bounds) do
    older(instance, channel_id, limit, bounds[:before], &elem(&1, 1))
  end

  defp older(_instance, _channel_id, 0, _before, _take), do: {:ok, []}

  defp older(instance, channel_id, limit, before, take) do
    {buckets, rows} =
      if before,
        do: {[to: <<Keys.message_bucket(before)::32>>], [before: Keys.id(before)]},
        else: {[], []}

    walk(
      instance,
      channel_id,
      {[direction: :desc] ++ buckets, [direction: :desc] ++ rows},
      limit,
      take
    )
  end

  # Newest first, as every page.
  defp newer(instance, channel_id, limit, last) do
    buckets = [from: <<Keys.message_bucket(last)::32>>]
    bounds = {buckets, [after: Keys.id(last)]}

    with {:ok, rows} <- walk(instance, channel_id, bounds, limit, &elem(&1, 1)) do
      {:ok, Enum.reverse(rows)}
    end
  end

  defp walk(instance, channel_id, {buckets, rows}, limit, take) do
    # A few buckets at a time: most pages come from the first.
    with {:ok, found} <-
           Store.scan(instance, :message_buckets, Keys.id(channel_id), buckets ++ [limit: 8]) do
      found = for {<<bucket::32>>, _row} <- found, do: bucket

      with {:ok, taken} <- collect(instance, channel_id, found, rows, limit, take) do
        if length(taken) >= limit or length(found) < 8 do
          {:ok, taken}
        else
          rest = {beyond(buckets, List.last(found)), rows}

          with {:ok, more} <- walk(instance, channel_id, rest, limit - length(taken), take) do
            {:ok, taken ++ more}
          end
        end
      end
    end
  end

  defp beyond(buckets, last) do
    if buckets[:direction] == :desc,
      do: [direction: :desc, before: <<last::32>>],
      else: [after: <<last::32>>]
  end

  defp collect(instance, channel_id, buckets, bounds, limit, take) do
    Enum.reduce_while(buckets, {:ok, []}, fn bucket, {:ok, taken} ->
      wanted = limit - length(taken)
      partition = Keys.bucket(channel_id, bucket)

      case wanted > 0 && Store.scan(instance, :messages, partition, bounds ++ [limit: wanted]) do
        false -> {:halt, {:ok, taken}}
        {:ok, rows} -> {:cont, {:ok, taken ++ Enum.map(rows, take)}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end

  # What is stored beside the messages: those they answer, reactions, whether they are the viewer's.
  defp fill(instance, messages, viewer_id) do
    references =
      for %{reference: %{message_id: id}} = m <- messages, id, do: {:message, m.channel_id, id}

    counts = for m <- messages, do: {:counts, m.channel_id, m.id}

    with {:ok, facts} <- Facts.read(instance, nil, references ++ counts),
         {:ok, own} <- Facts.read(instance, nil, own_keys(messages, facts, viewer_id)) do
      {:ok, Enum.map(messages, &fill_one(&1, facts, own, viewer_id))}
    end
  end

  defp own_keys(_messages, _facts, nil), do: []

  defp own_keys(messages, facts, viewer_id) do
    for message <- messages,
        {emoji, _count, _since} <- facts[{:counts, message.channel_id, message.id}],
        do: {:reaction, message.channel_id, message.id, emoji, viewer_id}
  end

  defp fill_one(%Message{channel_id: channel_id, id: id} = message, facts, own, viewer_id) do
    reactions =
      for {emoji, count, since} <- facts[{:counts, channel_id, id}] do
        me = own[{:reaction, channel_id, id, emoji, viewer_id}] == since
        %{emoji: Emoji.parse(emoji), count: count, me: me}
      end

    %{message | reactions: reactions, referenced: referenced(message, facts)}
  end

  defp referenced(%Message{reference: %{message_id: id}, channel_id: channel_id}, facts)
       when id != nil do
    facts[{:message, channel_id, id}] || :deleted
  end

  defp referenced(_message, _facts), do: nil

  @doc "The users of messages or bans, as they are now, where they still are."
  @spec users(Guildhall.Instance.t(), [id()]) :: read([User.t()])
  def users(instance, ids) do
    with {:ok, users} <- Guildhall.User.fetch_many(instance, ids) do
      users = Map.new(users, &{&1.id, &1})
      {:ok, for(id <- ids, user = users[id], do: user)}
    end
  end
end
