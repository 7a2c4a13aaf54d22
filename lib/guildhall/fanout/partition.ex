defmodule Guildhall.Fanout.Partition do
  @moduledoc false

  # The process that knows a share of this node's subscribers, and sends to them.
  #
  #   owns      its `Subscribers`, monitors of them
  #   started   by `Guildhall.Fanout.Supervisor`, one per scheduler
  #   a crash   loses what waits in its mailbox; the subscriptions are in a table, from which it starts
  #   mailbox   off heap; publishers of this node count what waits, and beyond the limit they drop;
  #             other nodes have a window

  @behaviour Guildhall.Fanout.Rounds

  alias Guildhall.Fanout
  alias Guildhall.Fanout.{Delivery, Peers, Rounds, Subscribers, Table}
  alias Guildhall.Telemetry

  # A round is short enough that the first event of it does not wait long.
  @max_events 1_000
  @max_deliveries 400_000

  @enforce_keys [:table, :index, :counter]
  defstruct @enforce_keys ++
              [:delivery, :started, waiting: 0, subscribers: %Subscribers{}, monitors: %{}]

  @spec child_spec({Table.t(), non_neg_integer()}) :: Supervisor.child_spec()
  def child_spec({table, index}) do
    %{id: {__MODULE__, index}, start: {Rounds, :start_link, [__MODULE__, {table, index}]}}
  end

  @impl true
  def init({table, index}) do
    Table.delete_routes(table, index)
    counter = Table.counter()
    Table.open(table, index, self(), counter)
    partition = %__MODULE__{table: table, index: index, counter: counter}

    found = Table.subscriptions(table, index)

    partition =
      for {pid, topic, outbox} <- found, reduce: partition do
        partition -> subscribe(partition, pid, topic, outbox)
      end

    Peers.partition_started(table, index)
    metadata = %{fanout: table.name, partition: index}
    Telemetry.emit([:fanout, :partition, :start], %{subscriptions: length(found)}, metadata)
    partition
  end

  @impl true
  def begin(partition, waiting) do
    %{partition | delivery: %Delivery{}, started: System.monotonic_time(), waiting: waiting}
  end

  # Of publishers of this node.
  @impl true
  def handle(%{delivery: delivery} = partition, {:event, {whom, message, bytes}}) do
    {events, sum} = delivery.taken
    partition = %{partition | delivery: %{delivery | taken: {events + 1, sum + bytes}}}
    go_on(item({whom, message}, partition))
  end

  # Of another node.
  def handle(partition, {:batch, ref, items}) do
    partition = Enum.reduce(items, partition, &item/2)
    delivery = partition.delivery
    go_on(%{partition | delivery: %{delivery | batches: [ref | delivery.batches]}})
  end

  def handle(partition, {:call, from, {:subscribe, pid, topic, outbox}}) do
    partition = partition |> flush() |> subscribe(pid, topic, outbox)
    GenServer.reply(from, :ok)
    go_on(partition)
  end

  def handle(partition, {:call, from, {:unsubscribe, pid, topic}}) do
    partition = partition |> flush() |> unsubscribe(pid, topic)
    GenServer.reply(from, :ok)
    go_on(partition)
  end

  def handle(partition, {:down, pid, _reason}), do: partition |> forget(pid) |> go_on()

  @impl true
  def finish(partition) do
    partition = partition |> flush() |> cut_off()
    %{delivery: delivery, table: table} = partition
    {events, bytes} = delivery.taken
    :atomics.sub(partition.counter, 1, events)
    :atomics.sub(partition.counter, 2, bytes)
    for ref <- delivery.batches, do: Peers.done(table, ref, partition.index)

    if delivery.events > 0 do
      measurements = %{
        mailbox: partition.waiting,
        events: delivery.events,
        deliveries: delivery.deliveries,
        wakes: delivery.wakes,
        overflows: length(delivery.overflowed),
        duration: System.monotonic_time() - partition.started
      }

      metadata = %{fanout: table.name, partition: partition.index}
      Telemetry.emit([:fanout, :round], measurements, metadata)
    end

    %{partition | delivery: nil}
  end

  defp go_on(%{delivery: delivery} = partition) do
    if delivery.events < @max_events and delivery.deliveries < @max_deliveries,
      do: {:more, partition},
      else: {:enough, partition}
  end

  defp item({{:topic, topic}, message}, partition), do: keep(partition, topic, message)
  defp item({{:pids, pids}, message}, partition), do: relay(partition, pids, message)

  defp keep(%{delivery: delivery, subscribers: subscribers} = partition, topic, message) do
    delivery = Delivery.keep(delivery, subscribers, topic, message)
    partition = %{partition | delivery: delivery}
    if Delivery.full?(delivery), do: flush(partition), else: partition
  end

  defp relay(partition, pids, message) do
    partition = flush(partition)
    %{partition | delivery: Delivery.relay(partition.delivery, pids, message)}
  end

  defp flush(partition) do
    %{delivery: delivery, subscribers: subscribers, table: table} = partition
    {delivery, subscribers} = Delivery.flush(delivery, subscribers, table)
    %{partition | delivery: delivery, subscribers: subscribers}
  end

  # What overflowed gets nothing more, and is told once.
  defp cut_off(%{delivery: delivery} = partition) do
    overflowed = Enum.uniq(delivery.overflowed)

    partition =
      Enum.reduce(overflowed, partition, fn pid, partition ->
        send(pid, {Fanout, :overflow})
        forget(partition, pid)
      end)

    %{partition | delivery: %{delivery | overflowed: overflowed}}
  end

  defp subscribe(%{table: table, subscribers: subscribers} = partition, pid, topic, outbox) do
    Table.put_subscription(table, partition.index, pid, {topic, outbox})

    unless Subscribers.topic?(subscribers, topic) do
      Table.put_route(table, topic, partition.index)
      Peers.interest(table, topic)
    end

    monitors = Map.put_new_lazy(partition.monitors, pid, fn -> Process.monitor(pid) end)
    subscribers = Subscribers.put(subscribers, pid, topic, outbox)
    %{partition | subscribers: subscribers, monitors: monitors}
  end

  defp unsubscribe(%{table: table} = partition, pid, topic) do
    subscribers = Subscribers.delete(partition.subscribers, pid, topic)
    Table.delete_subscription(table, partition.index, pid, topic)
    known? = Subscribers.topic?(partition.subscribers, topic)

    if known? and not Subscribers.topic?(subscribers, topic) do
      Table.delete_route(table, topic, partition.index)
      Peers.interest(table, topic)
    end

    partition = %{partition | subscribers: subscribers}
    if Subscribers.topics(subscribers, pid) == %{}, do: demonitor(partition, pid), else: partition
  end

  defp demonitor(partition, pid) do
    {ref, monitors} = Map.pop(partition.monitors, pid)
    if ref, do: Process.demonitor(ref, [:flush])
    %{partition | monitors: monitors}
  end

  defp forget(partition, pid) do
    partition.subscribers
    |> Subscribers.topics(pid)
    |> Map.keys()
    |> Enum.reduce(partition, &unsubscribe(&2, pid, &1))
  end
end
