defmodule Guildhall.Relay.State do
  @moduledoc false

  # What a relay knows, as a value: its rooms, each with an audience, and which session is where.
  # `apply/2` is the whole behaviour of a relay; `Guildhall.Relay.Round` performs the effects.
  #
  # A command of a process that is not the room's, or about a room that is not known, does nothing:
  # it comes from a room that has been replaced.

  alias Guildhall.{Outbox, Relay}
  alias Guildhall.Model.Intents
  alias Guildhall.Relay.{Audience, Change, Event, Recipients, Subscriber, View}

  defstruct rooms: %{}, sessions: %{}, monitored: %{}

  @typep room :: {pid(), Audience.t()}
  @type t :: %__MODULE__{
          rooms: %{optional(Relay.room_id()) => room()},
          sessions: %{optional(Relay.session_id()) => %{optional(Relay.room_id()) => true}},
          # What dies with a process. A pid stays until it dies, so that it is monitored once.
          monitored: %{
            optional(pid()) => [{:room, Relay.room_id()} | {:session, Relay.session_id()}]
          }
        }

  @type command ::
          {:open, room :: pid(), Relay.room_id(), View.t()}
          | {:attach, room :: pid(), Relay.room_id(), Subscriber.t(), [Outbox.event()]}
          | {:publish, room :: pid(), Relay.room_id(), Event.t()}
          | {:change, room :: pid(), Relay.room_id(), [View.change()], Relay.channels(),
             [Event.t()]}
          | {:remove, room :: pid(), Relay.room_id(), user_id :: pos_integer(), Outbox.event()}
          | {:detach, room :: pid(), Relay.room_id(), Relay.session_id()}
          | {:down, pid(), reason :: term()}
          | {:overflow, [{Relay.session_id(), session :: pid()}]}

  @type effect ::
          Recipients.push()
          | {:detached, room :: pid(), {Relay.session_id(), user_id :: pos_integer()}}
          | {:send, pid(), message :: term()}
          | {:monitor, pid()}

  @guilds Intents.bit(:guilds)

  @spec new() :: t()
  def new, do: %__MODULE__{}

  @spec apply(t(), command()) :: {t(), [effect()]}
  def apply(state, {:open, pid, room_id, view}) do
    case state.rooms do
      %{^room_id => {^pid, audience}} ->
        {put_room(state, room_id, pid, Audience.replace(audience, view.guild)), []}

      # Its successor is here before the news of its death.
      %{^room_id => {_dead, _audience}} ->
        {state, effects} = room_down(state, room_id)
        {state, more} = __MODULE__.apply(state, {:open, pid, room_id, view})
        {state, effects ++ more}

      %{} ->
        state |> put_room(room_id, pid, Audience.new(view.guild)) |> watch(pid, {:room, room_id})
    end
  end

  def apply(state, {:attach, pid, room_id, subscriber, events}) do
    with_room(state, pid, room_id, fn audience ->
      %{session_id: session_id} = subscriber
      {audience, seat} = Audience.attach(audience, subscriber)
      rooms = state.sessions |> Map.get(session_id, %{}) |> Map.put(room_id, true)
      state = %{state | sessions: Map.put(state.sessions, session_id, rooms)}

      {state, effects} = watch(state, subscriber.pid, {:session, session_id})
      pushes = for event <- events, do: Recipients.push(event, [seat], 0)
      attached = {:send, subscriber.pid, {Relay, :attached, room_id}}
      {put_room(state, room_id, pid, audience), effects ++ pushes ++ [attached]}
    end)
  end

  def apply(state, {:publish, pid, room_id, event}) do
    with_room(state, pid, room_id, fn audience ->
      {audience, pushes} = Recipients.deliver(audience, event)
      {put_room(state, room_id, pid, audience), pushes}
    end)
  end

  def apply(state, {:change, pid, room_id, changes, channels, events}) do
    with_room(state, pid, room_id, fn audience ->
      {audience, pushes} = Change.apply(audience, changes, channels, events)
      {put_room(state, room_id, pid, audience), pushes}
    end)
  end

  def apply(state, {:remove, pid, room_id, user_id, event}) do
    with_room(state, pid, room_id, fn audience ->
      seats = Audience.seats(audience, user_id)
      session_ids = for {_key, subscriber} <- seats, do: subscriber.session_id
      removed = for {_key, %{pid: pid}} <- seats, do: {:send, pid, {Relay, :removed, room_id}}

      {Enum.reduce(session_ids, state, &leave(&2, room_id, &1)),
       [Recipients.push(event, seats, @guilds) | removed]}
    end)
  end

  def apply(state, {:detach, pid, room_id, session_id}) do
    with_room(state, pid, room_id, fn _audience -> {leave(state, room_id, session_id), []} end)
  end

  def apply(state, {:down, pid, reason}) do
    {things, monitored} = Map.pop(state.monitored, pid, [])

    Enum.reduce(things, {%{state | monitored: monitored}, []}, fn thing, {state, effects} ->
      {state, more} = lose(state, thing, pid, reason)
      {state, more ++ effects}
    end)
  end

  def apply(state, {:overflow, sessions}) do
    Enum.reduce(sessions, {state, []}, fn {session_id, pid}, {state, effects} ->
      {state, detached} = leave_all(state, session_id)
      {state, [{:send, pid, {Relay, :overflow}} | detached] ++ effects}
    end)
  end

  defp lose(state, {:session, session_id}, _pid, _reason) do
    leave_all(state, session_id)
  end

  defp lose(state, {:room, room_id}, pid, reason) do
    case state.rooms do
      # It said all it had to say: an idle room, or a guild that was deleted.
      %{^room_id => {^pid, _audience}} when reason == :normal -> {forget(state, room_id), []}
      %{^room_id => {^pid, _audience}} -> room_down(state, room_id)
      %{} -> {state, []}
    end
  end

  defp room_down(state, room_id) do
    {_pid, audience} = state.rooms[room_id]
    seats = Audience.seats(audience)
    messages = for {_key, %{pid: pid}} <- seats, do: {:send, pid, {Relay, :room_down, room_id}}

    # A direct message channel has no such event.
    pushes =
      if audience.guild.kind == :guild,
        do: [Recipients.push(unavailable(room_id), seats, @guilds)],
        else: []

    {forget(state, room_id), pushes ++ messages}
  end

  defp unavailable(guild_id) do
    Outbox.event("GUILD_DELETE", [
      ~s({"id":"),
      Integer.to_string(guild_id),
      ~s(","unavailable":true})
    ])
  end

  defp forget(state, room_id) do
    {{_pid, audience}, rooms} = Map.pop!(state.rooms, room_id)

    session_ids =
      for {_key, %{session_id: session_id}} <- Audience.seats(audience), do: session_id

    Enum.reduce(session_ids, %{state | rooms: rooms}, &unlink(&2, room_id, &1))
  end

  defp leave(state, room_id, session_id) do
    {pid, audience} = state.rooms[room_id]
    state = put_room(state, room_id, pid, Audience.detach(audience, session_id))
    unlink(state, room_id, session_id)
  end

  defp leave_all(state, session_id) do
    room_ids = state.sessions |> Map.get(session_id, %{}) |> Map.keys()

    Enum.reduce(room_ids, {state, []}, fn room_id, {state, effects} ->
      {room, audience} = state.rooms[room_id]
      {_key, %{user_id: user_id}} = Audience.seat(audience, session_id)
      {leave(state, room_id, session_id), [{:detached, room, {session_id, user_id}} | effects]}
    end)
  end

  defp unlink(state, room_id, session_id) do
    case Map.delete(state.sessions[session_id] || %{}, room_id) do
      none when none == %{} -> %{state | sessions: Map.delete(state.sessions, session_id)}
      rooms -> %{state | sessions: Map.put(state.sessions, session_id, rooms)}
    end
  end

  defp watch(state, pid, thing) do
    {effects, things} =
      case state.monitored do
        %{^pid => things} -> {[], things}
        %{} -> {[{:monitor, pid}], []}
      end

    things = if thing in things, do: things, else: [thing | things]
    {%{state | monitored: Map.put(state.monitored, pid, things)}, effects}
  end

  defp put_room(state, room_id, pid, audience) do
    %{state | rooms: Map.put(state.rooms, room_id, {pid, audience})}
  end

  defp with_room(state, pid, room_id, fun) do
    case state.rooms do
      %{^room_id => {^pid, audience}} -> fun.(audience)
      %{} -> {state, []}
    end
  end
end
