defmodule Guildhall.Session.Effects do
  @moduledoc false

  # What `Guildhall.Session.State` wants done, done: a clause per effect. Runs in the session's process,
  # on the struct of `Guildhall.Session.Server`.

  alias Guildhall.{Guild, Outbox, Payload, Relay, Telemetry}
  alias Guildhall.Session.{Members, State}

  @type server :: %{required(:__struct__) => Guildhall.Session.Server, optional(atom()) => term()}

  @spec perform(State.effect(), server()) :: server()
  def perform({:push, type, data}, server) do
    push(server, type, data)
    server
  end

  def perform({:attach, room_id}, %{state: %State{client: client}} = server) do
    subscriber = %Relay.Subscriber{
      session_id: server.id,
      pid: self(),
      relay: server.relay,
      outbox: server.outbox,
      user_id: client.user.id,
      intents: client.intents
    }

    presence = State.presence(server.state)
    Guild.attach(server.instance, room_id, subscriber, presence, client.large_threshold)
    server
  end

  def perform({:present, room_ids}, %{state: %State{client: client}} = server) do
    presence = State.presence(server.state)

    unsent =
      for room_id <- room_ids,
          {:error, :overloaded} <- [
            Guild.set_presence(server.instance, room_id, client.user.id, server.id, presence)
          ],
          do: room_id

    if unsent == [], do: server, else: unsent(server, :presence, unsent)
  end

  def perform({:voice, guild_id, attributes}, %{state: %State{client: client}} = server) do
    case Guild.set_voice(server.instance, guild_id, client.user.id, server.id, attributes) do
      :ok -> server
      {:error, :overloaded} -> unsent(server, :voice, {guild_id, attributes})
    end
  end

  def perform({:watch, guild_id, channels}, %{state: %State{client: client}} = server) do
    case Guild.watch(server.instance, guild_id, client.user.id, server.id, channels) do
      :ok -> server
      {:error, :overloaded} -> apply_state(server, {:unwatched, guild_id})
    end
  end

  def perform({:page, page, access}, %{state: %State{client: client}} = server) do
    case Members.read(server.instance, client.user.id, page, access) do
      {:ok, chunk, next} ->
        push(server, "GUILD_MEMBERS_CHUNK", chunk)
        if next, do: %{server | state: State.paged(server.state, next)}, else: server

      {:error, _reason} ->
        perform({:dropped, :members}, server)
    end
  end

  def perform({:acknowledge, sequence}, %{connection: {module, connection}} = server) do
    if sequence, do: Outbox.acknowledge(server.outbox, sequence)
    # Comes once in a while, as good a time as any to be small again.
    %{server | connection: {module, module.acknowledge(connection)}, hibernate?: true}
  end

  def perform(:reconnect, %{connection: {module, connection}} = server) do
    %{server | connection: {module, module.reconnect(connection)}}
  end

  def perform({:close, reason}, %{connection: {module, connection}} = server) do
    :ok = module.close(connection, reason)
    :ok = Outbox.disconnect(server.outbox)
    emit(server, [:session, :disconnect], %{count: 1}, %{reason: reason, code: nil})
    %{server | connection: nil, busy: false}
  end

  def perform({:close, _reason}, %{connection: nil} = server), do: server

  def perform({:timer, name, nil}, server), do: cancel(server, name)

  def perform({:timer, name, milliseconds}, server) do
    server = cancel(server, name)
    ref = :erlang.start_timer(milliseconds, self(), name)
    %{server | timers: Map.put(server.timers, name, ref)}
  end

  # Sessions of one room must not all come back at once.
  def perform({:backoff, {_what, room_id} = name, milliseconds}, server) do
    emit(server, [:session, :retry], %{count: 1}, %{room_id: room_id})
    perform({:timer, name, div(milliseconds, 2) + :rand.uniform(milliseconds)}, server)
  end

  def perform({:dropped, command}, server) do
    emit(server, [:session, :drop], %{count: 1}, %{command: command})
    server
  end

  def perform({:stop, reason}, server) do
    if reason == :overflow, do: emit(server, [:session, :overflow], %{count: 1}, %{})
    %{server | stop: reason}
  end

  @doc "Puts an event into the session's own outbox."
  @spec push(server(), type :: String.t(), data :: map()) :: :ok
  def push(server, type, data) do
    # Of a full outbox the relay drops what it can, or ends the session.
    _pushed = Outbox.push(server.outbox, Outbox.event(type, Payload.encode!(data)))
    :ok
  end

  @spec emit(server(), path :: [atom(), ...], measurements :: map(), metadata :: map()) :: :ok
  def emit(server, path, measurements, metadata) do
    metadata = Map.merge(%{instance: server.instance, session_id: server.id}, metadata)
    Telemetry.emit(path, measurements, metadata)
  end

  # A room has no capacity for what it was sent: it is asked again later.
  defp unsent(server, kind, what) do
    apply_state(server, {:unsent, kind, what})
  end

  defp apply_state(server, command) do
    {state, effects} = State.apply(server.state, command, System.monotonic_time(:millisecond))
    Enum.reduce(effects, %{server | state: state}, &perform/2)
  end

  defp cancel(%{timers: timers} = server, name) do
    case Map.pop(timers, name) do
      {nil, _timers} ->
        server

      {ref, timers} ->
        _left = :erlang.cancel_timer(ref, async: true, info: false)
        %{server | timers: timers}
    end
  end
end
