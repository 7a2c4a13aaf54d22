defmodule Guildhall.Fanout.Delivery do
  @moduledoc false

  # One round of a partition: what was published is kept back to the end of it, when each subscriber
  # gets all of it at once, a message or pushes and a wake.

  alias Guildhall.{Fanout, Outbox, Telemetry}
  alias Guildhall.Fanout.{Subscribers, Table}

  # Deliveries that wait, at most, or a batch for many would become a very long round.
  @max_waiting 400_000

  defstruct waiting: [],
            pending: 0,
            events: 0,
            deliveries: 0,
            wakes: 0,
            taken: {0, 0},
            batches: [],
            overflowed: []

  @typep topic :: Fanout.topic()
  @type t :: %__MODULE__{
          # The newest first.
          waiting: [{topic(), message :: term()}],
          # The deliveries that those are.
          pending: non_neg_integer(),
          events: non_neg_integer(),
          deliveries: non_neg_integer(),
          wakes: non_neg_integer(),
          # Events of this node's publishers, who count what waits, and their bytes.
          taken: {non_neg_integer(), non_neg_integer()},
          # Batches of other nodes that are done at the end.
          batches: [reference()],
          overflowed: [pid()]
        }

  @doc "Keeps an event for the subscribers of its topic."
  @spec keep(t(), Subscribers.t(), topic(), term()) :: t()
  def keep(delivery, subscribers, topic, message) do
    case Subscribers.size(subscribers, topic) do
      # It came when the last one had just gone.
      0 -> %{delivery | events: delivery.events + 1}
      size -> delivery |> count(size) |> wait({topic, message}, size)
    end
  end

  defp wait(%{waiting: waiting, pending: pending} = delivery, event, size) do
    %{delivery | waiting: [event | waiting], pending: pending + size}
  end

  @doc "Whether so much waits that it should be flushed now."
  @spec full?(t()) :: boolean()
  def full?(%__MODULE__{pending: pending}), do: pending >= @max_waiting

  @doc "Sends a message as it is to processes. What waits must have been flushed, to keep the order."
  @spec relay(t(), [pid()], term()) :: t()
  def relay(%__MODULE__{waiting: []} = delivery, pids, message) do
    Enum.each(pids, &send(&1, message))
    count(delivery, length(pids))
  end

  @doc "The event that `{type, data_json}` is."
  @spec event(term()) :: Outbox.event()
  def event({type, data_json}), do: Outbox.event(type, data_json)

  @doc "Gives the subscribers what waits for them."
  @spec flush(t(), Subscribers.t(), Table.t()) :: {t(), Subscribers.t()}
  def flush(%__MODULE__{waiting: []} = delivery, subscribers, _table), do: {delivery, subscribers}

  def flush(%__MODULE__{} = delivery, subscribers, table) do
    runs = runs(delivery.waiting)
    {seats, subscribers} = seats(runs, subscribers)
    woken = mail(runs, seats, subscribers)
    {to_wake, overflowed} = push(runs, seats, table)
    Enum.each(to_wake, &send(&1, {Fanout, :wake}))

    delivery = %{
      delivery
      | waiting: [],
        pending: 0,
        wakes: delivery.wakes + woken + length(to_wake),
        overflowed: overflowed ++ delivery.overflowed
    }

    {delivery, subscribers}
  end

  defp count(delivery, deliveries) do
    %{delivery | events: delivery.events + 1, deliveries: delivery.deliveries + deliveries}
  end

  # Events that follow each other in one topic; the oldest first, where they were the newest first.
  defp runs(waiting) do
    Enum.reduce(waiting, [], fn
      {topic, _message} = event, [[{topic, _next} | _more] = run | runs] -> [[event | run] | runs]
      event, runs -> [[event] | runs]
    end)
  end

  # Of each topic that something waits for.
  defp seats(runs, subscribers) do
    runs
    |> Enum.map(fn [{topic, _message} | _more] -> topic end)
    |> Enum.uniq()
    |> Enum.map_reduce(subscribers, fn topic, subscribers ->
      {seats, subscribers} = Subscribers.seats(subscribers, topic)
      {{topic, seats}, subscribers}
    end)
  end

  # One topic: all get the same.
  defp mail([events], [{_topic, {pids, _outboxes, _owners}}], _subscribers) do
    Enum.each(pids, &send(&1, {Fanout, events}))
    length(pids)
  end

  defp mail(runs, seats, subscribers) do
    events = Enum.concat(runs)

    for {topic, {pids, _outboxes, _owners}} <- seats,
        pid <- pids,
        own = Subscribers.topics(subscribers, pid),
        # Of several topics, the first one sends all that is his.
        {^topic, _seats} <- [Enum.find(seats, fn {topic, _seats} -> mailed?(own, topic) end)],
        reduce: 0 do
      woken ->
        mine = for {topic, _message} = event <- events, mailed?(own, topic), do: event
        send(pid, {Fanout, mine})
        woken + 1
    end
  end

  # What goes to an outbox is none of a process's messages.
  defp mailed?(own, topic), do: match?(%{^topic => nil}, own)

  # Events of one topic are pushed together; those of several in their order.
  defp push(runs, seats, table) do
    seats = Map.new(seats)

    {wakes, overflows} =
      for [{topic, _message} | _more] = run <- runs,
          {_pids, [_first | _others] = outboxes, owners} <- [Map.fetch!(seats, topic)],
          reduce: {[], []} do
        {wakes, overflows} ->
          {wake, overflow} = Outbox.push_many(outboxes, Enum.flat_map(run, &event(&1, table)))
          {at(wake, owners, 0, wakes), at(overflow, owners, 0, overflows)}
      end

    {:lists.usort(wakes), :lists.usort(overflows)}
  end

  # A message that is no event is its publisher's mistake, of which others must not suffer.
  defp event({_topic, message}, table) do
    [table.event.(message)]
  rescue
    _error ->
      Telemetry.emit([:fanout, :invalid], %{count: 1}, %{fanout: table.name})
      []
  end

  # Adds the pids at ascending positions.
  defp at([], _pids, _position, found), do: found

  defp at([position | more], [pid | pids], position, found),
    do: at(more, pids, position + 1, [pid | found])

  defp at(positions, [_pid | pids], position, found), do: at(positions, pids, position + 1, found)
end
