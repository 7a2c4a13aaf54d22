defmodule Guildhall.Session.Rooms do
  @moduledoc false

  # The rooms of a session, as a value: which know of it, which shall, and which must be asked again.
  # A room is `:queued` (its turn comes when the reader has caught up), `:attaching`, `:attached`,
  # `:congested` (will be queued after a while) or `:down` (will be asked again after a while); the
  # numbers count attempts.
  #
  # Without a relay (`paused?`) no room is attached: all of them are queued until there is one again.

  @enforce_keys [:guilds]
  defstruct [
    :guilds,
    rooms: %{},
    queue: [],
    attaching: 0,
    together: 8,
    fitting: 0,
    paused?: false
  ]

  @type status ::
          :queued | {:attaching | :down, attempts :: non_neg_integer()} | :attached | :congested
  @type t :: %__MODULE__{
          # The guilds, and whether the client has been told of each.
          guilds: %{optional(pos_integer()) => announced? :: boolean()},
          rooms: %{optional(pos_integer()) => status()},
          queue: [pos_integer()],
          attaching: non_neg_integer(),
          # How many of the queue may be attaching at once, and how many were attached in a row since this
          # number changed.
          together: pos_integer(),
          fitting: non_neg_integer(),
          paused?: boolean()
        }
  @type effect ::
          {:attach, room_id :: pos_integer()}
          | {:push, type :: String.t(), data :: map()}
          | {:timer | :backoff, {:room, pos_integer()}, milliseconds :: pos_integer() | nil}

  # How many rooms may be attaching at once, each of which answers with a GUILD_CREATE. A relay defers those
  # whose GUILD_CREATE would not fit beside those that wait. Then one is asked at a time, and twice as
  # many again after so many that were not deferred.
  @together 8
  @fitting 8
  @patience 10_000
  @backoff 500
  @backoff_limit 60_000

  # Reasons for which asking again is no use.
  @final [:unknown_guild, :unknown_channel, :unknown_member, :missing_access]

  @doc "The guilds that READY announces, all of them still to be attached."
  @spec new([pos_integer()]) :: t()
  def new(guild_ids) do
    rooms = Map.new(guild_ids, &{&1, :queued})
    %__MODULE__{guilds: Map.new(guild_ids, &{&1, true}), rooms: rooms, queue: guild_ids}
  end

  @spec status(t(), non_neg_integer()) :: status() | nil
  def status(%__MODULE__{rooms: rooms}, room_id), do: Map.get(rooms, room_id)

  @doc "The rooms that know of the session, or will before they hear anything else from it."
  @spec ids(t()) :: [pos_integer()]
  def ids(%__MODULE__{rooms: rooms}) do
    for {room_id, status} <- rooms, status == :attached or attaching(status) == 1, do: room_id
  end

  @spec hungry?(t()) :: boolean()
  def hungry?(%__MODULE__{paused?: true}), do: false

  def hungry?(%__MODULE__{queue: queue} = rooms) do
    queue != [] and rooms.attaching < rooms.together
  end

  @doc "Whether no room is queued or attaching."
  @spec settled?(t()) :: boolean()
  def settled?(%__MODULE__{queue: queue, attaching: n}), do: queue == [] and n == 0

  @doc "Attaches the next of the queue, as many as may be attaching at once."
  @spec feed(t()) :: {t(), [effect()]}
  def feed(%__MODULE__{paused?: true} = rooms), do: {rooms, []}

  def feed(%__MODULE__{attaching: attaching} = rooms) do
    {turn, queue} = Enum.split(rooms.queue, max(rooms.together - attaching, 0))

    # A room that was removed while it was queued is not attached.
    queued = Enum.filter(turn, &(status(rooms, &1) == :queued))

    Enum.reduce(queued, {%{rooms | queue: queue}, []}, fn room_id, {rooms, effects} ->
      {rooms, more} = attach(rooms, room_id, 0)
      {rooms, effects ++ more}
    end)
  end

  @doc """
  The user is in a room that was not there before.

  Or has left it and is back, which the room knows better: the news of a removal comes another way.
  """
  @spec joined(t(), pos_integer(), :guild | :dm) :: {t(), [effect()]}
  def joined(rooms, room_id, kind \\ :dm)

  def joined(rooms, room_id, :guild) do
    joined(%{rooms | guilds: Map.put_new(rooms.guilds, room_id, false)}, room_id, :dm)
  end

  def joined(rooms, room_id, :dm) do
    case status(rooms, room_id) do
      status when status in [:queued, :congested] -> {rooms, []}
      {:attaching, _attempts} -> {rooms, []}
      :attached -> {rooms, [{:attach, room_id}]}
      _other -> attach(rooms, room_id, 0)
    end
  end

  @spec attached(t(), pos_integer()) :: {t(), [effect()]}
  def attached(%__MODULE__{guilds: guilds} = rooms, room_id) do
    guilds = if is_map_key(guilds, room_id), do: %{guilds | room_id => true}, else: guilds
    rooms = put(%{rooms | guilds: guilds}, room_id, :attached)
    {fitting(rooms), [{:timer, {:room, room_id}, nil}]}
  end

  defp fitting(%__MODULE__{together: @together} = rooms), do: rooms

  defp fitting(%__MODULE__{fitting: fitting, together: together} = rooms) do
    if fitting + 1 < @fitting,
      do: %{rooms | fitting: fitting + 1},
      else: %{rooms | fitting: 0, together: min(together * 2, @together)}
  end

  @doc "The GUILD_CREATEs of other rooms wait for the client: the room is asked again after them."
  @spec deferred(t(), pos_integer()) :: {t(), [effect()]}
  def deferred(rooms, room_id) do
    case status(rooms, room_id) do
      {:attaching, _attempts} ->
        rooms = enqueue(%{rooms | together: 1, fitting: 0}, room_id)
        {rooms, [{:timer, {:room, room_id}, nil}]}

      _other ->
        {rooms, []}
    end
  end

  @doc "The relay has detached the session from the room and told the client: too much waited for it."
  @spec congested(t(), pos_integer()) :: {t(), [effect()]}
  def congested(rooms, room_id) do
    case status(rooms, room_id) do
      :attached -> {put(rooms, room_id, :congested), [{:backoff, {:room, room_id}, @backoff}]}
      _other -> {rooms, []}
    end
  end

  defp enqueue(rooms, room_id) do
    %{put(rooms, room_id, :queued) | queue: rooms.queue ++ [room_id]}
  end

  @doc "The user is no longer in the room."
  @spec removed(t(), pos_integer()) :: {t(), [effect()]}
  def removed(rooms, room_id) do
    rooms = put(rooms, room_id, nil)
    {%{rooms | guilds: Map.delete(rooms.guilds, room_id)}, [{:timer, {:room, room_id}, nil}]}
  end

  @doc "The room died; its relay has told the client."
  @spec down(t(), pos_integer()) :: {t(), [effect()]}
  def down(rooms, room_id), do: retry(rooms, room_id, 1)

  @doc "The relay died: no room can reach the session. The client loses the guilds that it has."
  @spec pause(t()) :: {t(), [effect()]}
  def pause(%__MODULE__{rooms: map} = rooms) do
    lost =
      for {room_id, status} <- map, status == :attached or attaching(status) == 1, do: room_id

    attached = Enum.filter(lost, &(map[&1] == :attached))
    rooms = Enum.reduce(lost, rooms, &put(&2, &1, :queued))

    {%{rooms | queue: lost ++ rooms.queue, paused?: true},
     for(id <- lost, do: {:timer, {:room, id}, nil}) ++
       Enum.flat_map(attached, &tell(rooms, &1, %{unavailable: true}))}
  end

  @doc "There is a relay again."
  @spec go_on(t()) :: {t(), [effect()]}
  def go_on(%__MODULE__{} = rooms), do: feed(%{rooms | paused?: false})

  @doc "The room does not take the session, now or ever."
  @spec refused(t(), pos_integer(), reason :: atom()) :: {t(), [effect()]}
  def refused(rooms, room_id, reason) when reason in @final do
    {next, effects} = removed(rooms, room_id)
    {next, effects ++ tell(rooms, room_id, %{})}
  end

  def refused(rooms, room_id, _reason) do
    case status(rooms, room_id) do
      {:attaching, 0} ->
        {next, effects} = retry(rooms, room_id, 1)
        {next, effects ++ tell(rooms, room_id, %{unavailable: true})}

      {:attaching, attempts} ->
        retry(rooms, room_id, attempts + 1)

      _other ->
        {rooms, []}
    end
  end

  @doc "A room did not answer in time, or its pause is over."
  @spec timeout(t(), pos_integer()) :: {t(), [effect()]}
  def timeout(rooms, room_id) do
    case status(rooms, room_id) do
      {:attaching, _attempts} -> refused(rooms, room_id, :unavailable)
      {:down, attempts} -> attach(rooms, room_id, attempts)
      :congested -> {enqueue(rooms, room_id), []}
      _other -> {rooms, []}
    end
  end

  # What READY has not announced need not be taken back.
  defp tell(%__MODULE__{guilds: guilds}, room_id, data) do
    if guilds[room_id] do
      [{:push, "GUILD_DELETE", Map.put(data, :id, Integer.to_string(room_id))}]
    else
      []
    end
  end

  defp attach(%__MODULE__{paused?: true} = rooms, room_id, _attempts) do
    {put(%{rooms | queue: [room_id | rooms.queue]}, room_id, :queued), []}
  end

  defp attach(rooms, room_id, attempts) do
    effects = [{:attach, room_id}, {:timer, {:room, room_id}, @patience}]
    {put(rooms, room_id, {:attaching, attempts}), effects}
  end

  defp retry(rooms, room_id, attempts) do
    pause = min(@backoff * Integer.pow(2, min(attempts, 8) - 1), @backoff_limit)
    {put(rooms, room_id, {:down, attempts}), [{:backoff, {:room, room_id}, pause}]}
  end

  defp put(%__MODULE__{rooms: map} = rooms, room_id, status) do
    change = attaching(status) - attaching(Map.get(map, room_id))
    map = if status, do: Map.put(map, room_id, status), else: Map.delete(map, room_id)
    %{rooms | rooms: map, attaching: rooms.attaching + change}
  end

  defp attaching({:attaching, _attempts}), do: 1
  defp attaching(_status), do: 0
end
