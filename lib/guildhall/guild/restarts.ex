defmodule Guildhall.Guild.Restarts do
  @moduledoc false

  # Which rooms run, and which crashed lately. A room that crashes once is started again by the next who
  # needs it. If it crashes again, its start is refused for 0.5 s, then for twice as long each time, 30 s
  # at most. A room that did not crash for a minute begins with a start at once again. A room that ended
  # with its supervisor or with its registry did not crash.
  #
  # **A room has one process**: a room claims its id before it loads, and waits until an earlier process
  # of the room has ended. The registry alone does not guarantee it, because its entries are lost with it.
  #
  #   owns      a table of refused rooms, which every process reads; monitors of all rooms
  #   started   by `Guildhall.Guild.Supervisor`, after the registry of rooms
  #   a crash   forgets the crashes: rooms may start at once; it finds the running rooms in the registry
  #   mailbox   a call for each start of a room, a message for each end
  #
  # A room that waits for an earlier process gives up after 5 s, the timeout of the call.

  use GenServer

  alias Guildhall.{Instance, PartitionedRegistry, Partitions, SharedTable, Telemetry}
  alias Guildhall.Guild.Rooms

  @shortest 500
  @longest 30_000
  @forget 60_000
  # Rooms whose crashes are remembered.
  @limit 10_000

  @enforce_keys [:instance, :table]
  defstruct [:instance, :table, rooms: %{}, monitors: %{}, waiting: %{}]

  @type room_id :: pos_integer()

  @spec start_link(Instance.t()) :: GenServer.on_start()
  def start_link(instance), do: GenServer.start_link(__MODULE__, instance, name: name(instance))

  @doc "Makes the calling process the only one of the room."
  @spec claim(Instance.t(), room_id()) :: :ok | {:error, :unavailable}
  def claim(instance, room_id) do
    GenServer.call(name(instance), {:claim, room_id})
  catch
    :exit, _gone -> {:error, :unavailable}
  end

  @doc "Whether the room may be started now."
  @spec allowed?(Instance.t(), room_id()) :: boolean()
  def allowed?(instance, room_id) do
    case SharedTable.lookup(name(instance), room_id) do
      [{_id, _crashes, _at, allowed_at}] -> now() >= allowed_at
      [] -> true
    end
  end

  defp name(instance), do: Instance.child(instance, :guild_restarts)

  @impl GenServer
  def init(instance) do
    table = :ets.new(name(instance), [:named_table, read_concurrency: true])
    running = PartitionedRegistry.entries(Rooms.registry(instance))
    server = %__MODULE__{instance: instance, table: table}
    Process.send_after(self(), :forget, @forget)
    {:ok, for({room_id, pid, _gate} <- running, reduce: server, do: (s -> put(s, room_id, pid)))}
  end

  @impl GenServer
  def handle_call({:claim, room_id}, {pid, _tag} = from, server) do
    case server.rooms do
      %{^room_id => ^pid} ->
        {:reply, :ok, server}

      %{^room_id => _earlier} ->
        waiting = Map.update(server.waiting, room_id, [from], &(&1 ++ [from]))
        {:noreply, %{server | waiting: waiting}}

      %{} ->
        {:reply, :ok, put(server, room_id, pid)}
    end
  end

  @impl GenServer
  def handle_info({:DOWN, monitor, :process, _pid, reason}, server) do
    {{room_id, parents}, monitors} = Map.pop!(server.monitors, monitor)
    alone? = parents == parents(server.instance, room_id)
    if alone? and crash?(reason), do: crashed(server, room_id, reason)
    rooms = Map.delete(server.rooms, room_id)
    {:noreply, next(%{server | rooms: rooms, monitors: monitors}, room_id)}
  end

  def handle_info(:forget, %{table: table} = server) do
    old = now() - @forget
    :ets.select_delete(table, [{{:_, :_, :"$1", :_}, [{:<, :"$1", old}], [true]}])
    Process.send_after(self(), :forget, @forget)
    {:noreply, server}
  end

  # One that has given up waiting and is dead counts as one that ended at once.
  defp next(server, room_id) do
    case Map.pop(server.waiting, room_id) do
      {nil, _waiting} ->
        server

      {[{pid, _tag} = from | rest], waiting} ->
        GenServer.reply(from, :ok)
        waiting = if rest == [], do: waiting, else: Map.put(waiting, room_id, rest)
        put(%{server | waiting: waiting}, room_id, pid)
    end
  end

  defp put(server, room_id, pid) do
    room = {room_id, parents(server.instance, room_id)}
    monitors = Map.put(server.monitors, Process.monitor(pid), room)
    %{server | rooms: Map.put(server.rooms, room_id, pid), monitors: monitors}
  end

  # The processes with which a room ends.
  defp parents(instance, room_id) do
    {PartitionedRegistry.owner(Rooms.registry(instance), room_id),
     Process.whereis(Partitions.name(Rooms.supervisors(instance), room_id))}
  end

  # A room that cannot load says why and ends with `:shutdown`; so does one whose store is gone.
  defp crash?(reason) when reason in [:normal, :shutdown, :noproc], do: false
  defp crash?({:shutdown, _reason}), do: false
  defp crash?(_reason), do: true

  defp crashed(%{instance: instance, table: table}, room_id, reason) do
    crashes = earlier(table, room_id) + 1
    pause = pause(crashes)

    if crashes > 1 or :ets.info(table, :size) < @limit,
      do: :ets.insert(table, {room_id, crashes, now(), now() + pause})

    metadata = %{instance: instance, room_id: room_id, reason: reason}
    Telemetry.emit([:guild, :crash], %{pause: pause}, metadata)
  end

  defp earlier(table, room_id) do
    recent = now() - @forget

    case :ets.lookup(table, room_id) do
      [{_id, crashes, at, _allowed_at}] when at >= recent -> crashes
      _none_or_old -> 0
    end
  end

  defp pause(1), do: 0
  defp pause(crashes), do: min(@shortest * Integer.pow(2, min(crashes - 2, 10)), @longest)

  defp now, do: System.monotonic_time(:millisecond)
end
