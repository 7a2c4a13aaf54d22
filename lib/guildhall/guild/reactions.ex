defmodule Guildhall.Guild.Reactions do
  @moduledoc false

  # Reactions to messages. The summary of a message's reactions is one row, exact because all that
  # change it hold the message; reactions that come while it is being written go together in the
  # next write.

  @behaviour Guildhall.Guild.Concern

  alias Guildhall.Guild.{Authority, Emoji, Events, Facts, Keys, Plan, Rows}
  alias Guildhall.Model.{Limits, Message}
  alias Guildhall.Permissions

  @limit Limits.reactions()
  @add Permissions.bit(:add_reactions)
  @history Permissions.bit(:read_message_history)
  @manage Permissions.bit(:manage_messages)

  @impl true
  def facts(actor, {:add_reaction, channel_id, id, emoji}) do
    facts(actor, {:remove_reaction, channel_id, id, emoji, actor})
  end

  def facts(actor, {:remove_reaction, channel_id, id, emoji, user_id}) do
    row = for {:ok, key} <- [Emoji.key(emoji)], do: {:reaction, channel_id, id, key, user_id}
    row ++ facts(actor, {:clear_reactions, channel_id, id, nil})
  end

  def facts(_actor, {:clear_reactions, channel_id, id, _emoji}) do
    [{:message, channel_id, id}, {:counts, channel_id, id}]
  end

  @impl true
  def keys(_state, %{actor: actor, command: command}) do
    {[:guild, {:member, actor}], [{:message, elem(command, 2)}]}
  end

  @impl true
  def decide(state, %{command: {:add_reaction, channel_id, id, emoji}, actor: actor} = request) do
    with {:ok, authority} <- Authority.in_channel(state, request, channel_id, @history),
         {:ok, emoji} <- Emoji.key(emoji),
         {:ok, message} <- message(state, request, channel_id, id),
         {:ok, [counts, since]} <-
           Facts.fetch_all(state, request, [
             {:counts, channel_id, id},
             {:reaction, channel_id, id, emoji, actor}
           ]),
         {:ok, entry} <- entry(List.keyfind(counts, emoji, 0), counts, emoji, authority, request) do
      if counted?(entry, since),
        do: {:ok, %Plan{}},
        else: {:ok, add(state, authority, message, increment(counts, entry), entry)}
    end
  end

  def decide(state, %{command: {:remove_reaction, channel_id, id, emoji, user_id}} = request) do
    needed = if request.actor == user_id, do: 0, else: @manage

    with {:ok, _authority} <- Authority.in_channel(state, request, channel_id, needed),
         {:ok, emoji} <- Emoji.key(emoji),
         {:ok, message} <- message(state, request, channel_id, id),
         {:ok, [counts, since]} <-
           Facts.fetch_all(state, request, [
             {:counts, channel_id, id},
             {:reaction, channel_id, id, emoji, user_id}
           ]),
         {:ok, entry} <- used(counts, emoji) do
      if counted?(entry, since),
        do: {:ok, remove(state, message, counts, entry, user_id)},
        else: {:ok, %Plan{}}
    end
  end

  def decide(state, %{command: {:clear_reactions, channel_id, id, nil}} = request) do
    with {:ok, _authority} <- Authority.in_channel(state, request, channel_id, @manage),
         {:ok, message} <- message(state, request, channel_id, id),
         {:ok, counts} <- Facts.fetch(state, request, {:counts, channel_id, id}) do
      if counts == [],
        do: {:ok, %Plan{}},
        else: {:ok, written(message, [], Events.reactions_cleared(state, message))}
    end
  end

  def decide(state, %{command: {:clear_reactions, channel_id, id, emoji}} = request) do
    with {:ok, _authority} <- Authority.in_channel(state, request, channel_id, @manage),
         {:ok, emoji} <- Emoji.key(emoji),
         {:ok, message} <- message(state, request, channel_id, id),
         {:ok, counts} <- Facts.fetch(state, request, {:counts, channel_id, id}),
         {:ok, _entry} <- used(counts, emoji) do
      event = Events.emoji_cleared(state, message, Emoji.parse(emoji))
      {:ok, written(message, List.keydelete(counts, emoji, 0), event)}
    end
  end

  defp message(state, request, channel_id, id) do
    case Facts.fetch(state, request, {:message, channel_id, id}) do
      {:ok, nil} -> {:error, :unknown_message}
      other -> other
    end
  end

  # A new emoji is an entry that nobody has used yet, from this command's id on.
  defp entry(nil, counts, emoji, authority, request) do
    with {:ok, _authority} <- Authority.allow(authority, @add) do
      if length(counts) < @limit,
        do: {:ok, {emoji, 0, request.id}},
        else: {:error, :reaction_limit}
    end
  end

  defp entry(entry, _counts, _emoji, _authority, _request), do: {:ok, entry}

  defp used(counts, emoji) do
    case List.keyfind(counts, emoji, 0) do
      nil -> {:error, :unknown_emoji}
      entry -> {:ok, entry}
    end
  end

  defp counted?({_emoji, _count, since}, reacted_since), do: since == reacted_since

  defp increment(counts, {emoji, count, since}) do
    List.keystore(counts, emoji, 0, {emoji, count + 1, since})
  end

  defp decrement(counts, {emoji, 1, _since}), do: List.keydelete(counts, emoji, 0)

  defp decrement(counts, {emoji, count, since}) do
    List.keyreplace(counts, emoji, 0, {emoji, count - 1, since})
  end

  defp add(state, authority, message, counts, {emoji, _count, since}) do
    event = Events.reaction_added(state, authority, message, Emoji.parse(emoji))
    plan = written(message, counts, event)
    row = Keys.reaction(message.id, emoji, authority.actor)
    op = {:put, :reactions, partition(message), row, Rows.encode_since(since)}
    with_row(plan, op, message, emoji, authority.actor, since)
  end

  defp remove(state, message, counts, {emoji, _count, _since} = entry, user_id) do
    event = Events.reaction_removed(state, message, Emoji.parse(emoji), user_id)
    plan = written(message, decrement(counts, entry), event)
    op = {:delete, :reactions, partition(message), Keys.reaction(message.id, emoji, user_id)}
    with_row(plan, op, message, emoji, user_id, nil)
  end

  defp with_row(plan, op, message, emoji, user_id, since) do
    key = {:reaction, message.channel_id, message.id, emoji, user_id}
    %{plan | ops: [op | plan.ops], changes: [{:row, key, since} | plan.changes]}
  end

  defp written(message, counts, event) do
    %Plan{
      ops: [summary(message, counts)],
      changes: [{:row, {:counts, message.channel_id, message.id}, counts}],
      effects: [publish: event]
    }
  end

  defp summary(%Message{id: id} = message, []) do
    {:delete, :reaction_counts, partition(message), Keys.id(id)}
  end

  defp summary(%Message{id: id} = message, counts) do
    {:put, :reaction_counts, partition(message), Keys.id(id), Rows.encode_counts(counts)}
  end

  defp partition(message), do: Keys.messages(message.channel_id, message.id)
end
