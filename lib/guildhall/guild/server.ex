defmodule Guildhall.Guild.Server do
  @moduledoc false

  # The process around `Guildhall.Guild.Room`: messages become commands, outcomes become replies,
  # writes and messages to relays (`Guildhall.Guild.Execution`), and nothing is decided here.
  #
  #   owns      one `Room`, its gate, the room's lease
  #   started   by `Guildhall.Guild.Rooms` for the first who wants something of it, restart: :temporary
  #   a crash   loses presences and voices; relays tell the sessions, which attach again, and what
  #             was not answered may or may not be in the store
  #   mailbox   off heap; commands are refused at the gate beyond `mailbox_limit`

  use GenServer, restart: :temporary

  alias Guildhall.Guild.{
    Attaching,
    Audience,
    Bounds,
    Execution,
    Gate,
    Gathering,
    Loader,
    Pipeline,
    Posts,
    Presences,
    Reception,
    Request,
    Restarts,
    Room,
    Rooms,
    Sessions,
    Sidebar,
    State,
    Voices,
    Watching
  }

  alias Guildhall.{Background, Instance, Relay, Store, Telemetry}

  # How long a room that is no more waits for whoever entered and does not come.
  @turn_away 1_000
  @acquire_again 1_000
  # How long sessions of a relay that crashed stay attached. They attach again with the next relay, and
  # the other members do not see them go. A direct message channel shows nothing of its users, and
  # its messages must wait for them.
  @grace 5_000
  # Commands that are let in at once.
  @together 256

  @enforce_keys [:instance, :room_id, :gate, :options]
  defstruct [
    :instance,
    :room_id,
    :gate,
    :options,
    :room,
    :store,
    gathering: %Gathering{},
    attaching: %Attaching{},
    background: %{},
    doubts: [],
    looking: %{},
    idle: nil,
    ticking?: false,
    stop?: false
  ]

  @type doubt :: {index :: pos_integer(), reason :: atom(), [Pipeline.key()]}
  @type task ::
          {:rows, session_ids :: [String.t()], stamp :: non_neg_integer()}
          | {:doubts, [doubt()]}
          | :lease
          | :sidebar
  @type t :: %__MODULE__{
          instance: Instance.t(),
          room_id: pos_integer(),
          gate: Gate.t(),
          options: keyword(),
          room: Room.t() | nil,
          # The monitor of the store.
          store: reference() | nil,
          gathering: Gathering.t(),
          attaching: Attaching.t(),
          # Tasks in the background, each with its purpose.
          background: %{optional(reference()) => task()},
          # Writes that failed, and of which nobody knows yet what is in the store.
          doubts: [doubt()],
          # The member lists that sessions want to see, while there is no sidebar yet.
          looking: %{optional(String.t()) => {user_id :: pos_integer(), Sidebar.channels()}},
          # What the last look for idleness saw.
          idle: {waiting :: integer(), served :: non_neg_integer()} | nil,
          ticking?: boolean(),
          stop?: boolean()
        }

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    {name, options} = Keyword.pop!(options, :name)

    GenServer.start_link(__MODULE__, options,
      name: name,
      hibernate_after: options[:hibernate_after]
    )
  end

  @spec state(t()) :: State.t()
  def state(%__MODULE__{room: room}), do: room.state

  @spec put_state(t(), State.t()) :: t()
  def put_state(%__MODULE__{room: room} = server, state) do
    %{server | room: %{room | state: state}}
  end

  @doc "Has something done beside the room that may wait; its result comes to `handle_info/2`."
  @spec background(t(), task(), (() -> term())) :: t()
  def background(%__MODULE__{background: background} = server, task, fun) do
    %{server | background: Map.put(background, Background.run(fun), task)}
  end

  @doc "What every event of telemetry says of the room."
  @spec metadata(t()) :: map()
  def metadata(server), do: %{instance: server.instance, room_id: server.room_id}

  @impl GenServer
  def init(options) do
    Process.flag(:message_queue_data, :off_heap)
    keys = [:instance, :room_id, :gate]
    server = struct!(__MODULE__, [options: options] ++ Keyword.take(options, keys))
    {:ok, server, {:continue, :load}}
  end

  # The lease is taken between two looks: first whether there is such a room at all, then what it is
  # now that whatever an earlier process handed to the store is written.
  @impl GenServer
  def handle_continue(:load, %{instance: instance, room_id: room_id} = server) do
    started = System.monotonic_time()
    monitor = Process.monitor(Instance.child(instance, :store))

    with :ok <- Restarts.claim(instance, room_id),
         {:ok, _guild} <- Loader.load(instance, room_id),
         {:ok, epoch} <- acquire(server),
         {:ok, guild} <- Loader.load(instance, room_id) do
      state = State.new(guild, epoch: epoch)
      state = %{state | posts: Posts.recover(state.posts, Loader.last_ids(instance, state))}
      room = Room.new(state, server.options[:max_in_flight])
      duration = System.monotonic_time() - started
      Telemetry.emit([:guild, :start], %{duration: duration}, metadata(server))
      unless Bounds.served?(state), do: close(server, :too_large)
      {:noreply, look_again(%{server | room: room, store: monitor})}
    else
      {:error, reason} -> not_loaded(server, reason)
    end
  end

  defp not_loaded(server, :corrupt) do
    close(server, :corrupt)
    stop(server, :corrupt)
  end

  defp not_loaded(server, reason), do: stop(server, reason)

  # Whoever waits already comes along: their messages are one write, one thread that wakes up, one sync.
  @impl GenServer
  def handle_call({:run, %Request{} = request}, from, server) do
    requests = [%{request | from: from} | together(waiting())]
    {admitted, refused} = Enum.split(requests, Pipeline.room(server.room.pipeline))
    for _request <- requests, do: Gate.serve(server.gate)
    for request <- refused, do: refuse(server, request)
    server |> Execution.admit(admitted) |> continue()
  end

  @impl GenServer
  def handle_cast(command, server), do: server |> Reception.handle(command) |> continue()

  @impl GenServer
  def handle_info({Store, index, result}, server) do
    server |> Execution.settle(index, result) |> continue()
  end

  def handle_info({Relay, :detached, _relay, sessions}, server) do
    ids = for {session_id, _user_id} <- sessions, do: session_id
    server |> Execution.update(&Sessions.detach(&1, ids)) |> continue()
  end

  def handle_info({Relay, :refused, _room_id, reason}, server) do
    close(server, {:audience, reason})
    {:stop, {:shutdown, :unserved}, server}
  end

  def handle_info({Sidebar.Server, pid, number, told}, server) do
    server |> Watching.hear(pid, number, told) |> continue()
  end

  def handle_info(:tick, server) do
    %{snapshot: %{cut: cut}} = state(server)
    server = Execution.update(%{server | ticking?: false}, &Sessions.tick/1)
    %{presences: presences, voices: voices} = state(server)

    measured = %{
      shown: presences.spent,
      waiting: Presences.waiting(presences),
      voices: Voices.waiting(voices),
      cut: cut
    }

    Telemetry.emit([:guild, :presence], measured, metadata(server))
    continue(server)
  end

  def handle_info(:gathered, server), do: server |> Execution.gathered() |> continue()
  def handle_info(:idle, server), do: idle(server)

  def handle_info(:turn, server), do: server |> Reception.turn() |> continue()
  def handle_info(:doubt, server), do: server |> Execution.doubt() |> continue()

  def handle_info(:acquire, server) do
    {instance, lease} = {server.instance, lease(server)}
    {:noreply, background(server, :lease, fn -> Store.acquire(instance, lease) end)}
  end

  def handle_info({:DOWN, reference, :process, _pid, reason}, %{background: background} = server)
      when is_map_key(background, reference) do
    {task, background} = Map.pop!(background, reference)
    done(%{server | background: background}, task, Background.result(reason))
  end

  # What was handed in is lost or will never be answered: the room starts anew with the store.
  def handle_info({:DOWN, monitor, :process, _store, _reason}, %{store: monitor} = server) do
    {:stop, {:shutdown, :unavailable}, server}
  end

  def handle_info({:DOWN, _monitor, :process, pid, _reason}, server) do
    %{audience: audience, guild: %{kind: kind}} = state(server)

    cond do
      not Audience.open?(audience, pid) ->
        server |> Watching.lost(pid) |> continue()

      kind == :dm ->
        server |> Reception.lose(pid) |> continue()

      true ->
        Process.send_after(self(), {:lost, pid}, @grace)
        {:noreply, server}
    end
  end

  def handle_info({:lost, relay}, server), do: server |> Reception.lose(relay) |> continue()

  @impl GenServer
  def terminate(reason, server) do
    Telemetry.emit([:guild, :stop], %{count: 1}, Map.put(metadata(server), :reason, reason))
  end

  defp done(server, {:rows, session_ids, stamp}, result) do
    server |> Reception.rows(session_ids, stamp, result) |> continue()
  end

  defp done(server, {:doubts, doubts}, result) do
    server |> Execution.resolve(doubts, result) |> continue()
  end

  defp done(server, :sidebar, result), do: server |> Watching.started(result) |> continue()

  defp done(server, :lease, {:ok, epoch}) do
    {:noreply, put_state(server, %{state(server) | epoch: epoch})}
  end

  defp done(server, :lease, {:error, _reason}), do: {:noreply, acquire_again(server)}

  # In a mailbox that is full of other things they are not looked for.
  defp waiting do
    {:message_queue_len, waiting} = Process.info(self(), :message_queue_len)
    if waiting <= @together, do: waiting, else: 0
  end

  defp together(0), do: []

  defp together(left) do
    receive do
      {:"$gen_call", from, {:run, %Request{} = request}} ->
        [%{request | from: from} | together(left - 1)]
    after
      0 -> []
    end
  end

  defp refuse(server, request) do
    metadata = Map.put(metadata(server), :reason, :in_flight)
    Telemetry.emit([:guild, :refusal], %{count: 1}, metadata)
    GenServer.reply(request.from, {:error, :overloaded})
  end

  # Nothing happened since the last look, and nobody is attached: the gate is closed, if nobody is on
  # the way. Who entered and was killed before he could send never comes; he is written off after
  # a second look.
  defp idle(server) do
    seen = {Gate.waiting(server.gate), Gate.served(server.gate)}
    {lost, _served} = seen

    with true <- server.idle == seen,
         true <- Pipeline.idle?(server.room.pipeline) and server.background == %{},
         true <- Audience.size(state(server).audience) == 0,
         :ok <- Gate.close(server.gate, lost) do
      stop(server)
    else
      _busy -> {:noreply, look_again(%{server | idle: seen})}
    end
  end

  # On a full disk there is no lease to be had: the room reads, and tries again.
  defp acquire(server) do
    with {:error, :storage_full} <- Store.acquire(server.instance, lease(server)) do
      acquire_again(server)
      {:ok, nil}
    end
  end

  defp acquire_again(server) do
    Process.send_after(self(), :acquire, @acquire_again)
    server
  end

  defp look_again(%{options: options} = server) do
    if options[:idle_timeout] != :infinity do
      Process.send_after(self(), :idle, options[:idle_timeout])
    end

    server
  end

  # A guild that was deleted.
  defp continue(%{stop?: true} = server), do: stop(server, :unknown_guild)

  defp continue(server) do
    Gate.online(server.gate, Presences.count(state(server).presences))
    {:noreply, server |> put_state(State.settle(state(server))) |> Watching.feed()}
  end

  defp stop(server) do
    Rooms.unregister(server.instance, server.room_id)
    epoch = state(server).epoch
    _released = epoch && Store.release(server.instance, lease(server), epoch)
    {:stop, :normal, server}
  end

  # There is nothing here any more, or there never was: whoever is on the way is told so, until
  # nobody is.
  defp stop(server, reason) do
    server |> Reception.refuse_all(reason) |> turn_away(reason)
    {:stop, if(server.room, do: :normal, else: {:shutdown, reason}), server}
  end

  defp turn_away(server, reason) do
    with {:waiting, _count} <- Gate.close(server.gate) do
      receive do
        {:"$gen_call", from, _command} ->
          GenServer.reply(from, {:error, reason})
          Gate.serve(server.gate)
          turn_away(server, reason)

        {:"$gen_cast", command} ->
          Reception.refuse(server, command, reason)
          Gate.serve(server.gate, if(elem(command, 0) == :attach, do: :attach, else: :signal))
          turn_away(server, reason)
      after
        @turn_away -> :ok
      end
    end
  end

  # Only this guild is affected.
  defp close(server, reason) do
    Telemetry.emit([:guild, :close], %{count: 1}, Map.put(metadata(server), :reason, reason))
  end

  defp lease(server), do: "room" <> <<server.room_id::64>>
end
