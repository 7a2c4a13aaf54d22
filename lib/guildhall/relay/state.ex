defmodule Guildhall.Relay.State do
  @moduledoc false

  # What a relay knows: its rooms, each with an audience, and which session is where. `apply/2` is the
  # whole behaviour of a relay; `Guildhall.Relay.Round` performs the effects, which are all that changes
  # an audience.
  #
  # A command of a process that is not the room's, or about a room that is not known, does nothing:
  # it comes from a room that has been replaced.
  #
  # What is kept of each session, of which there may be a million, is in tables off the heap; the relay
  # settles them once a round.

  alias Guildhall.{Audience, Outbox, Relay, Table}
  alias Guildhall.Model.Guild
  alias Guildhall.Relay.{Event, Items, Rights, Subscriber, View}

  defstruct rooms: %{},
            refused: %{},
            keys: Table.new(),
            sessions: Table.new(),
            next: 1,
            monitored: Table.new()

  # Bytes of GUILD_CREATEs that may wait unsent in an outbox, unless it is a single one.
  @portion 1_048_576

  @typep room :: %{pid: pid(), audience: Audience.t(), kind: :guild | :dm}
  @type session :: %{
          id: Relay.session_id(),
          pid: pid(),
          user_id: pos_integer(),
          # A deferred session has no seat yet.
          rooms: %{optional(Relay.room_id()) => :attached | :deferred}
        }
  @type t :: %__MODULE__{
          rooms: %{optional(Relay.room_id()) => room()},
          # Processes of rooms that do not fit into an audience.
          refused: %{optional(Relay.room_id()) => pid()},
          # A session's number in audiences: Relay.session_id() => Audience.key()
          keys: Table.t(),
          # Audience.key() => session()
          sessions: Table.t(),
          next: Audience.key(),
          # What dies with a process. A pid stays until it dies, so that it is monitored once.
          # pid() => [{:room, Relay.room_id()} | {:session, Audience.key()}]
          monitored: Table.t()
        }

  @type command ::
          {:open, room :: pid(), Relay.room_id(), View.t()}
          | {:attach, room :: pid(), Relay.room_id(), Subscriber.t(), [Outbox.event()]}
          | {:publish, room :: pid(), Relay.room_id(), [Event.t(), ...]}
          | {:change, room :: pid(), Relay.room_id(), [View.change()], Relay.channels(),
             [Event.t()]}
          | {:remove, room :: pid(), Relay.room_id(), user_id :: pos_integer(), Outbox.event()}
          | {:detach, room :: pid(), Relay.room_id(), Relay.session_id()}
          | {:follow, room :: pid(), Relay.room_id(), Relay.session_id(), [Audience.topic()]}
          | {:down, pid(), reason :: term()}
          | {:overflow, [Audience.key()]}
          | {:relieved, Audience.key(), Outbox.t(), dropped :: [Relay.room_id()]}
          | {:refuse, Audience.t(), reason :: atom()}

  @type effect ::
          {:dispatch, Audience.t(), Audience.Item.t()}
          | {:flush, Audience.t()}
          | {:replace, Audience.t(), keyword()}
          | {:attach, Audience.t(), Audience.Session.t(), [Outbox.event()]}
          | {:push, Outbox.t(), Outbox.event()}
          | {:detach, Audience.t(), Audience.key()}
          | {:follow, Audience.t(), Audience.key(), [Audience.topic()]}
          | {:change, Audience.t(), [Audience.change()], Relay.channels(), [Event.t()]}
          | {:detached, room :: pid(), {Relay.session_id(), user_id :: pos_integer()}}
          | {:refused, room :: pid(), Relay.room_id(), reason :: atom()}
          | {:send, pid(), message :: term()}
          | {:monitor, pid()}

  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc "Writes down what changed; see `Guildhall.Table`."
  @spec settle(t()) :: t()
  def settle(%__MODULE__{} = state) do
    %{
      state
      | keys: Table.settle(state.keys),
        sessions: Table.settle(state.sessions),
        monitored: Table.settle(state.monitored)
    }
  end

  @spec apply(t(), command()) :: {t(), [effect()]}
  def apply(state, {:open, pid, room_id, %View{guild: guild}}) do
    case state.rooms do
      %{^room_id => %{pid: ^pid, audience: audience}} ->
        {state, [{:replace, audience, Rights.options(guild)}]}

      # Its successor is here before the news of its death.
      %{^room_id => _dead} ->
        {state, effects} = room_down(state, room_id)
        {state, more} = open(state, pid, room_id, guild)
        {state, effects ++ more}

      %{} ->
        open(state, pid, room_id, guild)
    end
  end

  # Its room has been told and stops; the session asks for the next one.
  def apply(%{refused: refused} = state, {:attach, pid, room_id, subscriber, _events})
      when :erlang.map_get(room_id, refused) == pid do
    {state, [{:send, subscriber.pid, {Relay, :room_down, room_id}}]}
  end

  def apply(state, {:attach, pid, room_id, subscriber, events}) do
    with_room(state, pid, room_id, fn %{audience: audience} ->
      key = Table.get(state.keys, subscriber.session_id, state.next)

      cond do
        # The room has asked twice.
        Audience.outbox(audience, key) == subscriber.outbox ->
          {state, []}

        Enum.all?(events, &Outbox.fits?(subscriber.outbox, &1, @portion)) ->
          {state, effects} = join(state, room_id, subscriber, :attached)
          attach = {:attach, audience, Rights.session(subscriber, key), events}
          attached = {:send, subscriber.pid, {Relay, :attached, room_id}}
          {state, effects ++ [attach, attached]}

        # The session asks again when the client has what waits now.
        true ->
          {state, effects} = join(state, room_id, subscriber, :deferred)
          {state, effects ++ [{:send, subscriber.pid, {Relay, :deferred, room_id}}]}
      end
    end)
  end

  def apply(state, {:publish, pid, room_id, events}) do
    with_room(state, pid, room_id, fn %{audience: audience} ->
      {state, for(event <- events, do: {:dispatch, audience, Items.event(event)})}
    end)
  end

  def apply(state, {:change, pid, room_id, changes, channels, events}) do
    with_room(state, pid, room_id, fn %{audience: audience} ->
      {state, [{:change, audience, Enum.map(changes, &Rights.change/1), channels, events}]}
    end)
  end

  def apply(state, {:remove, pid, room_id, user_id, event}) do
    with_room(state, pid, room_id, fn %{audience: audience} ->
      keys = Audience.sessions(audience, user_id)
      removed = for key <- keys, do: {:send, pid(state, key), {Relay, :removed, room_id}}
      deleted = {:dispatch, audience, Items.guild(event, {:users, [user_id]})}

      {Enum.reduce(keys, state, &unlink(&2, room_id, &1)),
       [deleted | detach(audience, keys)] ++ removed}
    end)
  end

  def apply(state, {:detach, pid, room_id, session_id}) do
    with_room(state, pid, room_id, fn %{audience: audience} ->
      case Table.fetch(state.keys, session_id) do
        {:ok, key} -> {unlink(state, room_id, key), detach(audience, [key])}
        :error -> {state, []}
      end
    end)
  end

  def apply(state, {:follow, pid, room_id, session_id, topics}) do
    with_room(state, pid, room_id, fn %{audience: audience} ->
      case Table.fetch(state.keys, session_id) do
        {:ok, key} -> {state, [{:follow, audience, key, topics}]}
        :error -> {state, []}
      end
    end)
  end

  def apply(state, {:down, pid, reason}) do
    {things, monitored} = Table.pop(state.monitored, pid)

    Enum.reduce(things || [], {%{state | monitored: monitored}, []}, fn thing, {state, effects} ->
      {state, more} = lose(state, thing, pid, reason)
      {state, more ++ effects}
    end)
  end

  def apply(state, {:overflow, keys}) do
    for key <- keys, %{pid: pid} <- [Table.get(state.sessions, key)], reduce: {state, []} do
      {state, effects} ->
        {state, detached} = leave_all(state, key)
        {state, [{:send, pid, {Relay, :overflow}} | detached] ++ effects}
    end
  end

  # The waiting events of these rooms were dropped. The session is attached again when its client has caught up.
  def apply(state, {:relieved, key, outbox, room_ids}) do
    Enum.reduce(room_ids, {state, []}, fn room_id, {state, effects} ->
      {state, more} = suspend(state, key, outbox, room_id)
      {state, effects ++ more}
    end)
  end

  # A change that an audience refused may be half made: nothing more is dispatched by it.
  def apply(state, {:refuse, audience, reason}) do
    case Enum.find(state.rooms, fn {_id, room} -> room.audience == audience end) do
      {room_id, %{pid: pid}} ->
        {state, effects} = room_down(state, room_id)
        {refuse(state, room_id, pid), effects ++ [{:refused, pid, room_id, reason}]}

      nil ->
        {state, []}
    end
  end

  defp suspend(state, key, outbox, room_id) do
    case rooms(state, key) do
      %{^room_id => :attached} ->
        {:ok, %{id: session_id, pid: pid, user_id: user_id}} = Table.fetch(state.sessions, key)
        %{pid: room, audience: audience, kind: kind} = Map.fetch!(state.rooms, room_id)
        deleted = Items.guild(unavailable(room_id), {:users, [user_id]})
        told? = kind == :guild and key in recipients(audience, deleted)
        pushed = if told?, do: [{:push, outbox, deleted.body}], else: []
        detached = {:detached, room, {session_id, user_id}}

        {unlink(state, room_id, key),
         [{:detach, audience, key}, detached | pushed] ++
           [{:send, pid, {Relay, :congested, room_id}}]}

      # It has left: what was dropped is of no use.
      %{} ->
        {state, []}
    end
  end

  defp open(state, pid, room_id, %Guild{kind: kind} = guild) do
    {state, effects} = watch(state, pid, {:room, room_id})

    case guild |> Rights.options() |> Audience.new() do
      {:ok, audience} ->
        room = %{pid: pid, audience: audience, kind: kind}
        {%{state | rooms: Map.put(state.rooms, room_id, room)}, effects}

      {:error, reason} ->
        {refuse(state, room_id, pid), effects ++ [{:refused, pid, room_id, reason}]}
    end
  end

  defp refuse(state, room_id, pid), do: %{state | refused: Map.put(state.refused, room_id, pid)}

  defp lose(state, {:session, key}, _pid, _reason) do
    {state, effects} = leave_all(state, key)
    {session, sessions} = Table.pop(state.sessions, key)
    {%{state | sessions: sessions, keys: Table.delete(state.keys, session[:id])}, effects}
  end

  defp lose(state, {:room, room_id}, pid, reason) do
    case state.rooms do
      # It said all it had to say: an idle room, or a guild that was deleted.
      %{^room_id => %{pid: ^pid}} when reason == :normal -> {forget(state, room_id), []}
      %{^room_id => %{pid: ^pid}} -> room_down(state, room_id)
      %{} -> {%{state | refused: accept(state.refused, room_id, pid)}, []}
    end
  end

  # Its successor may have been refused as well.
  defp accept(refused, room_id, pid) do
    case refused do
      %{^room_id => ^pid} -> Map.delete(refused, room_id)
      %{} -> refused
    end
  end

  defp room_down(state, room_id) do
    %{audience: audience, kind: kind} = state.rooms[room_id]

    messages =
      for key <- keys(state, audience),
          do: {:send, pid(state, key), {Relay, :room_down, room_id}}

    # A direct message channel has no such event.
    deleted =
      if kind == :guild, do: [{:dispatch, audience, Items.guild(unavailable(room_id))}], else: []

    {forget(state, room_id), deleted ++ [{:flush, audience} | messages]}
  end

  defp unavailable(guild_id) do
    Outbox.event("GUILD_DELETE", [
      ~s({"id":"),
      Integer.to_string(guild_id),
      ~s(","unavailable":true})
    ])
  end

  defp forget(state, room_id) do
    {%{audience: audience}, rooms} = Map.pop!(state.rooms, room_id)
    Enum.reduce(keys(state, audience), %{state | rooms: rooms}, &unlink(&2, room_id, &1))
  end

  # Those who died with their room are still in its audience.
  defp keys(state, audience) do
    for key <- recipients(audience, %Audience.Item{passive?: true}),
        Table.fetch(state.sessions, key) != :error,
        do: key
  end

  defp recipients(audience, item) do
    for <<key::little-64 <- Audience.recipients(audience, item)>>, do: key
  end

  # A session keeps its key until its process dies.
  defp join(state, room_id, %Subscriber{session_id: session_id} = subscriber, status) do
    key = Table.get(state.keys, session_id, state.next)
    rooms = Map.put(rooms(state, key), room_id, status)
    session = %{id: session_id, pid: subscriber.pid, user_id: subscriber.user_id, rooms: rooms}

    state = %{
      state
      | keys: Table.put(state.keys, session_id, key),
        sessions: Table.put(state.sessions, key, session),
        next: max(state.next, key + 1)
    }

    watch(state, subscriber.pid, {:session, key})
  end

  # A room may be gone of which a session is still deferred.
  defp leave_all(state, key) do
    for {room_id, _status} <- rooms(state, key),
        %{pid: room, audience: audience} <- [Map.get(state.rooms, room_id)],
        reduce: {state, []} do
      {state, effects} ->
        {:ok, %{id: session_id, user_id: user_id}} = Table.fetch(state.sessions, key)
        detached = [{:detached, room, {session_id, user_id}} | effects]
        {unlink(state, room_id, key), detach(audience, [key]) ++ detached}
    end
  end

  defp rooms(state, key) do
    case Table.fetch(state.sessions, key) do
      {:ok, %{rooms: rooms}} -> rooms
      :error -> %{}
    end
  end

  defp pid(state, key) do
    {:ok, %{pid: pid}} = Table.fetch(state.sessions, key)
    pid
  end

  defp detach(audience, keys), do: for(key <- keys, do: {:detach, audience, key})

  defp unlink(state, room_id, key) do
    {:ok, session} = Table.fetch(state.sessions, key)
    session = %{session | rooms: Map.delete(session.rooms, room_id)}
    %{state | sessions: Table.put(state.sessions, key, session)}
  end

  defp watch(state, pid, thing) do
    {effects, things} =
      case Table.fetch(state.monitored, pid) do
        {:ok, things} -> {[], things}
        :error -> {[{:monitor, pid}], []}
      end

    things = if thing in things, do: things, else: [thing | things]
    {%{state | monitored: Table.put(state.monitored, pid, things)}, effects}
  end

  defp with_room(state, pid, room_id, fun) do
    case state.rooms do
      %{^room_id => %{pid: ^pid} = room} -> fun.(room)
      %{} -> {state, []}
    end
  end
end
