defmodule Guildhall.Relay.Recipients do
  @moduledoc false

  # Who gets an event, and which of its bodies.
  #
  # Nearly all sessions are served in bulk, by selections that are kept between events. The few
  # users an event names (its author, who is mentioned, who is left out) are taken out of the bulk
  # and decided one by one; `receives?/4` and `body/2` are the definition of both.

  alias Guildhall.{Outbox, Relay}
  alias Guildhall.Model.Guild
  alias Guildhall.Relay.{Audience, Event, Selection, Sight, Subscriber}

  @type push :: {:push, Outbox.event(), [Outbox.t()], [Audience.seat()]}
  @type sessions :: %{optional(Relay.session_id()) => term()}

  @doc "Returns the pushes that bring an event to its recipients, but for the sessions in `unless`."
  @spec deliver(Audience.t(), Event.t(), unless :: sessions()) :: {Audience.t(), [push()]}
  def deliver(audience, event, unless \\ %{})

  def deliver(audience, %Event{to: {:users, user_ids}} = event, unless) do
    {audience, one_by_one(audience, event, user_ids, :room, unless)}
  end

  def deliver(audience, event, unless) do
    case place(audience.guild, event.to) do
      nil ->
        {audience, []}

      place ->
        named = for user_id <- named(event), is_map_key(audience.users, user_id), do: user_id
        {audience, selection} = Audience.select(audience, event, place)
        bulk = without(selection, named, unless)

        {audience,
         one_by_one(audience, event, named, place, unless) ++
           for {body, {[_ | _] = outboxes, seats}} <- [
                 {event.body, bulk.body},
                 {event.content, bulk.content}
               ] do
             {:push, body, outboxes, seats}
           end}
    end
  end

  defp place(_guild, :room), do: :room
  defp place(guild, {:channel, channel_id}), do: Sight.place(guild, channel_id)

  # An author without a body of its own is like everyone else.
  defp named(%{author: nil} = event), do: named(event, event.always ++ event.except)
  defp named(event), do: named(event, [event.author_id | event.always] ++ event.except)

  defp named(%{content: nil}, user_ids), do: Enum.uniq(user_ids)
  defp named(event, user_ids), do: Enum.uniq(event.content_for ++ user_ids)

  defp without(selection, [], unless) when unless == %{}, do: selection

  defp without(selection, user_ids, unless) do
    Selection.filter(selection, fn {_key, subscriber} ->
      subscriber.user_id not in user_ids and not is_map_key(unless, subscriber.session_id)
    end)
  end

  defp one_by_one(audience, event, user_ids, place, unless) do
    for user_id <- Enum.uniq(user_ids),
        {_key, subscriber} = seat <- Audience.seats(audience, user_id),
        not is_map_key(unless, subscriber.session_id),
        receives?(event, subscriber, audience.guild, place) do
      {:push, body(event, subscriber), [subscriber.outbox], [seat]}
    end
  end

  @doc "Whether a session gets the event at all."
  @spec receives?(Event.t(), Subscriber.t(), Guild.t(), Sight.place()) :: boolean()
  def receives?(event, %Subscriber{user_id: user_id} = subscriber, guild, place) do
    user_id not in event.except and
      (Selection.wants?(subscriber, event.intents) or user_id in event.always) and
      Sight.allowed?(guild, subscriber.member, place, event.permissions)
  end

  @doc "The body of the event that a session gets."
  @spec body(Event.t(), Subscriber.t()) :: Outbox.event()
  def body(%Event{author: author, author_id: user_id}, %Subscriber{user_id: user_id})
      when author != nil,
      do: author

  def body(%Event{content: nil, body: body}, _subscriber), do: body

  def body(event, subscriber) do
    if Selection.content?(subscriber) or subscriber.user_id in event.content_for,
      do: event.content,
      else: event.body
  end

  @doc "A push of an event to those of the seats who have one of the intents."
  @spec push(Outbox.event(), [Audience.seat()], intents :: non_neg_integer()) :: push()
  def push(event, seats, intents) do
    seats =
      for {_key, subscriber} = seat <- seats, Selection.wants?(subscriber, intents), do: seat

    {:push, event, for({_key, %{outbox: outbox}} <- seats, do: outbox), seats}
  end
end
