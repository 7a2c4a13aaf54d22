defmodule Guildhall.Guild.Effects do
  @moduledoc false

  # Carries out what a plan asks for: encodes events, once each, and hands them to the relays that
  # have sessions of the room; notifies users. Runs in the room's process, which is what the relays
  # take the caller for.

  alias Guildhall.Guild.{
    Audience,
    Encoding,
    Event,
    Plan,
    Sessions,
    Snapshot,
    State,
    Talk,
    Watching
  }

  alias Guildhall.{Relay, User}

  @spec perform(State.t(), Guildhall.Instance.t(), [Plan.effect()]) :: {State.t(), [:stop]}
  def perform(state, instance, effects) do
    Enum.reduce(effects, {state, []}, fn effect, {state, stop} ->
      case effect do
        :stop -> {state, [:stop]}
        effect -> {one(state, instance, effect), stop}
      end
    end)
  end

  defp one(state, _instance, {:publish, %Event{} = event}), do: publish(state, [event])
  defp one(state, _instance, {:publish_all, events}), do: publish(state, events)

  defp one(state, _instance, {:change, changes, channels, events}) do
    case Audience.relays(state.audience) do
      [] ->
        state

      relays ->
        changed = for %Event{content: {:channel, channel}} <- events, do: channel
        state = Snapshot.encode(state, channels ++ changed)
        channels = for channel <- in_order(channels), do: Encoding.channel_pair(state, channel)
        events = Enum.map(events, &Encoding.event(state, &1))
        :ok = Relay.change(relays, state.id, changes, channels, events)
        if channels == [], do: state, else: Watching.follow(state, changes)
    end
  end

  defp one(state, _instance, {:remove, user_id, %Event{} = event}) do
    relays = Audience.relays(state.audience)
    if relays != [], do: Relay.remove(relays, state.id, user_id, Encoding.body(state, event))
    {state, effects} = Sessions.expel(state, user_id)
    {state, []} = perform(state, nil, effects)
    state
  end

  defp one(state, instance, {:notify, user_id, message}) do
    :ok = User.notify(instance, user_id, message)
    state
  end

  defp one(state, instance, {:voice, change}) do
    {state, effects} = Talk.follow(state, change, System.system_time(:millisecond))
    {state, []} = perform(state, instance, effects)
    state
  end

  # A relay is told of the room once.
  defp one(state, _instance, {:open, relay}) do
    :ok = Relay.open(relay, state.id, view(state))
    state
  end

  defp one(state, _instance, {:attach, subscriber, events}) do
    :ok =
      Relay.attach(
        subscriber.relay,
        state.id,
        subscriber,
        Enum.map(events, &Encoding.body(state, &1))
      )

    state
  end

  # A category comes before what is in it.
  defp in_order(channels), do: Enum.sort_by(channels, &{&1.type != 4, &1.position, &1.id})

  defp publish(state, [event | _same_kind] = events) do
    relays = Audience.relays(state.audience, Encoding.intents(state, event))

    if relays != [],
      do: Relay.publish(relays, state.id, Enum.map(events, &Encoding.event(state, &1)))

    state
  end

  @doc "Tells every relay the whole of what it computes visibility from, after a reload."
  @spec reopen(State.t()) :: :ok
  def reopen(state) do
    for relay <- Map.keys(state.audience.relays), do: Relay.open(relay, state.id, view(state))
    :ok
  end

  defp view(state), do: %Relay.View{guild: state.guild}
end
