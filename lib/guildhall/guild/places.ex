defmodule Guildhall.Guild.Places do
  @moduledoc false

  # Which room a channel belongs to, as it was asked lately: a row of the store that every post needs,
  # and to read it is two messages and a change to a dirty scheduler.
  #
  # **An entry counts while its stamp is the stamp of its channel**, which whoever deleted the channel
  # moves, and which is taken before the row is read: an entry that was read before and kept
  # after it is void. A channel never changes its room. If the one who deleted it dies before he is
  # here, its room says that there is no such channel, as it does to everyone in between.

  #   owns      the table, which every process reads and fills
  #   started   by `Guildhall.Guild.Supervisor`
  #   a crash   forgets the entries; they are read again. The stamps stay, so that an entry which was
  #             read before a deletion is still void
  #   mailbox   empty

  use GenServer

  alias Guildhall.Guild.Keys
  alias Guildhall.{Instance, SharedTable, Store, Telemetry}

  @limit 100_000
  @stamps 1_024

  @type id :: pos_integer()

  @spec start_link(Instance.t()) :: GenServer.on_start()
  def start_link(instance), do: GenServer.start_link(__MODULE__, instance)

  @impl GenServer
  def init(instance) do
    options = [:public, read_concurrency: true, write_concurrency: true]
    {_table, stamps} = Instance.get(instance, :guild_places, {nil, nil})
    stamps = stamps || :counters.new(@stamps, [:atomics])
    Instance.put(instance, :guild_places, {:ets.new(__MODULE__, options), stamps})
    {:ok, instance}
  end

  @spec fetch(Instance.t(), channel_id :: id(), limit :: pos_integer()) ::
          {:ok, room_id :: id()} | {:error, atom()}
  def fetch(instance, channel_id, limit \\ @limit) do
    {table, stamps} = Instance.fetch!(instance, :guild_places)
    stamp = :counters.get(stamps, place(channel_id))

    case SharedTable.lookup(table, channel_id) do
      [{_id, ^stamp, room_id}] -> {:ok, room_id}
      _none_or_void -> read(instance, channel_id, {table, limit}, stamp)
    end
  end

  # Who made up the id is not remembered.
  defp read(instance, channel_id, {table, limit}, stamp) do
    case Store.get(instance, :channels, Keys.id(channel_id), "room") do
      {:ok, <<1, room_id::64>>} ->
        make_room(instance, table, limit)
        SharedTable.insert(table, {channel_id, stamp, room_id})
        {:ok, room_id}

      :none ->
        {:error, :unknown_channel}

      {:error, reason} ->
        {:error, reason}
    end
  end

  defp make_room(instance, table, limit) do
    channels = SharedTable.size(table)

    if channels >= limit do
      SharedTable.clear(table)
      Telemetry.emit([:guild, :places, :clear], %{channels: channels}, %{instance: instance})
    end
  end

  @doc "To be called once the channels' rows are gone."
  @spec gone(Instance.t(), [channel_id :: id()]) :: :ok
  def gone(instance, channel_ids) do
    {_table, stamps} = Instance.fetch!(instance, :guild_places)
    Enum.each(channel_ids, &:counters.add(stamps, place(&1), 1))
  end

  defp place(channel_id), do: :erlang.phash2(channel_id, @stamps) + 1
end
