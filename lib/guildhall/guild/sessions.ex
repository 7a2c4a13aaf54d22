defmodule Guildhall.Guild.Sessions do
  @moduledoc false

  # Sessions come, say how their user is, and go. Decided by values; the effects are the plan's, and
  # two more: `{:open, relay}` and `{:attach, subscriber, events}`.
  #
  # A session is attached with a snapshot of what is visible, and gets every event after it: both go
  # to its relay in one order, so there is no gap and nothing comes twice.

  import Bitwise

  alias Guildhall.Guild.{
    Audience,
    Event,
    Events,
    Pace,
    Plan,
    Presences,
    Roster,
    Sidebar,
    Snapshot,
    State,
    Talk,
    Voices
  }

  alias Guildhall.Model.{Intents, Presence}
  alias Guildhall.Relay.Subscriber

  @guilds Intents.bit(:guilds)
  @presences Intents.bit(:guild_presences)

  @type effect ::
          Plan.effect()
          | {:open, pid()}
          | {:attach, Subscriber.t(), [Event.t()]}

  @doc """
  Attaches a member's session.

  One that asks again gets a snapshot again: its relay knows whether it has a place by now. One whose
  relay crashed comes with another relay: its presence and its voice state stay.
  """
  @spec attach(State.t(), Subscriber.t(), Presence.t(), large_threshold :: pos_integer()) ::
          {State.t(), [effect()]}
  def attach(%State{} = state, %Subscriber{} = subscriber, presence, threshold) do
    {state, effects} =
      case Audience.fetch(state.audience, subscriber.session_id) do
        {:ok, {relay, _pid}} when relay == subscriber.relay -> {state, []}
        {:ok, _crashed} -> state |> release(subscriber) |> put(subscriber, presence)
        :error -> put(state, subscriber, presence)
      end

    {events, state} = snapshot(state, subscriber, threshold)
    {state, effects ++ [{:attach, subscriber, events}]}
  end

  defp release(state, %Subscriber{session_id: session_id}) do
    {_rest, _user_id, audience} = Audience.delete(state.audience, session_id)
    unwatched(%{state | audience: audience}, session_id)
  end

  defp put(state, subscriber, presence) do
    open =
      if Audience.open?(state.audience, subscriber.relay),
        do: [],
        else: [{:open, subscriber.relay}]

    state = online(state, subscriber)
    {state, shown} = present(state, subscriber.user_id, subscriber.session_id, presence)
    {state, shown ++ open}
  end

  # GUILD_CREATE needs an intent like every other event about the guild itself.
  defp snapshot(%State{guild: %{kind: :guild}} = state, %Subscriber{intents: intents}, _threshold)
       when (intents &&& @guilds) == 0,
       do: {[], state}

  defp snapshot(state, subscriber, threshold) do
    {event, state} = Snapshot.event(state, subscriber, {threshold, watchers(state)})
    {[event], state}
  end

  # Only relays that have sessions are told of a presence, so this relay is not told of its own
  # first session before it has it.
  defp online(state, %Subscriber{member: member} = subscriber) do
    roster = if member, do: Roster.online(state.roster, member), else: state.roster
    %{state | audience: Audience.put(state.audience, subscriber), roster: roster}
  end

  @doc "Notes what a session says of its user."
  @spec present(State.t(), pos_integer(), String.t(), Presence.t()) :: {State.t(), [effect()]}
  def present(%State{guild: %{kind: :dm}} = state, _user_id, _session_id, _presence),
    do: {state, []}

  def present(state, user_id, session_id, presence) do
    if Audience.attached?(state.audience, session_id),
      do: state |> put_presences(Presences.put(state.presences, user_id, session_id, presence)),
      else: {state, []}
  end

  @doc "Takes sessions out that are gone."
  @spec detach(State.t(), [String.t()]) :: {State.t(), [effect()]}
  def detach(state, session_ids) do
    {state, effects} =
      Enum.reduce(session_ids, {state, []}, fn session_id, {state, effects} ->
        {state, more} = detach_one(state, session_id)
        {state, [more | effects]}
      end)

    {state, shown} = put_presences(state, state.presences)
    {state, (effects |> Enum.reverse() |> Enum.concat()) ++ shown}
  end

  defp detach_one(state, session_id) do
    case Audience.delete(state.audience, session_id) do
      :none ->
        {state, []}

      {rest, user_id, audience} ->
        roster = if rest == :last, do: Roster.offline(state.roster, user_id), else: state.roster
        presences = Presences.delete(state.presences, user_id, session_id)
        state = %{state | audience: audience, roster: roster, presences: presences}
        state |> unwatched(session_id) |> Talk.leave(user_id, session_id)
    end
  end

  @doc "Takes out every session of a user who is no member any more. The relays were told."
  @spec expel(State.t(), pos_integer()) :: {State.t(), [effect()]}
  def expel(state, user_id) do
    state =
      for session_id <- Audience.sessions(state.audience, user_id), reduce: state do
        state ->
          {_rest, ^user_id, audience} = Audience.delete(state.audience, session_id)
          unwatched(%{state | audience: audience}, session_id)
      end

    {state, effects} = Talk.expel(state, user_id)
    presences = Presences.forget(state.presences, user_id)
    {%{state | presences: presences}, effects}
  end

  defp unwatched(state, session_id) do
    State.sidebar(state, &Sidebar.note(&1, {:gone, session_id}))
  end

  @doc "For how long a window is open that `tick/1` must end, in milliseconds; nil if none is."
  @spec window(State.t()) :: pos_integer() | nil
  def window(state) do
    if Presences.ticking?(state.presences) or Snapshot.spent?(state.snapshot) or
         Voices.ticking?(state.voices),
       do: Pace.window(watchers(state))
  end

  @doc "Ends a window of presences and voice states: shows those that waited for it."
  @spec tick(State.t()) :: {State.t(), [effect()]}
  def tick(state) do
    watchers = watchers(state)
    {updates, presences} = Presences.tick(state.presences, watchers)
    snapshot = Snapshot.tick(state.snapshot, watchers)
    {state, shown} = shown(%{state | presences: presences, snapshot: snapshot}, updates)
    {state, voices} = Talk.tick(state)
    {state, shown ++ voices}
  end

  @doc "How many sessions are told of presences."
  @spec watchers(State.t()) :: non_neg_integer()
  def watchers(%State{audience: audience}), do: Audience.count(audience, @presences)

  defp put_presences(state, presences) do
    {updates, presences} = Presences.flush(presences, watchers(state))
    shown(%{state | presences: presences}, updates)
  end

  defp shown(state, []), do: {state, []}

  defp shown(state, updates) do
    note = fn {user_id, _shown}, sidebar -> Sidebar.note(sidebar, {:user, user_id}) end
    state = State.sidebar(state, &Enum.reduce(updates, &1, note))
    events = for {user_id, shown} <- updates, do: Events.presence_update(state, user_id, shown)
    {state, [{:publish_all, events}]}
  end
end
