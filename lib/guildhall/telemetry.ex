defmodule Guildhall.Telemetry do
  # Every event of Guildhall, a row each: the documentation, `events/0` and the guard of `emit/3`
  # at once. Each context adds its own rows here, in the order of the contexts.
  @events [
    {[:api, :request], "A request of the API was answered.",
     [duration: "until the answer was made, native unit"],
     [
       instance: "which node",
       method: "as sent",
       route: "the route's path in the documentation, nil if it is none",
       status: "of the answer",
       reason: "why it was refused, nil if it was not"
     ]},
    {[:api, :limited], "A request was refused for its rate.",
     [retry_after: "milliseconds to wait"],
     [instance: "which node", scope: "`:user` or `:global`"]},
    {[:limiter, :evict], "A table of rates was full, and rows that were not over were deleted.",
     [rows: "how many"], [table: "which table"]},
    {[:api, :sweep], "Windows that are over were forgotten.",
     [rows: "windows that are left", swept: "forgotten ones"], [instance: "which node"]},
    {[:gateway, :refuse], "An upgrade was refused.", [count: "1"],
     [instance: "which node", reason: "`:encoding`, `:compression`, `:unauthorized` or `:full`"]},
    {[:gateway, :command], "A client sent a payload.", [bytes: "its size"],
     [instance: "which node", command: "what it is, or `:invalid`"]},
    {[:gateway, :close], "The gateway closed a connection.", [count: "1"],
     [instance: "which node", code: "the close code", reason: "why"]},
    {[:session, :start], "A session began.", [guilds: "guilds on its shard"],
     [instance: "which node", session_id: "which session"]},
    {[:session, :stop], "A session ended.", [duration: "how long it was, native time unit"],
     [
       instance: "which node",
       session_id: "which session",
       reason:
         "`:closed` by its client, `:expired`, `:overflow` (a slow reader), `:revoked`, " <>
           "`:abandoned`, `:shutdown` or `:crash`"
     ]},
    {[:session, :request], "A client asked for a session.", [count: "1"],
     [
       instance: "which node",
       operation: "`:identify` or `:resume`",
       result: "`:ok`, or why it was refused"
     ]},
    {[:session, :disconnect], "A session lost its connection.", [count: "1"],
     [
       instance: "which node",
       session_id: "which session",
       reason: "`:client`, or why the session closed it",
       code: "the client's close code, if it sent one"
     ]},
    {[:session, :drop], "A session passed over what its client asked too often.", [count: "1"],
     [
       instance: "which node",
       session_id: "which session",
       command: "`:presence`, `:members`, `:voice` or `:lists`"
     ]},
    {[:session, :retry], "A room did not take a session, which will ask again.", [count: "1"],
     [instance: "which node", session_id: "which session", room_id: "which room"]},
    {[:guild, :start], "A room was loaded and serves.", [duration: "native time unit"],
     [instance: "which node", room_id: "which room"]},
    {[:guild, :stop], "A room stopped.", [count: "1"],
     [
       instance: "which node",
       room_id: "which room",
       reason: "`:normal` if it was idle or deleted, else why"
     ]},
    {[:guild, :close], "A guild cannot be served. Its sessions were told that it is unavailable.",
     [count: "1"],
     [
       instance: "which node",
       room_id: "which room",
       reason:
         "`:corrupt` if a row of it is damaged, `:too_large` if its sessions could not take it, or " <>
           "`{:audience, reason}` if it does not fit into the audience of a relay"
     ]},
    {[:guild, :crash], "A room crashed.", [pause: "ms for which it is not started again"],
     [instance: "which node", room_id: "which room", reason: "the exit reason"]},
    {[:guild, :release], "What a write changed became visible.",
     [
       duration: "since it was decided, milliseconds",
       commands: "commands in the write",
       in_flight: "commands of the room that wait for the store"
     ], [instance: "which node", room_id: "which room"]},
    {[:guild, :failure], "A room's write failed, and whoever asked for it was told.",
     [count: "1"], [instance: "which node", room_id: "which room", reason: "the store's reason"]},
    {[:guild, :refusal], "A room refused something because too much waits for it.", [count: "1"],
     [
       instance: "which node",
       room_id: "which room",
       reason:
         "commands: `:mailbox`, or `:in_flight` if they wait for the store; `:attach` for sessions that " <>
           "attach, `:signal` for presences, voice states and looks at member lists"
     ]},
    {[:guild, :copies], "The copies of a user in its guilds were brought up to date.",
     [guilds: "guilds in which they are", failed: "guilds that are tried again"],
     [instance: "which node", user_id: "which user"]},
    {[:guild, :presence], "A window of presences ended.",
     [
       shown: "changes told",
       waiting: "changes left for the next window",
       voices: "voice states left for the next window",
       cut: "GUILD_CREATEs of the window that left out some who are online"
     ], [instance: "which node", room_id: "which room"]},
    {[:guild, :list, :start], "A member list was built, or built anew.",
     [members: "that it has, those that are not shown too"],
     [instance: "which node", room_id: "which guild", list_id: "as clients know it"]},
    {[:guild, :list, :stop], "A member list was dropped.", [count: "1"],
     [instance: "which node", room_id: "which guild", list_id: "as clients know it"]},
    {[:guild, :list, :refusal], "A session was not shown what it wanted of member lists.",
     [count: "1"],
     [
       instance: "which node",
       room_id: "which guild",
       reason:
         "`:lists` or `:watchers` if there are too many, `:windows` if it wants too many of one list, " <>
           "`:memory_limit`, or `:behind` if all were ended because the lists were"
     ]},
    {[:guild, :places, :clear],
     "The table of which room a channel is in was full and was emptied.",
     [channels: "that were in it"], [instance: "which node"]},
    {[:user, :cache, :clear], "The cache of accounts was full and was emptied.",
     [accounts: "that were in it"], [instance: "which node"]},
    {[:user, :cache, :strangers], "Ids that nobody has were forgotten.",
     [ids: "asked for in the last ten seconds, up to 10,000"], [instance: "which node"]},
    {[:session, :overflow],
     "A session ends because its client was too slow, or because too much waits that cannot be dropped.",
     [count: "1"], [instance: "which node", session_id: "which session"]},
    {[:guild, :throttle],
     "A change of a guild was refused, because earlier ones had caused too many bytes of events.",
     [count: "1", wait: "ms until it may be tried again"],
     [instance: "which node", room_id: "which guild"]},
    {[:relay, :relief],
     "An outbox was full, and the unsent events of a room were dropped from it. Its session is attached to " <>
       "the room again when its client has caught up.",
     [events: "dropped", bytes: "of these events, as JSON"],
     [instance: "which node", relay: "its process", room_id: "which room"]},
    {[:relay, :round], "A relay handled what waited in its mailbox.",
     [
       mailbox: "messages that waited when the round began",
       commands: "messages handled",
       events: "pushes, an event's bodies each",
       deliveries: "events put into outboxes",
       wakes: "sessions told that something waits",
       overflows: "sessions that end because too much waits that cannot be dropped",
       dropped: "ephemeral events left out because the relay was behind",
       duration: "native unit"
     ], [instance: "which node", relay: "its pid"]},
    {[:relay, :flush], "A relay had outboxes write to their sockets.",
     [
       tried: "outboxes",
       blocked: "sockets that were found full",
       told: "processes that were told to write, or that their connection is over",
       left: "outboxes that wait for the next turn"
     ], [instance: "which node", relay: "its pid"]},
    {[:store, :open], "A data folder was opened.", [duration: "native time unit"],
     [instance: "which node"]},
    {[:store, :commit], "Batches became durable together.",
     [
       duration: "native time unit",
       batches: "writes answered",
       ops: "their operations",
       bytes: "their keys and values"
     ], [instance: "which node"]},
    {[:store, :refusal], "Writes were not done.", [count: "how many"],
     [
       instance: "which node",
       reason: "`:conflict`, `:storage_full`, `:overloaded` or `:unavailable`"
     ]},
    {[:store, :damage], "Damaged rows were left out of what was read.", [count: "how many"],
     [instance: "which node"]},
    {[:store, :reopen], "The database was opened again after an error of the disk.",
     [duration: "native time unit"], [instance: "which node"]},
    {[:http, :connection, :start], "A client connected.", [count: "1"],
     [instance: "whose server"]},
    {[:http, :connection, :stop], "A connection ended, or its socket went to another process.",
     [duration: "how long it was, native unit", requests: "answered on it"],
     [
       instance: "whose server",
       reason: "`:closed`, `:done`, `:idle`, `:drain`, `:given` or a refusal"
     ]},
    {[:http, :request], "A request was answered.", [duration: "from its last byte, native unit"],
     [instance: "whose server", method: "as sent", path: "as sent", status: "of the answer"]},
    {[:http, :exception], "A handler raised; the client got a 500.", [count: "1"],
     [
       instance: "whose server",
       method: "as sent",
       path: "as sent",
       kind: "`:error`, `:exit` or `:throw`",
       reason: "what it raised",
       stacktrace: "where"
     ]},
    {[:http, :refusal], "The server itself refused a client.", [count: "1"],
     [instance: "whose server", reason: "the limit or rule"]},
    {[:http, :websocket, :open], "A WebSocket was opened.", [count: "1"],
     [instance: "whose server"]},
    {[:http, :websocket, :busy],
     "A client reads too slowly: data waits. Its session and its relay say so each when they find it.",
     [bytes: "how much at first"], [instance: "whose server"]},
    {[:http, :websocket, :close], "A WebSocket began to close.",
     [duration: "how long it was, native unit"],
     [
       instance: "whose server",
       code: "the close code, or nil",
       by: "`:client`, `:server`, `:nobody` (lost) or `:slow` (cut off)"
     ]},
    {[:fanout, :round], "A partition of a fanout gave its subscribers what waited for them.",
     [
       mailbox: "messages in its mailbox when it began",
       events: "events in the round",
       deliveries: "events times subscribers",
       wakes: "messages that subscribers were sent for them",
       overflows: "subscribers whose outboxes overflowed",
       duration: "native time unit"
     ], [fanout: "which fanout", partition: "which of its partitions"]},
    {[:fanout, :start],
     "A fanout began to hear other nodes, for the first time or after a crash.",
     [nodes: "nodes that are connected"], [fanout: "which fanout"]},
    {[:fanout, :partition, :start],
     "A partition of a fanout began, for the first time or after a crash.",
     [subscriptions: "that it found"],
     [fanout: "which fanout", partition: "which of its partitions"]},
    {[:fanout, :node, :up],
     "Another node's fanout began, or began anew, and gets what is for it.", [count: "1"],
     [fanout: "which fanout", node: "which node"]},
    {[:fanout, :node, :topics], "Another node said which topics it wants, or wants no more.",
     [topics: "that it wants, as far as it has said"],
     [fanout: "which fanout", node: "which node"]},
    {[:fanout, :node, :down], "Another node is gone.", [count: "1"],
     [fanout: "which fanout", node: "which node"]},
    {[:fanout, :batch], "A fanout sent another node what waited for it.",
     [
       events: "events in the batch",
       bytes: "their size",
       waiting: "events that still wait for the node",
       waiting_bytes: "their size"
     ], [fanout: "which fanout", node: "which node"]},
    {[:fanout, :drop], "Events did not go to a node.",
     [count: "how many events", bytes: "their size, packed"],
     [
       fanout: "which fanout",
       node: "which node",
       reason: "`:full` if too much waits there, `:down` if nothing serves it"
     ]},
    {[:fanout, :invalid], "A message to a topic with outboxes was no event, and not pushed.",
     [count: "1"], [fanout: "which fanout"]},
    {[:supervisor, :restart], "A part of the node crashed, or could not be restarted.",
     [delay: "ms until it is restarted"],
     [instance: "which node", part: "the id of the child", reason: "the exit reason"]},
    {[:telemetry, :failure], "A handler raised and was detached.",
     [system_time: "wall clock, native unit"],
     [
       handler_id: "which handler",
       event: "the event it was given",
       kind: "`:error`, `:exit` or `:throw`",
       reason: "what it raised",
       stacktrace: "where"
     ]}
  ]

  fields = fn fields ->
    Enum.map_join(fields, "<br>", fn {name, doc} -> "`:#{name}` #{doc}" end)
  end

  rows =
    for {path, doc, measurements, metadata} <- @events do
      "| `#{inspect([:guildhall | path])}` | #{doc} | #{fields.(measurements)} | #{fields.(metadata)} |\n"
    end

  @moduledoc """
  What happens inside Guildhall, for metrics and logs. The library itself logs nothing.

  A handler is a function of the event, its measurements and its metadata. It
  runs in the process where the event happens, so it must be quick; one that
  raises is detached.

      iex> alias Guildhall.Telemetry
      iex> handler = fn event, measurements, _metadata -> IO.inspect({event, measurements}) end
      iex> Telemetry.attach("printer", [[:guildhall, :telemetry, :failure]], handler)
      :ok
      iex> Telemetry.detach("printer")
      :ok

  | event | when | measurements | metadata |
  | ----- | ---- | ------------ | -------- |
  #{rows}
  """

  @type event :: [atom(), ...]
  @type handler :: (event(), measurements :: map(), metadata :: map() -> term())

  @paths Enum.map(@events, &elem(&1, 0))

  @doc false
  def init do
    _table = :ets.new(__MODULE__, [:bag, :public, :named_table, read_concurrency: true])
    :ok
  end

  @doc "Returns every event that Guildhall emits."
  @spec events() :: [event()]
  def events, do: for(path <- @paths, do: [:guildhall | path])

  @doc """
  Calls `handler` for each of `events` from now on.

  `:all` stands for `events/0`. The application must be started.
  """
  @spec attach(id :: term(), :all | [event()], handler()) :: :ok | {:error, :already_exists}
  def attach(id, :all, handler), do: attach(id, events(), handler)

  def attach(id, events, handler) when is_list(events) and is_function(handler, 3) do
    unknown = events -- events()
    unless unknown == [], do: raise(ArgumentError, "unknown events: #{inspect(unknown)}")

    if :ets.insert_new(__MODULE__, {{:handler, id}}) do
      true = :ets.insert(__MODULE__, for([:guildhall | path] <- events, do: {path, id, handler}))
      :ok
    else
      {:error, :already_exists}
    end
  end

  @doc "Forgets the handler."
  @spec detach(id :: term()) :: :ok | {:error, :not_found}
  def detach(id) do
    :ets.match_delete(__MODULE__, {:_, id, :_})
    if :ets.take(__MODULE__, {:handler, id}) == [], do: {:error, :not_found}, else: :ok
  end

  # A clause per event, so that a misspelt event or a missing field cannot be emitted.
  has = fn fields -> {:%{}, [], for({name, _doc} <- fields, do: {name, quote(do: _)})} end

  @doc false
  @spec emit(path :: [atom(), ...], measurements :: map(), metadata :: map()) :: :ok
  for {path, _doc, measurements, metadata} <- @events do
    def emit(
          unquote(path),
          unquote(has.(measurements)) = measured,
          unquote(has.(metadata)) = meta
        ) do
      dispatch(unquote(path), measured, meta)
    end
  end

  # Without the application there is no table, and nobody who could listen.
  defp dispatch(path, measurements, metadata) do
    if :ets.whereis(__MODULE__) != :undefined do
      for {_path, id, handler} <- :ets.lookup(__MODULE__, path) do
        call(id, handler, [:guildhall | path], measurements, metadata)
      end
    end

    :ok
  end

  defp call(id, handler, event, measurements, metadata) do
    handler.(event, measurements, metadata)
  catch
    kind, reason ->
      detach(id)
      failure = %{handler_id: id, event: event, kind: kind, reason: reason}
      failure = Map.put(failure, :stacktrace, __STACKTRACE__)
      emit([:telemetry, :failure], %{system_time: System.system_time()}, failure)
  end
end
