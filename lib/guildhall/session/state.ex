defmodule Guildhall.Session.State do
  @moduledoc false

  # What a session knows, as a value: whether its client is there, in which rooms it is and what it
  # may still ask for. `apply/3` is its whole behaviour: no process, no clock, no I/O.
  # `Guildhall.Session.Server` performs the effects.
  #
  # A session is `:connected` or `:waiting` for its client to come back. It begins waiting. A client
  # that does not come back soon is `absent`: others see him offline while his session still waits.

  alias Guildhall.Model.{Intents, Json, Presence, User}

  alias Guildhall.Session.{
    Client,
    Connection,
    Lists,
    MemberRequest,
    Members,
    Pages,
    Rooms,
    Voices,
    Window
  }

  # Changes of presence in so many ms, and how often all members of a guild may be asked for.
  @presences {5, 20_000}
  @whole_list 30_000
  # Until those are asked for again whose process died.
  @again 500
  # A client that lets its outbox become full must take so many bytes in so many ms, or it is too slow. A
  # fifth of 1 MB/s: the kernel makes space in steps of a megabyte, and a busy machine stalls.
  @pace {1_048_576, 5_000}

  @enforce_keys [:client, :options]
  defstruct [
    :client,
    :options,
    phase: :waiting,
    rooms: nil,
    pages: nil,
    lists: %Lists{},
    presences: nil,
    unsent: MapSet.new(),
    voices: %Voices{},
    absent: false,
    pace: nil,
    heartbeat_at: 0
  ]

  @type t :: %__MODULE__{
          client: Client.t(),
          options: map(),
          phase: :waiting | :connected,
          rooms: Rooms.t(),
          pages: Pages.t(),
          lists: Lists.t(),
          presences: Window.t(),
          # Rooms that had no capacity for the presence.
          unsent: MapSet.t(pos_integer()),
          voices: Voices.t(),
          absent: boolean(),
          # The bytes that the client had taken when its outbox was full, if its pace is watched.
          pace: non_neg_integer() | nil,
          heartbeat_at: integer()
        }

  @typedoc "Bytes that the client has taken and bytes that wait for it; nil without a connection."
  @type progress :: {taken :: non_neg_integer(), waiting :: non_neg_integer()} | nil

  @type timer ::
          :heartbeat
          | :pace
          | :absence
          | :expiry
          | :grace
          | :relay
          | :registration
          | :presence
          | :voice
          | {:room | :lists, pos_integer()}
  @type command ::
          {:begin, guild_ids :: [pos_integer()]}
          | :connected
          | :claimed
          | {:disconnected, code :: non_neg_integer() | nil}
          | {:client, Connection.command()}
          | :idle
          | {:joined, room_id :: pos_integer(), :guild | :dm}
          | {:attached | :deferred | :removed | :down, room_id :: pos_integer()}
          | {:congested, room_id :: pos_integer(), progress()}
          | {:pace, progress()}
          | {:refused, room_id :: pos_integer(), reason :: atom()}
          | {:unwatched, guild_id :: pos_integer()}
          | {:unsent, :presence, [room_id :: pos_integer()]}
          | {:unsent, :voice, {guild_id :: pos_integer(), attributes :: map()}}
          | {:updated, User.t()}
          | {:timeout, timer()}
          | :relay_down
          | :relay_up
          | {:guilds, guild_ids :: [pos_integer()]}
          | {:ended, :overflow | :revoked}
          | :drain

  @type effect ::
          {:push, type :: String.t(), data :: map()}
          | {:attach, room_id :: pos_integer()}
          | {:present, [room_id :: pos_integer()]}
          | Voices.effect()
          | Lists.effect()
          | {:page, Pages.page(), Members.access()}
          | {:acknowledge, sequence :: non_neg_integer() | nil}
          | :reconnect
          | {:close, Connection.reason()}
          | {:timer, timer(), milliseconds :: non_neg_integer() | nil}
          | {:backoff, timer(), milliseconds :: pos_integer()}
          | {:dropped, command :: atom()}
          | {:stop, reason :: atom()}

  @spec new(Client.t(), map()) :: t()
  def new(client, options) do
    %__MODULE__{client: client, options: options, rooms: Rooms.new([]), pages: Pages.new()}
  end

  @doc "Whether the session has something to do while its outbox is empty."
  @spec hungry?(t()) :: boolean()
  def hungry?(%__MODULE__{phase: :waiting}), do: false
  def hungry?(%__MODULE__{} = state), do: Rooms.hungry?(state.rooms) or Pages.any?(state.pages)

  @doc "Whether every room that the session shall be in knows of it."
  @spec settled?(t()) :: boolean()
  def settled?(%__MODULE__{rooms: rooms}), do: Rooms.settled?(rooms)

  @doc "The page that `{:page, page, access}` brought was not the last."
  @spec paged(t(), Pages.page()) :: t()
  def paged(%__MODULE__{} = state, page), do: %{state | pages: Pages.back(state.pages, page)}

  @doc "How the user is, as far as this session knows."
  @spec presence(t()) :: Presence.t()
  def presence(%__MODULE__{absent: true}), do: %Presence{status: :offline}
  def presence(%__MODULE__{client: client}), do: client.presence

  @spec apply(t(), command(), now :: integer()) :: {t(), [effect()]}
  def apply(%__MODULE__{} = state, {:begin, guild_ids}, _now) do
    wait(%{state | rooms: Rooms.new(guild_ids)}, [])
  end

  def apply(%__MODULE__{} = state, :connected, now) do
    timers = [
      {:timer, :absence, nil},
      {:timer, :expiry, nil},
      {:timer, :heartbeat, patience(state)}
    ]

    back = if state.absent, do: [{:present, Rooms.ids(state.rooms)}], else: []
    {lists, watch} = Lists.absent(state.lists, false)
    state = %{state | phase: :connected, absent: false, lists: lists, heartbeat_at: now}
    {state, timers ++ back ++ watch}
  end

  def apply(%__MODULE__{phase: :connected} = state, :claimed, _now) do
    wait(state, [{:close, :taken_over}])
  end

  def apply(%__MODULE__{} = state, :claimed, _now), do: wait(state, [])

  # A client that says goodbye means it; any other code is an accident.
  def apply(%__MODULE__{} = state, {:disconnected, code}, _now) when code in [1000, 1001] do
    {state, [{:stop, :closed}]}
  end

  def apply(%__MODULE__{} = state, {:disconnected, _code}, _now), do: wait(state, [])

  def apply(%__MODULE__{phase: :waiting} = state, {:client, _command}, _now), do: {state, []}
  def apply(%__MODULE__{} = state, {:client, command}, now), do: client(state, command, now)

  def apply(%__MODULE__{phase: :waiting} = state, :idle, _now), do: {state, []}

  def apply(%__MODULE__{} = state, :idle, _now) do
    if Rooms.hungry?(state.rooms), do: rooms(state, &Rooms.feed/1), else: page(state)
  end

  def apply(%__MODULE__{client: client} = state, {:joined, room_id, kind}, _now) do
    if Client.serves?(client, room_id, kind),
      do: rooms(state, &Rooms.joined(&1, room_id, kind)),
      else: {state, []}
  end

  # Messages about some of them may have been missed.
  def apply(%__MODULE__{client: client} = state, {:guilds, guild_ids}, _now) do
    new = for id <- Client.guilds(client, guild_ids), Rooms.status(state.rooms, id) == nil, do: id

    Enum.reduce(new, {state, []}, fn guild_id, {state, effects} ->
      {state, more} = rooms(state, &Rooms.joined(&1, guild_id, :guild))
      {state, effects ++ more}
    end)
  end

  # A client without the intent has not been told of its guilds.
  def apply(%__MODULE__{client: client} = state, :relay_down, _now) do
    {state, effects} = rooms(state, &Rooms.pause/1)
    told? = Bitwise.band(client.intents, Intents.bit(:guilds)) != 0
    {state, if(told?, do: effects, else: Enum.reject(effects, &match?({:push, _, _}, &1)))}
  end

  def apply(%__MODULE__{} = state, :relay_up, _now), do: rooms(state, &Rooms.go_on/1)

  def apply(%__MODULE__{} = state, {:attached, room_id}, _now) do
    {state, effects} = rooms(state, &Rooms.attached(&1, room_id))
    {state, effects ++ Lists.attached(state.lists, room_id)}
  end

  def apply(%__MODULE__{} = state, {:deferred, room_id}, _now) do
    rooms(state, &Rooms.deferred(&1, room_id))
  end

  def apply(%__MODULE__{} = state, {:congested, room_id, progress}, _now) do
    {state, effects} = rooms(state, &Rooms.congested(&1, room_id))
    {state, watch} = if state.pace, do: {state, []}, else: watch(state, progress)
    {state, effects ++ watch}
  end

  # A client that has caught up is no longer watched.
  def apply(%__MODULE__{phase: :connected, pace: before} = state, {:pace, {taken, waiting}}, now)
      when before != nil and waiting > 0 do
    {bytes, _window} = @pace

    if taken - before >= bytes,
      do: watch(state, {taken, waiting}),
      else: __MODULE__.apply(state, {:ended, :overflow}, now)
  end

  def apply(%__MODULE__{} = state, {:pace, _progress}, _now), do: {%{state | pace: nil}, []}

  def apply(%__MODULE__{} = state, {:removed, room_id}, _now) do
    state = %{state | voices: Voices.forget(state.voices, room_id)}
    rooms(%{state | lists: Lists.removed(state.lists, room_id)}, &Rooms.removed(&1, room_id))
  end

  def apply(%__MODULE__{} = state, {:down, room_id}, _now) do
    rooms(state, &Rooms.down(&1, room_id))
  end

  def apply(%__MODULE__{} = state, {:refused, room_id, reason}, _now) do
    rooms(state, &Rooms.refused(&1, room_id, reason))
  end

  def apply(%__MODULE__{client: client} = state, {:updated, user}, _now) do
    state = %{state | client: %{client | user: user}}
    {state, [{:push, "USER_UPDATE", Json.self_user(user)}]}
  end

  def apply(%__MODULE__{} = state, {:timeout, {:room, room_id}}, _now) do
    rooms(state, &Rooms.timeout(&1, room_id))
  end

  # Those who looked at one guild must not all come back at once.
  def apply(%__MODULE__{} = state, {:unwatched, guild_id}, _now) do
    {state, [{:backoff, {:lists, guild_id}, @again}]}
  end

  def apply(%__MODULE__{} = state, {:timeout, {:lists, guild_id}}, _now) do
    {state, if(in?(state, guild_id), do: Lists.attached(state.lists, guild_id), else: [])}
  end

  # Rooms are later sent the state that is current by then.
  def apply(%__MODULE__{} = state, {:unsent, :presence, room_ids}, _now) do
    unsent = MapSet.union(state.unsent, MapSet.new(room_ids))
    {%{state | unsent: unsent}, [{:timer, :presence, @again}]}
  end

  def apply(%__MODULE__{} = state, {:unsent, :voice, {guild_id, attributes}}, _now) do
    voices(state, Voices.unsent(state.voices, guild_id, attributes))
  end

  def apply(%__MODULE__{} = state, {:timeout, :presence}, _now) do
    room_ids = for id <- Rooms.ids(state.rooms), id in state.unsent, do: id
    {%{state | unsent: MapSet.new()}, [{:present, room_ids}]}
  end

  def apply(%__MODULE__{} = state, {:timeout, :voice}, now) do
    voices(state, Voices.next(state.voices, now))
  end

  def apply(%__MODULE__{phase: :waiting} = state, {:timeout, :absence}, _now) do
    {lists, unwatch} = Lists.absent(state.lists, true)
    {%{state | absent: true, lists: lists}, [{:present, Rooms.ids(state.rooms)} | unwatch]}
  end

  def apply(%__MODULE__{} = state, {:timeout, :absence}, _now), do: {state, []}
  def apply(%__MODULE__{} = state, {:timeout, :expiry}, _now), do: {state, [{:stop, :expired}]}
  def apply(%__MODULE__{} = state, {:timeout, :heartbeat}, now), do: heartbeat(state, now)

  def apply(%__MODULE__{phase: :waiting} = state, {:timeout, :grace}, _now), do: {state, []}

  def apply(%__MODULE__{} = state, {:timeout, :grace}, _now),
    do: wait(state, [{:close, :drained}])

  # A RESUME will not find the session: its client begins anew.
  def apply(%__MODULE__{} = state, {:ended, reason}, _now) do
    {state, [{:close, reason}, {:stop, reason}]}
  end

  def apply(%__MODULE__{phase: :waiting} = state, :drain, _now), do: {state, []}

  def apply(%__MODULE__{} = state, :drain, _now) do
    {state, [:reconnect, {:timer, :grace, state.options.drain_grace}]}
  end

  defp client(state, {:heartbeat, sequence}, now) do
    {%{state | heartbeat_at: now}, [{:acknowledge, sequence}]}
  end

  defp client(%__MODULE__{client: client} = state, {:presence, presence}, now) do
    case Window.count(state.presences, now, limit(state, @presences)) do
      {:ok, window} ->
        state = %{state | presences: window, client: %{client | presence: presence}}
        {state, [{:present, Rooms.ids(state.rooms)}]}

      {:error, :limited} ->
        {state, [{:dropped, :presence}]}
    end
  end

  defp client(state, {:voice, guild_id, attributes}, now) do
    limited? = state.options.rate_limits

    if in?(state, guild_id),
      do: voices(state, Voices.wish(state.voices, guild_id, attributes, now, limited?)),
      else: {state, [{:dropped, :voice}]}
  end

  defp client(state, {:members, %MemberRequest{} = request}, now) do
    case Pages.request(state.pages, request, now, limit(state, @whole_list) || 0) do
      {:ok, pages} -> {%{state | pages: pages}, []}
      {:error, :limited, pause} -> {state, [limited(request, pause), {:dropped, :members}]}
    end
  end

  # Bots are not shown lists.
  defp client(%__MODULE__{client: %{user: %{bot: true}}} = state, {:lists, _guilds}, _now) do
    {state, [{:dropped, :lists}]}
  end

  # A guild that the session is not in yet hears of it when it is.
  defp client(state, {:lists, guilds}, now) do
    {lists, effects} = Lists.wish(state.lists, guilds, now, state.options.rate_limits)
    {%{state | lists: lists}, Enum.reject(effects, &early?(state, &1))}
  end

  defp client(state, {:invalid, reason}, _now), do: wait(state, [{:close, reason}])
  defp client(state, :ignored, _now), do: {state, []}

  defp early?(state, {:watch, guild_id, _channels}), do: not in?(state, guild_id)
  defp early?(_state, _effect), do: false

  defp in?(state, guild_id), do: Rooms.status(state.rooms, guild_id) == :attached

  defp limit(%__MODULE__{options: %{rate_limits: false}}, _limit), do: nil
  defp limit(_state, limit), do: limit

  defp limited(request, pause) do
    meta = %{guild_id: Integer.to_string(request.guild_id)}
    meta = if request.nonce, do: Map.put(meta, :nonce, request.nonce), else: meta
    {:push, "RATE_LIMITED", %{opcode: 8, retry_after: pause / 1000, meta: meta}}
  end

  defp page(state) do
    case Pages.next(state.pages) do
      {:ok, page, pages} ->
        {%{state | pages: pages}, [{:page, page, access(state, page.request)}]}

      :none ->
        {state, []}
    end
  end

  defp access(state, request) do
    %{member?: in?(state, request.guild_id), intents: state.client.intents}
  end

  # The timer runs out once in a while and looks at what came since, so that a heartbeat costs no timer.
  defp heartbeat(%__MODULE__{phase: :waiting} = state, _now), do: {state, []}

  defp heartbeat(state, now) do
    left = state.heartbeat_at + patience(state) - now

    if left > 0,
      do: {state, [{:timer, :heartbeat, left}]},
      else: wait(state, [{:close, :heartbeat_missed}])
  end

  defp patience(state), do: div(state.options.heartbeat_interval * 3, 2)

  defp watch(%__MODULE__{phase: :connected} = state, {taken, _waiting}) do
    {_bytes, window} = @pace
    {%{state | pace: taken}, [{:timer, :pace, window}]}
  end

  defp watch(state, _progress), do: {state, []}

  defp wait(state, effects) do
    timers = [
      {:timer, :heartbeat, nil},
      {:timer, :pace, nil},
      {:timer, :absence, state.options.absence_timeout},
      {:timer, :expiry, state.options.resume_timeout}
    ]

    {%{state | phase: :waiting, pace: nil}, effects ++ timers}
  end

  defp voices(state, {voices, effects}), do: {%{state | voices: voices}, effects}

  defp rooms(state, fun) do
    {rooms, effects} = fun.(state.rooms)
    {%{state | rooms: rooms}, effects}
  end
end
