defmodule Guildhall.Fanout.Sender do
  @moduledoc false

  # The process that tells one other node, so that one which does not read holds up nobody else.
  #
  #   owns      a `Backlog`
  #   started   by `Guildhall.Fanout.Peers`, one per node that is connected
  #   a crash   loses what waits; its successor tells the node all topics anew
  #   mailbox   off heap; publishers count the events and bytes in it and in the backlog, and beyond
  #             the limit they drop
  #
  # Nothing here waits for the network: what the connection does not take now is tried again later.

  @behaviour Guildhall.Fanout.Rounds

  alias Guildhall.Fanout.{Backlog, Rounds, Table}
  alias Guildhall.Telemetry

  @max_items 1_000
  # Milliseconds until a connection that is busy is tried again.
  @patience 10

  @enforce_keys [:table, :node, :counter]
  defstruct @enforce_keys ++
              [:peer, backlog: %Backlog{}, items: 0, greeting: nil, settled?: true, timer: nil]

  @spec child_spec({Table.t(), node()}) :: Supervisor.child_spec()
  def child_spec({table, node}) do
    %{
      id: {__MODULE__, node},
      start: {Rounds, :start_link, [__MODULE__, {table, node}]},
      restart: :temporary
    }
  end

  @impl true
  def init({table, node}) do
    # A first round: the greeting goes out even if nothing is published.
    Rounds.cast(self(), :retry)
    greet(%__MODULE__{table: table, node: node, counter: Table.counter()}, :ask)
  end

  @impl true
  def begin(sender, _waiting), do: %{sender | items: 0}

  @impl true
  def handle(sender, {:event, event}), do: sender |> backlog(&Backlog.put(&1, event)) |> go_on()

  def handle(sender, {:interest, topic}) do
    sender |> backlog(&Backlog.put_topics(&1, [topic])) |> go_on()
  end

  def handle(sender, {:done, count}), do: sender |> backlog(&Backlog.done(&1, count)) |> go_on()
  def handle(sender, :retry), do: go_on(%{sender | timer: nil})

  # The other node has begun, or begun anew. One that asks has not been greeted, and knows nothing.
  def handle(sender, {:peer, peer, ask?}) do
    sender = if peer == sender.peer, do: sender, else: begin_anew(sender, peer)
    go_on(if ask?, do: greet(sender, :answer), else: sender)
  end

  @impl true
  def finish(%{timer: nil} = sender), do: ship(sender)
  def finish(sender), do: sender

  defp go_on(%{items: items} = sender) when items < @max_items,
    do: {:more, %{sender | items: items + 1}}

  defp go_on(sender), do: {:enough, sender}

  defp begin_anew(%{table: table, node: node} = sender, peer) do
    Table.open(table, node, self(), sender.counter)
    Telemetry.emit([:fanout, :node, :up], %{count: 1}, %{fanout: table.name, node: node})
    %{sender | peer: peer, backlog: Backlog.restart(sender.backlog)}
  end

  defp backlog(sender, fun), do: %{sender | backlog: fun.(sender.backlog)}

  defp greet(sender, greeting) do
    topics = Table.topics(sender.table)
    %{sender | greeting: greeting, backlog: Backlog.put_topics(sender.backlog, topics)}
  end

  defp ship(%{greeting: nil} = sender) do
    case Backlog.next(sender.backlog, sender.table) do
      {:topics, topics, backlog} ->
        sender |> tell({:topics, self(), topics}) |> shipped(sender, backlog, [])

      {:events, events, backlog} ->
        items = for {to, packed, _size} <- events, do: {to, packed}
        sender |> tell({:batch, self(), items}) |> shipped(sender, backlog, events)

      _nothing ->
        settle(sender)
    end
  end

  defp ship(%{greeting: greeting} = sender) do
    case tell(sender, {:hello, self(), greeting == :ask}) do
      :ok -> ship(%{sender | greeting: nil, settled?: false})
      :nosuspend -> later(sender)
      # Its death will be heard of.
      :noconnect -> sender
    end
  end

  # Once, after all topics there were at the greeting.
  defp settle(%{settled?: true} = sender), do: sender

  defp settle(sender) do
    case tell(sender, {:settled, self()}) do
      :ok -> %{sender | settled?: true}
      :nosuspend -> later(sender)
      :noconnect -> sender
    end
  end

  defp tell(sender, message) do
    :erlang.send({sender.table.peers, sender.node}, message, [:noconnect, :nosuspend])
  end

  defp shipped(:ok, sender, backlog, events) do
    if events != [] do
      bytes = events |> Enum.map(&elem(&1, 2)) |> Enum.sum()
      count = length(events)
      :atomics.sub(sender.counter, 1, count)
      :atomics.sub(sender.counter, 2, bytes)
      metadata = %{fanout: sender.table.name, node: sender.node}

      measurements = %{
        events: count,
        bytes: bytes,
        waiting: :atomics.get(sender.counter, 1),
        waiting_bytes: :atomics.get(sender.counter, 2)
      }

      Telemetry.emit([:fanout, :batch], measurements, metadata)
    end

    ship(%{sender | backlog: backlog})
  end

  defp shipped(:nosuspend, sender, _backlog, _events), do: later(sender)
  defp shipped(:noconnect, sender, _backlog, _events), do: sender

  defp later(sender) do
    %{sender | timer: Process.send_after(self(), Rounds.message(:retry), @patience)}
  end
end
