defmodule Guildhall.Guild.Watching do
  @moduledoc false

  # The room's side of member lists: starts its sidebar, tells it what changed, and gives what comes
  # back its place among the other events. Works in the room's process, on the struct of
  # `Guildhall.Guild.Server`.
  #
  # A session that looks at lists follows a topic of its own as well, for what it alone is sent.

  alias Guildhall.Guild.{Audience, Rooms, Server, Sidebar, State}
  alias Guildhall.Guild.Sidebar.Source
  alias Guildhall.{Relay, Table, Telemetry}

  # A sidebar that is further behind is ended; whoever looks at it asks again.
  @behind 10_000

  @doc "A session looks at the lists of these channels and of no others."
  @spec watch(Server.t(), String.t(), pos_integer(), Sidebar.channels()) :: Server.t()
  def watch(server, session_id, user_id, channels) do
    state = Server.state(server)

    case {Audience.fetch(state.audience, session_id), state} do
      {:error, _state} -> server
      {_session, %{guild: %{kind: :dm}}} -> server
      {_session, %{sidebar: %Sidebar{pid: nil}}} -> wait(server, session_id, user_id, channels)
      {{:ok, {_relay, pid}}, _state} -> note(server, {:watch, session_id, user_id, pid, channels})
    end
  end

  defp note(server, item) do
    Server.put_state(server, State.sidebar(Server.state(server), &Sidebar.note(&1, item)))
  end

  # Until there is a sidebar, what each session wants last is kept here.
  defp wait(server, session_id, _user_id, channels) when channels == %{} do
    %{server | looking: Map.delete(server.looking, session_id)}
  end

  defp wait(server, session_id, user_id, channels) do
    looking = Map.put(server.looking, session_id, {user_id, channels})
    server = %{server | looking: looking}
    if starting?(server), do: server, else: start(server, Server.state(server))
  end

  defp starting?(server), do: Enum.any?(server.background, &match?({_reference, :sidebar}, &1))

  # In the background, since the supervisor may be busy.
  defp start(server, state) do
    {online, roster} = Table.share(state.roster.online)
    {shown, presences} = Table.share(state.presences.shown)
    state = %{state | roster: %{state.roster | online: roster}}
    state = %{state | presences: %{state.presences | shown: presences}}
    {instance, room_id} = {server.instance, state.id}

    options = [
      instance: instance,
      room: self(),
      room_id: room_id,
      source: Source.room(instance, room_id, online, shown),
      limits: %{
        bytes: server.options[:list_bytes],
        lists: server.options[:max_lists],
        watchers: server.options[:max_watchers]
      }
    ]

    start = fn -> Rooms.start_child(instance, room_id, {Sidebar.Server, options}) end
    server |> Server.put_state(state) |> Server.background(:sidebar, start)
  end

  @doc "The sidebar runs, or could not be started."
  @spec started(Server.t(), {:ok, pid()} | {:error, term()}) :: Server.t()
  def started(%{looking: looking} = server, {:ok, pid}) when looking == %{} do
    send(pid, {:stop, self()})
    server
  end

  def started(%{looking: looking} = server, {:ok, pid}) do
    _monitor = Process.monitor(pid)
    state = %{Server.state(server) | sidebar: %Sidebar{pid: pid, guild?: true}}
    server = Server.put_state(%{server | looking: %{}}, state)

    Enum.reduce(looking, server, fn {session_id, {user_id, channels}}, server ->
      watch(server, session_id, user_id, channels)
    end)
  end

  def started(%{looking: looking} = server, {:error, _reason}) do
    %{id: room_id, audience: audience} = Server.state(server)

    for {session_id, _wish} <- looking,
        {:ok, {_relay, session}} <- [Audience.fetch(audience, session_id)],
        do: send(session, {Guildhall.Guild, :unwatched, room_id})

    %{server | looking: %{}}
  end

  @doc "Tells the sidebar what changed with the last message. The tables are settled before."
  @spec feed(Server.t()) :: Server.t()
  def feed(server) do
    state = Server.state(server)

    with {:ok, number, guild?, items, sidebar} <- Sidebar.take(state.sidebar) do
      guild = if guild?, do: {state.guild, state.rights}
      feed = {:feed, number, state.guild.member_count, guild, items}
      :ok = Sidebar.Server.feed(sidebar.pid, feed)
      server = Server.put_state(server, %{state | sidebar: sidebar})
      if Sidebar.behind(sidebar) > @behind, do: give_up(server), else: server
    else
      :none -> server
    end
  end

  defp give_up(server) do
    metadata = Map.put(Server.metadata(server), :reason, :behind)
    Telemetry.emit([:guild, :list, :refusal], %{count: 1}, metadata)
    restart(server)
  end

  @doc "The room is another one now: its sidebar ends, and whoever looks at it asks again."
  @spec restart(Server.t()) :: Server.t()
  def restart(server) do
    pid = Server.state(server).sidebar.pid
    if pid, do: Process.exit(pid, :kill)
    forget(server)
  end

  defp forget(server), do: Server.put_state(server, %{Server.state(server) | sidebar: %Sidebar{}})

  @doc "A sidebar died, which may have been given up before."
  @spec lost(Server.t(), pid()) :: Server.t()
  def lost(server, pid) do
    case Server.state(server).sidebar do
      %Sidebar{pid: ^pid} -> forget(server)
      %Sidebar{} -> server
    end
  end

  @doc "Carries out what comes from the sidebar, which knows the feeds up to this one."
  @spec hear(Server.t(), pid(), number :: non_neg_integer(), [term()]) :: Server.t()
  def hear(server, pid, number, told) do
    case Server.state(server).sidebar do
      %Sidebar{pid: ^pid} = sidebar ->
        state = %{Server.state(server) | sidebar: Sidebar.hear(sidebar, number)}
        Enum.reduce(told, Server.put_state(server, state), &carry_out(&2, &1, pid, number))

      # What one that has been given up still had to say.
      %Sidebar{} ->
        server
    end
  end

  defp carry_out(server, :idle, pid, number) do
    if Sidebar.wanted?(Server.state(server).sidebar, number) do
      server
    else
      send(pid, {:stop, self()})
      forget(server)
    end
  end

  defp carry_out(server, {:publish, channel_id, topic, event}, _pid, _number) do
    state = Server.state(server)

    if Sidebar.holds?(state.sidebar, [{:channel, channel_id}]),
      do: publish(state, Audience.relays(state.audience), topic, event)

    server
  end

  defp carry_out(server, {:send, session_id, user_id, channel_id, event}, _pid, _number) do
    state = Server.state(server)

    with true <- Sidebar.holds?(state.sidebar, [{:user, user_id}, {:channel, channel_id}]),
         {:ok, {relay, _pid}} <- Audience.fetch(state.audience, session_id),
         do: publish(state, [relay], own(session_id), event)

    server
  end

  defp carry_out(server, {:follow, session_id, user_id, channels, topics, events}, _pid, _number) do
    state = Server.state(server)
    cuts = [{:user, user_id} | for(channel <- channels, do: {:channel, channel})]

    with true <- Sidebar.holds?(state.sidebar, cuts),
         {:ok, {relay, _pid}} <- Audience.fetch(state.audience, session_id) do
      own = own(session_id)
      :ok = Relay.follow(relay, state.id, session_id, [own | topics])
      Enum.each(events, &publish(state, [relay], own, &1))
    end

    server
  end

  defp publish(state, relays, topic, event) do
    event = %Relay.Event{type: "GUILD_MEMBER_LIST_UPDATE", to: {:topic, topic}, body: event}
    Relay.publish(relays, state.id, event)
  end

  defp own(session_id), do: "session" <> session_id

  @doc """
  Follows a change of who sees what: members who see other channels now follow nothing, until the
  sidebar has evaluated them. Other changes are a cut already.
  """
  @spec follow(State.t(), [term()]) :: State.t()
  def follow(%State{sidebar: %Sidebar{pid: nil}} = state, _changes), do: state

  def follow(state, changes) do
    for {:member, %{user: %{id: user_id}}} <- changes, reduce: state do
      state ->
        for session_id <- Audience.sessions(state.audience, user_id),
            {:ok, {relay, _pid}} <- [Audience.fetch(state.audience, session_id)],
            do: Relay.follow(relay, state.id, session_id, [])

        State.sidebar(state, &Sidebar.cut(&1, {:user, user_id}))
    end
  end
end
