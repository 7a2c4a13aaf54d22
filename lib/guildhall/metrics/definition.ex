defmodule Guildhall.Metrics.Definition do
  @moduledoc false

  # Every metric of a node. Counters and histograms are fed by a telemetry event each, gauges are read
  # when somebody asks. Labels have few values: none is a client's.

  alias Guildhall.{
    Audience,
    Guild,
    HashRing,
    Http,
    Instance,
    MemberList,
    OrderedSet,
    Outbox,
    Payload,
    Permissions,
    Reaper,
    Relay
  }

  alias Guildhall.{Session, Store}

  @enforce_keys [:kind, :name, :help]
  defstruct @enforce_keys ++ [:event, :measurement, :read, labels: []]

  @type t :: %__MODULE__{
          kind: :counter | :histogram | :gauge,
          name: atom(),
          help: String.t(),
          event: [atom()] | nil,
          measurement: atom() | nil,
          read: (Instance.t() -> number() | [{keyword(), number()}]) | nil,
          labels: [atom()]
        }

  # The modules that hold memory which the VM does not see, each of one kind. Outboxes have several.
  @native [
    {:payload_bytes, Payload, "JSON, kept for its next calls"},
    {:audience_bytes, Audience, "audiences"},
    {:member_list_bytes, MemberList, "member lists"},
    {:ordered_set_bytes, OrderedSet, "ordered sets"},
    {:permissions_bytes, Permissions, "compiled guilds"},
    {:hash_ring_bytes, HashRing, "hash rings"}
  ]

  # Upper edges in microseconds.
  @buckets [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    1_000_000
  ]

  @fed [
    {:counter, :events_total, "Bodies that relays took from rooms.", [:relay, :round], :events,
     []},
    {:counter, :deliveries_total, "Events put into outboxes.", [:relay, :round], :deliveries, []},
    {:counter, :wakes_total, "Sessions told that something waits.", [:relay, :round], :wakes, []},
    {:counter, :flushes_total, "Times an outbox wrote to its socket by itself, or tried.",
     [:relay, :flush], :tried, []},
    {:counter, :flushes_blocked_total, "Times a socket was found full.", [:relay, :flush],
     :blocked, []},
    {:counter, :slow_readers_total,
     "Sessions cut off because their client was too slow, or what waited could not be dropped.",
     [:session, :overflow], :count, []},
    {:counter, :reliefs_total,
     "Times the unsent events of a room were dropped from a full outbox, and the guild sent again later.",
     [:relay, :relief], nil, []},
    {:counter, :reliefs_bytes_total, "Bytes of these events.", [:relay, :relief], :bytes, []},
    {:counter, :guild_throttled_total,
     "Changes of a guild that were refused, because earlier ones had caused too many bytes of events.",
     [:guild, :throttle], :count, []},
    {:counter, :ephemeral_dropped_total, "Ephemeral events left out because a relay was behind.",
     [:relay, :round], :dropped, []},
    {:histogram, :relay_round_seconds, "Time of a relay's rounds.", [:relay, :round], nil, []},
    {:histogram, :store_commit_seconds, "Time of the store's commits.", [:store, :commit], nil,
     []},
    {:counter, :store_commits_total, "Commits, one sync of the disk each.", [:store, :commit],
     nil, []},
    {:counter, :store_batches_total, "Writes that became durable.", [:store, :commit], :batches,
     []},
    {:counter, :store_bytes_total, "Bytes that became durable.", [:store, :commit], :bytes, []},
    {:counter, :store_refusals_total, "Writes that were not done.", [:store, :refusal], :count,
     [:reason]},
    {:counter, :store_damaged_rows_total, "Damaged rows that were left out.", [:store, :damage],
     :count, []},
    {:counter, :store_reopens_total, "Times the database was opened anew.", [:store, :reopen],
     nil, []},
    {:counter, :part_restarts_total, "Parts of the node that crashed, or could not be restarted.",
     [:supervisor, :restart], nil, []},
    {:counter, :rooms_started_total, "Rooms loaded.", [:guild, :start], nil, []},
    {:counter, :room_crashes_total, "Rooms that crashed.", [:guild, :crash], nil, []},
    {:counter, :room_failures_total, "Writes of rooms that failed.", [:guild, :failure], :count,
     [:reason]},
    {:counter, :room_refusals_total, "What rooms refused that are behind, by kind.",
     [:guild, :refusal], :count, [:reason]},
    {:counter, :rooms_closed_total, "Times a guild could not be served.", [:guild, :close],
     :count, []},
    {:counter, :member_list_refusals_total, "Wishes to see member lists that were not met.",
     [:guild, :list, :refusal], :count, [:reason]},
    {:counter, :presences_total, "Presences that rooms told at the end of windows.",
     [:guild, :presence], :shown, []},
    {:counter, :user_copies_total, "Guilds in which the copy of a user was brought up to date.",
     [:guild, :copies], :guilds, []},
    {:counter, :user_copies_failed_total, "Guilds in which that failed, and is tried again.",
     [:guild, :copies], :failed, []},
    {:counter, :snapshots_cut_total, "GUILD_CREATEs that left out some who are online.",
     [:guild, :presence], :cut, []},
    {:counter, :places_cleared_total, "Times the table of channels' rooms was full, and emptied.",
     [:guild, :places, :clear], nil, []},
    {:counter, :accounts_cleared_total, "Times the cache of accounts was full, and emptied.",
     [:user, :cache, :clear], nil, []},
    {:counter, :sessions_started_total, "Sessions begun.", [:session, :start], nil, []},
    {:counter, :sessions_stopped_total, "Sessions ended.", [:session, :stop], nil, [:reason]},
    {:counter, :session_requests_total, "Requests for a session.", [:session, :request], :count,
     [:operation, :result]},
    {:counter, :session_drops_total, "Commands of clients passed over for their rate.",
     [:session, :drop], :count, [:command]},
    {:counter, :gateway_refusals_total, "Upgrades refused.", [:gateway, :refuse], :count,
     [:reason]},
    {:counter, :gateway_commands_total, "Payloads from clients.", [:gateway, :command], nil,
     [:command]},
    {:counter, :gateway_closes_total, "Connections that the gateway closed.", [:gateway, :close],
     :count, [:code]},
    {:histogram, :api_request_seconds, "Time of REST requests.", [:api, :request], nil, []},
    {:counter, :api_requests_total, "REST requests.", [:api, :request], nil, [:status]},
    {:counter, :api_limited_total, "REST requests refused for their rate.", [:api, :limited], nil,
     [:scope]},
    {:counter, :limiter_evictions_total,
     "Rates that were forgotten because their table was full.", [:limiter, :evict], :rows, []},
    {:counter, :fanout_events_total, "Events that partitions of fanouts took.", [:fanout, :round],
     :events, []},
    {:counter, :fanout_deliveries_total, "Events given to subscribers of fanouts.",
     [:fanout, :round], :deliveries, []},
    {:counter, :fanout_wakes_total, "Messages to subscribers of fanouts.", [:fanout, :round],
     :wakes, []},
    {:counter, :fanout_batch_bytes_total, "Bytes that fanouts sent to other nodes.",
     [:fanout, :batch], :bytes, []},
    {:counter, :fanout_dropped_total, "Events that did not go to a node.", [:fanout, :drop],
     :count, [:reason]},
    {:counter, :http_connections_total, "Connections accepted.", [:http, :connection, :start],
     :count, []},
    {:counter, :http_refusals_total, "Clients that the server refused.", [:http, :refusal],
     :count, [:reason]},
    {:counter, :http_exceptions_total, "Requests that crashed.", [:http, :exception], :count, []},
    {:counter, :websocket_busy_total, "Times a client's socket was found full.",
     [:http, :websocket, :busy], nil, []},
    {:counter, :websocket_closes_total, "WebSockets closed.", [:http, :websocket, :close], nil,
     [:by]}
  ]

  @doc "Returns the metrics that telemetry feeds."
  @spec fed() :: [t()]
  def fed do
    for {kind, name, help, event, measurement, labels} <- @fed do
      event = [:guildhall | event]

      %__MODULE__{
        kind: kind,
        name: name,
        help: help,
        event: event,
        measurement: measurement,
        labels: labels
      }
    end
  end

  @doc "Returns every metric."
  @spec all() :: [t()]
  def all, do: gauges() ++ fed()

  @doc "Returns the upper edges of the histograms' buckets, in microseconds."
  @spec buckets() :: [pos_integer()]
  def buckets, do: @buckets

  @doc "Returns the figures for the node's own page."
  @spec summary(map(), Instance.t()) :: [{String.t(), number() | String.t()}]
  def summary(counts, instance) do
    count = fn name -> Map.get(counts, {name, []}, 0) end

    [
      {"Up", uptime()},
      {"Sessions", Session.count(instance)},
      {"Rooms", Guild.stats(instance).rooms},
      {"Connections", Http.stats(Instance.child(instance, :endpoint)).connections},
      {"Events", count.(:events_total)},
      {"Deliveries", count.(:deliveries_total)},
      {"Commits", count.(:store_commits_total)},
      {"Memory of the VM, MB", div(:erlang.memory(:total), 1_000_000)},
      {"Native memory, MB", div(native() + Store.stats(instance).cache_bytes, 1_000_000)}
    ]
  end

  defp gauges do
    for {name, help, read} <- [
          {:sessions, "Sessions, with a connection or waiting for one.", &Session.count/1},
          {:rooms, "Rooms that run.", &Guild.stats(&1).rooms},
          {:member_lists, "Member lists that are shown.", &Guild.stats(&1).lists},
          {:member_list_watchers, "Sessions that look at member lists, once a guild.",
           &Guild.stats(&1).watchers},
          {:http_connections, "Open connections.",
           &Http.stats(Instance.child(&1, :endpoint)).connections},
          {:relay_mailbox, "Messages that wait for a relay.", &mailboxes/1},
          {:outbox_bytes, "Native memory of outboxes, events and transports.",
           fn _instance ->
             for({kind, %{bytes: bytes}} <- Outbox.memory(), do: {[kind: kind], bytes})
           end},
          {:compression_without_context,
           "Connections without the context that their policy asks for, since others took the memory.",
           fn _instance -> Outbox.Transport.without_context() end},
          {:native_frees_waiting, "Large values that wait to be freed.",
           fn _instance -> Reaper.stats().waiting end},
          {:native_frees_refused,
           "Large values that a scheduler freed, because too many waited to be.",
           fn _instance -> Reaper.stats().refused end},
          {:store_pending_bytes, "Bytes that wait for the disk.", &Store.stats(&1).pending_bytes},
          {:store_cache_bytes, "Native memory of the store.", &Store.stats(&1).cache_bytes},
          {:store_disk_bytes, "Bytes on the disk.", &Store.stats(&1).disk_bytes},
          {:vm_memory_bytes, "Memory of the VM by kind.",
           fn _instance -> for({kind, bytes} <- :erlang.memory(), do: {[kind: kind], bytes}) end},
          {:vm_processes, "Processes of the VM.",
           fn _instance -> :erlang.system_info(:process_count) end},
          {:vm_run_queue, "Processes that wait for a scheduler.",
           fn _instance -> :erlang.statistics(:total_run_queue_lengths) end}
          | for {name, module, what} <- @native do
              {name, "Native memory of #{what}.", fn _instance -> module.memory().bytes end}
            end
        ] do
      %__MODULE__{kind: :gauge, name: name, help: help, read: read}
    end
  end

  defp mailboxes(instance) do
    for {pid, index} <- Enum.with_index(Relay.all(instance)) do
      {:message_queue_len, length} =
        Process.info(pid, :message_queue_len) || {:message_queue_len, 0}

      {[relay: index], length}
    end
  end

  defp native do
    gauges = for {_name, module, _what} <- @native, do: module.memory()
    Enum.sum(for %{bytes: bytes} <- gauges ++ Map.values(Outbox.memory()), do: bytes)
  end

  defp uptime do
    {milliseconds, _since} = :erlang.statistics(:wall_clock)
    seconds = div(milliseconds, 1_000)
    {hours, rest} = {div(seconds, 3_600), rem(seconds, 3_600)}
    "#{hours} h #{div(rest, 60)} min #{rem(rest, 60)} s"
  end
end
