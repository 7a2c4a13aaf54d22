defmodule Guildhall.Relay.Recipients do
  @moduledoc false

  # Who gets an event, and which of its bodies.
  #
  # Nearly all sessions are served in bulk, by selections that are kept between events. For the few
  # users whom an event names (its author, who is mentioned, who is left out) the bulk is wrong, and
  # each of their sessions is decided by itself; `receives?/4` and `body/2` are the definition.

  alias Guildhall.{Outbox, Relay}
  alias Guildhall.Model.Guild
  alias Guildhall.Relay.{Audience, Event, Selection, Sight, Subscriber}

  @typedoc "Events to disjoint lists of sessions, and what some of these get instead (nil: nothing)."
  @type push :: {:push, [part()], instead :: [{Outbox.t(), Outbox.event() | nil}]}
  @type part :: {Outbox.event(), [Outbox.t()], [Audience.seat()]}
  @type sessions :: %{optional(Relay.session_id()) => term()}

  @doc "Returns the pushes that bring an event to its recipients, but for the sessions in `unless`."
  @spec deliver(Audience.t(), Event.t(), unless :: sessions()) :: {Audience.t(), [push()]}
  def deliver(audience, event, unless \\ %{})

  def deliver(audience, %Event{to: {:users, user_ids}} = event, unless) do
    seats =
      for user_id <- Enum.uniq(user_ids), seat <- Audience.seats(audience, user_id), do: seat

    alone =
      for seat <- seats,
          body = alone(seat, event, audience.guild, :room, unless),
          do: push(body, [seat], 0)

    {audience, alone}
  end

  def deliver(audience, event, unless) do
    case place(audience.guild, event.to) do
      nil -> {audience, []}
      place -> deliver(audience, event, place, unless)
    end
  end

  defp deliver(%{guild: guild} = audience, event, place, unless) do
    {audience, selection} = Audience.select(audience, event, place)

    exceptions =
      for {_key, subscriber} = seat <- exceptions(audience, event, unless) do
        {selected?(subscriber, event, guild, place), seat,
         alone(seat, event, guild, place, unless)}
      end

    parts =
      for {body, {[_ | _] = outboxes, seats}} <- [
            {event.body, selection.body},
            {event.content, selection.content}
          ] do
        {body, outboxes, seats}
      end

    instead = for {true, {_key, subscriber}, body} <- exceptions, do: {subscriber.outbox, body}
    more = for {false, seat, body} <- exceptions, body != nil, do: push(body, [seat], 0)
    {audience, if(parts == [], do: more, else: [{:push, parts, instead} | more])}
  end

  # What a session gets, apart from the bulk.
  defp alone({_key, subscriber}, event, guild, place, unless) do
    if not is_map_key(unless, subscriber.session_id) and
         receives?(event, subscriber, guild, place),
       do: body(event, subscriber)
  end

  # Whether the bulk reaches a session.
  defp selected?(subscriber, event, guild, place) do
    Selection.wants?(subscriber, event.intents) and
      Sight.allowed?(guild, subscriber.member, place, event.permissions)
  end

  # The sessions for which the bulk may be wrong.
  defp exceptions(audience, event, unless) do
    named =
      for user_id <- named(event),
          {_key, subscriber} = seat <- Audience.seats(audience, user_id),
          not is_map_key(unless, subscriber.session_id),
          exceptional?(event, subscriber),
          do: seat

    for({session_id, _true} <- unless, do: Audience.seat(audience, session_id)) ++ named
  end

  defp exceptional?(event, %{user_id: user_id} = subscriber) do
    user_id in event.except or (event.author != nil and user_id == event.author_id) or
      (user_id in event.always and not Selection.wants?(subscriber, event.intents)) or
      (event.content != nil and user_id in event.content_for and
         not Selection.content?(subscriber))
  end

  defp named(event) do
    Enum.uniq([event.author_id | event.always] ++ event.except ++ event.content_for)
  end

  defp place(_guild, :room), do: :room
  defp place(guild, {:channel, channel_id}), do: Sight.place(guild, channel_id)

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

    outboxes = for {_key, %{outbox: outbox}} <- seats, do: outbox
    {:push, [{event, outboxes, seats}], []}
  end
end
