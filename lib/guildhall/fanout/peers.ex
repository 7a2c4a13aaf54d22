defmodule Guildhall.Fanout.Peers do
  @moduledoc false

  # The process that hears other nodes: which are there, which topics they want, and what they
  # publish, which it hands to the partitions.
  #
  #   owns      the routes to other nodes, what of their batches is under way
  #   started   by `Guildhall.Fanout.Supervisor`, one, under the same name on every node
  #   a crash   loses the batches under way; it starts with no peers, and asks all nodes
  #   mailbox   of each node a window of batches; topics that come and go
  #
  # A peer is the sender of another node's fanout. A sender greets first, and says which topics its node
  # wants; one that is not known yet means that the other side has begun anew.

  use GenServer

  alias Guildhall.Fanout.{Rounds, Sender, Table}
  alias Guildhall.Telemetry

  @patience 10

  @enforce_keys [:table]
  defstruct @enforce_keys ++ [senders: %{}, peers: %{}, batches: %{}, timer: nil]

  @spec start_link(Table.t()) :: GenServer.on_start()
  def start_link(table), do: GenServer.start_link(__MODULE__, table, name: table.peers)

  @doc "A topic has its first subscribers on this node, or none any more."
  @spec interest(Table.t(), Guildhall.Fanout.topic()) :: :ok
  def interest(table, topic), do: GenServer.cast(table.peers, {:interest, topic})

  @doc "A partition has done its part of a batch."
  @spec done(Table.t(), reference(), non_neg_integer()) :: :ok
  def done(table, batch, index), do: GenServer.cast(table.peers, {:done, batch, index})

  @doc "A partition has begun, or begun anew, without what it had to do."
  @spec partition_started(Table.t(), non_neg_integer()) :: :ok
  def partition_started(table, index) do
    GenServer.cast(table.peers, {:partition_started, index})
  end

  @impl GenServer
  def init(table) do
    Process.flag(:message_queue_data, :off_heap)
    :ok = :net_kernel.monitor_nodes(true)

    for {_id, pid, _type, _modules} <- DynamicSupervisor.which_children(table.senders),
        is_pid(pid) do
      DynamicSupervisor.terminate_child(table.senders, pid)
    end

    for {node, _pid, _counter} <- Table.destinations(table),
        is_atom(node),
        do: Table.close(table, node)

    Table.delete_remote_routes(table)
    nodes = Node.list()
    state = Enum.reduce(nodes, %__MODULE__{table: table}, &start_sender/2)
    Telemetry.emit([:fanout, :start], %{nodes: length(nodes)}, %{fanout: table.name})
    {:ok, state}
  end

  @impl GenServer
  def handle_cast({:interest, topic}, state) do
    for {_node, pid} <- state.senders, do: Rounds.cast(pid, {:interest, topic})
    {:noreply, state}
  end

  def handle_cast({:done, ref, index}, state),
    do: {:noreply, state |> finish(ref, index) |> answer()}

  def handle_cast({:partition_started, index}, state) do
    {:noreply,
     state.batches |> Map.keys() |> Enum.reduce(state, &finish(&2, &1, index)) |> answer()}
  end

  @impl GenServer
  def handle_info({:nodeup, node}, state), do: {:noreply, start_sender(node, state)}

  def handle_info({:nodedown, node}, state) do
    state = state |> stop_sender(node) |> forget(node)
    Telemetry.emit([:fanout, :node, :down], %{count: 1}, metadata(state, node))
    {:noreply, state}
  end

  def handle_info({:hello, sender, ask?}, state) do
    state = state |> meet(sender) |> then(&start_sender(node(sender), &1))
    Rounds.cast(Map.fetch!(state.senders, node(sender)), {:peer, sender, ask?})
    {:noreply, state}
  end

  def handle_info({:topics, sender, topics}, state) do
    state = Enum.reduce(topics, meet(state, sender), &topic(&2, node(sender), &1))
    {:noreply, told(state, node(sender))}
  end

  def handle_info({:settled, sender}, state) do
    state = meet(state, sender)
    %{topics: topics, former: former} = Map.fetch!(state.peers, node(sender))
    drop_routes(state, node(sender), MapSet.difference(former, topics))
    state = put_in(state.peers[node(sender)].former, MapSet.new())
    {:noreply, told(state, node(sender))}
  end

  def handle_info({:batch, sender, items}, state) do
    {:noreply, state |> meet(sender) |> deliver(sender, items) |> answer()}
  end

  def handle_info(:answer, state), do: {:noreply, answer(%{state | timer: nil})}

  # A sender crashed. What it had to say is lost; another one greets, and begins anew.
  def handle_info({:DOWN, _ref, :process, pid, _reason}, state) do
    case Enum.find(state.senders, fn {_node, sender} -> sender == pid end) do
      {node, _pid} ->
        state = stop_sender(state, node)
        {:noreply, if(node in Node.list(), do: start_sender(node, state), else: state)}

      nil ->
        {:noreply, state}
    end
  end

  def handle_info(_message, state), do: {:noreply, state}

  defp start_sender(node, %{table: table, senders: senders} = state) do
    if is_map_key(senders, node) do
      state
    else
      {:ok, pid} = DynamicSupervisor.start_child(table.senders, {Sender, {table, node}})
      Process.monitor(pid)
      %{state | senders: Map.put(senders, node, pid)}
    end
  end

  defp stop_sender(%{table: table} = state, node) do
    case Map.pop(state.senders, node) do
      {nil, _senders} ->
        state

      {pid, senders} ->
        # First out of the publishers' reach, then counted.
        destination = Table.destination(table, node)
        Table.close(table, node)
        DynamicSupervisor.terminate_child(table.senders, pid)
        with {_pid, counter} <- destination, do: lost(table, node, counter)
        %{state | senders: senders}
    end
  end

  defp lost(table, node, counter) do
    case :atomics.get(counter, 1) do
      0 ->
        :ok

      count ->
        measurements = %{count: count, bytes: :atomics.get(counter, 2)}
        metadata = %{fanout: table.name, node: node, reason: :down}
        Telemetry.emit([:fanout, :drop], measurements, metadata)
    end
  end

  # A sender that is not known is a node that has begun anew. Its topics are kept until it has named
  # those that it still wants.
  defp meet(state, sender) do
    node = node(sender)

    case state.peers do
      %{^node => %{sender: ^sender}} ->
        state

      peers ->
        former = peers |> Map.get(node, %{}) |> topics()
        peer = %{sender: sender, topics: MapSet.new(), former: former, done: 0, told: 0}
        %{state | peers: Map.put(peers, node, peer)}
    end
  end

  defp forget(state, node) do
    {peer, peers} = Map.pop(state.peers, node, %{})
    drop_routes(state, node, topics(peer))
    %{state | peers: peers}
  end

  defp topics(%{topics: topics, former: former}), do: MapSet.union(topics, former)
  defp topics(%{}), do: MapSet.new()

  defp told(state, node) do
    measurements = %{topics: MapSet.size(Map.fetch!(state.peers, node).topics)}
    Telemetry.emit([:fanout, :node, :topics], measurements, metadata(state, node))
    state
  end

  defp metadata(state, node), do: %{fanout: state.table.name, node: node}

  defp drop_routes(state, node, topics) do
    Enum.each(topics, &Table.delete_route(state.table, &1, node))
  end

  defp topic(%{table: table} = state, node, {topic, wanted?}) do
    if wanted?,
      do: Table.put_route(table, topic, node),
      else: Table.delete_route(table, topic, node)

    change = if wanted?, do: &MapSet.put/2, else: &MapSet.delete/2
    update_in(state.peers[node].topics, &change.(&1, topic))
  end

  defp deliver(%{table: table} = state, sender, items) do
    ref = make_ref()

    indexes =
      for {index, items} <- by_partition(items, table),
          {pid, _counter} <- [Table.destination(table, index)] do
        Rounds.cast(pid, {:batch, ref, Enum.reverse(items)})
        index
      end

    state = put_in(state.batches[ref], {sender, indexes})
    if indexes == [], do: finish(state, ref, nil), else: state
  end

  # The newest first.
  defp by_partition(items, table) do
    for {to, packed} <- items, message = [:erlang.binary_to_term(packed)], reduce: %{} do
      parts -> part(to, hd(message), table, parts)
    end
  end

  defp part({:topic, topic}, message, table, parts) do
    for {_topic, index} <- Table.routes(table, topic), is_integer(index), reduce: parts do
      parts -> add(parts, index, {{:topic, topic}, message})
    end
  end

  defp part({:pids, pids}, message, table, parts) do
    pids
    |> Enum.group_by(&Table.partition(table, &1))
    |> Enum.reduce(parts, fn {index, pids}, parts ->
      add(parts, index, {{:pids, pids}, message})
    end)
  end

  defp add(parts, index, item), do: Map.update(parts, index, [item], &[item | &1])

  defp finish(state, ref, index) do
    case state.batches do
      %{^ref => {sender, indexes}} ->
        case List.delete(indexes, index) do
          [] -> count(%{state | batches: Map.delete(state.batches, ref)}, sender)
          indexes -> put_in(state.batches[ref], {sender, indexes})
        end

      %{} ->
        state
    end
  end

  defp count(state, sender) do
    node = node(sender)

    case state.peers do
      %{^node => %{sender: ^sender, done: done} = peer} ->
        %{state | peers: %{state.peers | node => %{peer | done: done + 1}}}

      %{} ->
        state
    end
  end

  # Tells the senders what is done. The number counts all of them, so one that was not taken is told later.
  defp answer(%{timer: nil} = state) do
    peers = Map.new(state.peers, fn {node, peer} -> {node, answer_peer(peer)} end)
    busy? = Enum.any?(peers, fn {_node, peer} -> peer.told != peer.done end)
    timer = if busy?, do: Process.send_after(self(), :answer, @patience)
    %{state | peers: peers, timer: timer}
  end

  defp answer(state), do: state

  defp answer_peer(%{done: done, told: done} = peer), do: peer

  defp answer_peer(%{done: done, sender: sender} = peer) do
    message = Rounds.message({:done, done})

    case :erlang.send(sender, message, [:noconnect, :nosuspend]) do
      :nosuspend -> peer
      _sent_or_gone -> %{peer | told: done}
    end
  end
end
