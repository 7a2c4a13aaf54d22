defmodule Guildhall.Session.Server do
  @moduledoc false

  # The process around `Guildhall.Session.State`: messages become commands, effects become calls.
  #
  #   owns      the outbox, the connection while there is one, the timers
  #   started   by `Guildhall.Session.Supervisor`, one per client, never restarted
  #   a crash   ends the session: rooms learn it from their relays, the client begins anew
  #   mailbox   wake-ups, one per batch, and what the client sends; the events are in the outbox

  use GenServer, restart: :temporary, shutdown: 5_000

  alias Guildhall.{Guild, Instance, Outbox, PartitionedRegistry, Relay, User}
  alias Guildhall.Session.{Client, Effects, Ready, State, Supervisor}

  # How long a session waits, at random, before it attaches to its rooms with another relay, and before
  # it tries to register again. Relays that crash again within a minute are waited for longer.
  @relay_pause 500
  @relay_patience 60_000
  @registration_pause 50

  # Words: what its beginning takes, or the heap would grow to it in six steps, and each is a collection.
  @heap 2_586

  @enforce_keys [:instance, :id, :outbox, :state]
  defstruct [
    :instance,
    :id,
    :outbox,
    :state,
    # nil while the relay is restarted.
    relay: nil,
    # How often in a row the relay crashed, and when it did last.
    relay_crashes: {0, 0},
    connection: nil,
    # Which hand-over of a connection is expected; one that comes late is turned away.
    claim: nil,
    busy: false,
    # Whether a message to itself is on its way, that goes on where it left off.
    resting: false,
    # Whether there is something to do while the outbox is empty: `State.hungry?/1`, worked out once a
    # change and not once a wake.
    hungry?: false,
    # Whether the next turn ends with a heap that is as small as it can be.
    hibernate?: false,
    # The guilds whose member lists the client looks at, by the process that has them.
    sidebars: %{},
    timers: %{},
    began_at: 0,
    stop: nil
  ]

  @type arguments :: {Instance.t(), id :: String.t(), Client.t()}

  @spec start_link(arguments()) :: GenServer.on_start()
  def start_link(arguments) do
    GenServer.start_link(__MODULE__, arguments, spawn_opt: [min_heap_size: @heap])
  end

  @doc "Makes ready for another connection, which goes on after `sequence`."
  @spec claim(pid(), user_id :: pos_integer(), sequence :: non_neg_integer()) ::
          {:ok, reference()} | {:error, :gone}
  def claim(pid, user_id, sequence) do
    GenServer.call(pid, {:claim, user_id, sequence})
  catch
    :exit, _reason -> {:error, :gone}
  end

  @doc "Hands over a connection; the session owns it already."
  @spec connect(pid(), claim :: reference() | nil, {module(), term()}) :: :ok
  def connect(pid, claim, connection), do: GenServer.cast(pid, {:connect, claim, connection})

  @doc "The client went away before it had its session."
  @spec abandon(pid()) :: :ok
  def abandon(pid), do: GenServer.cast(pid, :abandon)

  @doc "Asks the client to come back, in `delay` milliseconds."
  @spec drain(pid(), delay :: non_neg_integer()) :: :ok
  def drain(pid, delay) do
    _timer = Process.send_after(pid, :drain, delay)
    :ok
  end

  @impl GenServer
  def init({instance, id, client}) do
    settings = Instance.fetch!(instance, :session)
    # A node that stops says so to its clients.
    Process.flag(:trap_exit, true)

    server = %__MODULE__{
      instance: instance,
      id: id,
      outbox: Outbox.new(settings.outbox),
      relay: find_relay(instance, id),
      state: State.new(client, settings),
      began_at: System.monotonic_time()
    }

    case register_id(server) do
      :ok -> {:ok, server, {:continue, :begin}}
      {:error, reason} -> {:stop, {:shutdown, reason}}
    end
  end

  defp find_relay(instance, id) do
    with relay when is_pid(relay) <- Relay.for(instance, id) do
      _ref = Process.monitor(relay)
      relay
    end
  end

  defp register_id(%__MODULE__{instance: instance, id: id, state: %{client: client}}) do
    registry = Supervisor.registry(instance)

    if PartitionedRegistry.registered?(registry, id),
      do: :ok,
      else: PartitionedRegistry.register(registry, id, client.user.id)
  end

  @impl GenServer
  def handle_continue(:begin, server) do
    %State{client: client} = server.state
    # First the registration: what the user joins from now on comes as a message.
    server = register_user(server)
    guilds = guilds(server.instance, client)
    server = %{server | state: %{server.state | client: %{client | guilds: {0, []}}}}
    Effects.push(server, "READY", Ready.data(server.instance, server.id, client, guilds))
    Effects.emit(server, [:session, :start], %{guilds: length(guilds)}, %{})
    server = run(server, {:begin, guilds})
    noreply(if server.relay, do: server, else: await_relay(server))
  end

  # Those that it was admitted with, unless one has come since.
  defp guilds(instance, %Client{guilds: {joins, guild_ids}, user: user} = client) do
    with false <- User.joins(instance, user.id) == joins,
         {:ok, guild_ids} <- User.guilds(instance, user.id) do
      Client.guilds(client, guild_ids)
    else
      _current_or_unknown -> guild_ids
    end
  end

  defp register_user(%__MODULE__{instance: instance, state: %{client: client}} = server) do
    case User.register(instance, client.user.id) do
      :ok -> server
      {:error, :unavailable} -> register_later(server)
    end
  end

  defp register_later(server) do
    pause = @registration_pause + :rand.uniform(@registration_pause)
    Effects.perform({:timer, :registration, pause}, server)
  end

  # Without its entries a session is not found: neither by a RESUME nor by what its user joins. What
  # the user joined meanwhile is read from the store.
  defp register_again(%__MODULE__{instance: instance, state: %{client: client}} = server) do
    with :ok <- register_id(server),
         :ok <- User.register(instance, client.user.id),
         {:ok, guild_ids} <- User.guilds(instance, client.user.id) do
      run(server, {:guilds, guild_ids})
    else
      {:error, _reason} -> register_later(server)
    end
  end

  # At random, because the other sessions of the relay come back as well.
  defp await_relay(%__MODULE__{relay_crashes: {crashes, at}} = server) do
    crashes = if now() - at < @relay_patience, do: min(crashes + 1, 5), else: 1
    pause = :rand.uniform(@relay_pause * Integer.pow(2, crashes - 1))
    server = %{server | relay: nil, relay_crashes: {crashes, now()}}
    Effects.perform({:timer, :relay, pause}, run(server, :relay_down))
  end

  @impl GenServer
  def handle_call({:claim, user_id, sequence}, _from, server) do
    with true <- server.state.client.user.id == user_id,
         :ok <- Outbox.resume(server.outbox, sequence) do
      claim = make_ref()
      {:reply, {:ok, claim}, run(%{server | claim: claim}, :claimed)}
    else
      _other -> {:reply, {:error, :gone}, server}
    end
  end

  @impl GenServer
  def handle_cast({:connect, claim, {module, connection}}, %__MODULE__{claim: claim} = server) do
    if claim, do: Effects.push(server, "RESUMED", Ready.resumed(server.instance))

    connection = module.connect(connection, server.outbox)

    case module.activate(connection) do
      {:ok, commands, connection} ->
        server = %{server | connection: {module, connection}, busy: false}
        server |> run(:connected) |> client(commands) |> noreply()

      {:closed, code} ->
        disconnected(server, code)
    end
  end

  def handle_cast({:connect, _late, {module, connection}}, server) do
    :ok = module.close(connection, :taken_over)
    {:noreply, server}
  end

  def handle_cast(:abandon, server), do: noreply(%{server | stop: :abandoned})

  @impl GenServer
  def handle_info({Relay, :wake}, server), do: server |> deliver() |> noreply()
  def handle_info({Relay, :overflow}, server), do: server |> run({:ended, :overflow}) |> noreply()

  def handle_info({Relay, :room_down, room_id}, server) do
    server |> run({:down, room_id}) |> noreply()
  end

  # What a session needs at its beginning is garbage from the last room on.
  def handle_info({Relay, :attached, room_id}, server) do
    server = run(server, {:attached, room_id})
    noreply(%{server | hibernate?: State.settled?(server.state)})
  end

  def handle_info({Relay, :deferred, room_id}, server) do
    server |> run({:deferred, room_id}) |> noreply()
  end

  def handle_info({Relay, :congested, room_id}, server) do
    server |> run({:congested, room_id, progress(server)}) |> noreply()
  end

  def handle_info({Relay, :removed, room_id}, server) do
    server |> run({:removed, room_id}) |> noreply()
  end

  def handle_info({Guild, :refused, room_id, reason}, server) do
    server |> run({:refused, room_id, reason}) |> noreply()
  end

  def handle_info({Guild, :watched, guild_id, pid}, %__MODULE__{sidebars: sidebars} = server) do
    unless is_map_key(sidebars, pid), do: Process.monitor(pid)
    noreply(%{server | sidebars: Map.put(sidebars, pid, guild_id)})
  end

  def handle_info({Guild, :unwatched, guild_id}, server) do
    server |> run({:unwatched, guild_id}) |> noreply()
  end

  def handle_info({:DOWN, _ref, :process, pid, _reason}, %__MODULE__{sidebars: sidebars} = server)
      when is_map_key(sidebars, pid) do
    {guild_id, sidebars} = Map.pop!(sidebars, pid)
    %{server | sidebars: sidebars} |> run({:unwatched, guild_id}) |> noreply()
  end

  def handle_info({User, {:joined, room_id, kind}}, server) do
    server |> run({:joined, room_id, kind}) |> noreply()
  end

  def handle_info({User, {:updated, user}}, server) do
    server |> run({:updated, user}) |> noreply()
  end

  def handle_info({User, {:revoked}}, server), do: server |> run({:ended, :revoked}) |> noreply()

  def handle_info(:go_on, server) do
    case write(%{server | resting: false}) do
      {:idle, server} -> server |> run(:idle) |> noreply()
      {_progress, server} -> noreply(server)
    end
  end

  def handle_info({:timeout, _ref, :registration}, server) do
    server |> register_again() |> noreply()
  end

  def handle_info({:timeout, _ref, :relay}, server) do
    case find_relay(server.instance, server.id) do
      nil -> server |> await_relay() |> noreply()
      relay -> %{server | relay: relay} |> run(:relay_up) |> noreply()
    end
  end

  # The process is linked to the registries alone.
  def handle_info({:EXIT, _pid, _reason}, server), do: server |> register_again() |> noreply()

  def handle_info({:timeout, ref, name}, %__MODULE__{timers: timers} = server) do
    case timers do
      %{^name => ^ref} ->
        command = if name == :pace, do: {:pace, progress(server)}, else: {:timeout, name}
        server = run(%{server | timers: Map.delete(timers, name)}, command)
        noreply(%{server | hibernate?: true})

      %{} ->
        {:noreply, server}
    end
  end

  def handle_info(:drain, server), do: server |> run(:drain) |> noreply()

  def handle_info({:DOWN, _ref, :process, relay, _reason}, %__MODULE__{relay: relay} = server) do
    server |> await_relay() |> noreply()
  end

  # What a connection that was given up still sends is nobody's.
  def handle_info(_message, %__MODULE__{connection: nil} = server), do: {:noreply, server}

  def handle_info(message, %__MODULE__{connection: {module, connection}} = server) do
    received(server, module, module.handle_info(message, connection))
  end

  @impl GenServer
  def terminate(reason, server) do
    with {module, connection} <- server.connection do
      connection |> module.reconnect() |> module.close(:going_away)
    end

    duration = System.monotonic_time() - server.began_at
    metadata = %{reason: server.stop || why(reason)}
    Effects.emit(server, [:session, :stop], %{duration: duration}, metadata)
  end

  defp why(:shutdown), do: :shutdown
  defp why({:shutdown, _reason}), do: :shutdown
  defp why(_reason), do: :crash

  defp received(server, module, {:ok, commands, connection}) do
    %{server | connection: {module, connection}} |> client(commands) |> noreply()
  end

  defp received(server, _module, {:closed, code}), do: disconnected(server, code)
  defp received(server, _module, :unknown), do: {:noreply, server}

  defp disconnected(server, code) do
    Effects.emit(server, [:session, :disconnect], %{count: 1}, %{reason: :client, code: code})
    :ok = Outbox.disconnect(server.outbox)
    %{server | connection: nil, busy: false} |> run({:disconnected, code}) |> noreply()
  end

  defp noreply(%__MODULE__{stop: nil, hibernate?: false} = server), do: {:noreply, server}

  defp noreply(%__MODULE__{stop: nil} = server) do
    {:noreply, %{server | hibernate?: false}, :hibernate}
  end

  defp noreply(server), do: {:stop, :normal, server}

  defp client(server, commands) do
    Enum.reduce(commands, server, fn
      :writable, server -> deliver(%{server | busy: false})
      command, server -> run(server, {:client, command})
    end)
  end

  defp run(server, command) do
    {state, effects} = State.apply(server.state, command, now())
    server = Enum.reduce(effects, %{server | state: state}, &Effects.perform/2)
    deliver(%{server | hungry?: State.hungry?(server.state)})
  end

  # An empty outbox is when more may be asked of rooms and of the store.
  defp deliver(server) do
    {progress, server} = write(server)
    if progress == :idle and server.hungry?, do: rest(server), else: server
  end

  defp write(%__MODULE__{connection: nil} = server), do: {:gone, server}
  defp write(%__MODULE__{busy: true} = server), do: {:busy, server}
  defp write(%__MODULE__{resting: true} = server), do: {:more, server}

  defp write(%__MODULE__{connection: {module, connection}} = server) do
    case module.deliver(connection, server.outbox) do
      # Nearly always, and then nothing is built anew.
      {:idle, ^connection} ->
        {:idle, server}

      {progress, connection} ->
        server = %{server | connection: {module, connection}, busy: progress == :busy}
        {progress, if(progress == :more, do: rest(server), else: server)}
    end
  end

  defp progress(%__MODULE__{connection: nil}), do: nil

  defp progress(%__MODULE__{connection: {module, connection}, outbox: outbox}) do
    module.progress(connection, outbox)
  end

  # Goes on after whatever else is in the mailbox.
  defp rest(server) do
    send(self(), :go_on)
    %{server | resting: true}
  end

  defp now, do: System.monotonic_time(:millisecond)
end
