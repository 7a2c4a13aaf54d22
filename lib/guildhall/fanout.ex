defmodule Guildhall.Fanout do
  @schema [
    name: [
      type: :atom,
      required: true,
      doc: "The fanout's name, the same on every node; several may run beside each other."
    ],
    partitions: [
      type: :pos_integer,
      doc:
        "How many processes send to this node's subscribers. As many as schedulers if not given."
    ],
    max_events: [
      type: :pos_integer,
      default: 100_000,
      doc: "Events that may wait for one other node, or for one partition of this one."
    ],
    max_bytes: [
      type: :pos_integer,
      default: 67_108_864,
      doc: "The same in bytes. A message beyond it is never taken."
    ],
    event: [
      type: {:fun, 1},
      doc:
        "What makes a `t:Guildhall.Outbox.event/0` of a message, for subscribers with an outbox. " <>
          "Without it messages to them are `{type, data_json}`."
    ]
  ]

  alias Guildhall.{Options, Outbox}
  alias Guildhall.Fanout.{Delivery, Publishing, Supervisor, Table}

  @moduledoc """
  One message to many processes on many nodes, in batches.

  A fanout is a child of your supervisor, under one name on every node; visible nodes find each other
  as they connect. Processes subscribe to topics, any terms, and whoever publishes sends one message to
  each partition of its node and to each other node that has subscribers of the topic, however many
  those are.

      iex> alias Guildhall.Fanout
      iex> {:ok, _pid} = Fanout.start_link(name: MyApp.Fanout)
      iex> :ok = Fanout.subscribe(MyApp.Fanout, {:room, 1})
      iex> Fanout.publish(MyApp.Fanout, {:room, 1}, "hello")
      :ok
      iex> receive do
      ...>   {Guildhall.Fanout, events} -> events
      ...> end
      [{{:room, 1}, "hello"}]

  No application need be started. `docs/fanout.md` shows it under a Phoenix channel and a GenServer,
  and `lib/guildhall/fanout/README.md` how it works.

  **What a subscriber gets.** All that waits for it, in one message: `{Guildhall.Fanout, events}`
  with `{topic, message}` for each event, in order. Under load there is more in a message, and one
  wake for all of it. A subscriber may have a `Guildhall.Outbox` instead: events are pushed to it, and
  `{Guildhall.Fanout, :wake}` says that something waits there, or `{Guildhall.Fanout, :overflow}` that
  too much did, and that all its subscriptions have ended.

  **Order.** What one process publishes, each subscriber gets in that order, whatever the topics; so
  with `send/3`. No event comes twice. A process is subscribed when `subscribe/3` returns: it gets
  what is published on its node from then on. Other nodes hear of the first subscriber of a topic
  within the time of a message.

  **What is bounded.** Events wait for a node that does not take them, and for a partition of this node
  that is behind, up to `:max_events` and `:max_bytes`; beyond that, and when the node is lost, they
  are dropped, which
  `[:guildhall, :fanout, :drop]` counts, and `publish/3` says which nodes do not get the event. What
  waits for a node keeps neither its publishers waiting nor other nodes: nothing is ever sent to a
  busy connection. A node has at most 32 batches of 256 KB under way, until its partitions have done
  them. A subscriber's own mailbox is its own business; with an outbox it has a bound.

  | function | cost | does |
  | -------- | ---- | ---- |
  | `publish/3` | `O(partitions + nodes)` | sends; packs the message once if other nodes want it |
  | `send/3` | `O(processes)` | the same |
  | `subscribe/3`, `unsubscribe/3` | constant | a call to a partition |
  | `stats/1` | `O(partitions + nodes)` | reads |

  It is processes and messages alone, on normal schedulers, and has no native memory; `stats/1` is its
  gauge.

  A subscription ends with its process. When a partition crashes, what waited there is lost, and its
  subscriptions stay.
  """

  @type fanout :: atom()
  @type topic :: term()
  @typedoc "What waits, and what was dropped."
  @type backlog :: %{events: integer(), bytes: integer(), dropped: non_neg_integer()}
  @type result :: :ok | {:error, {:dropped, [node()]}}

  @doc """
  Starts a fanout on this node.

  #{Options.docs(@schema)}
  """
  @spec start_link(keyword()) :: Elixir.Supervisor.on_start()
  def start_link(options) do
    [partitions: System.schedulers_online(), event: &Delivery.event/1]
    |> Keyword.merge(Options.validate!(options, @schema))
    |> Supervisor.start_link()
  end

  @doc "Returns a child specification; the options are those of `start_link/1`."
  @spec child_spec(keyword()) :: Elixir.Supervisor.child_spec()
  def child_spec(options) do
    %{
      id: {__MODULE__, options[:name]},
      start: {__MODULE__, :start_link, [options]},
      type: :supervisor
    }
  end

  @doc """
  Subscribes a process of this node to a topic.

  Options:

    * `:pid` - the process, if it is not the caller
    * `:outbox` - its `Guildhall.Outbox`, to get events there instead of messages

  A process that is subscribed already stays so, with what the options say now.
  """
  @spec subscribe(fanout(), topic(), pid: pid(), outbox: Outbox.t()) :: :ok
  def subscribe(fanout, topic, options \\ []) do
    options = Keyword.validate!(options, pid: self(), outbox: nil)
    # Raises if it is none.
    if options[:outbox], do: Outbox.info(options[:outbox])
    call(fanout, options[:pid], {:subscribe, options[:pid], topic, options[:outbox]})
  end

  @doc "Ends the subscription of a process of this node, by default the caller, to a topic."
  @spec unsubscribe(fanout(), topic(), pid()) :: :ok
  def unsubscribe(fanout, topic, pid \\ self()) do
    call(fanout, pid, {:unsubscribe, pid, topic})
  end

  @doc """
  Publishes a message to the subscribers of a topic on all nodes.

  Returns the nodes that have subscribers and do not get it, because too much waits for them; this
  node is named if that is so at one of its partitions.
  """
  @spec publish(fanout(), topic(), message :: term()) :: result()
  def publish(fanout, topic, message) do
    fanout |> Table.fetch!() |> Publishing.publish(topic, message)
  end

  @doc """
  Sends a message as it is to processes on any nodes.

  The nodes among them that do not run the fanout are in the error, as those are for which too much
  waits.
  """
  @spec send(fanout(), [pid()], message :: term()) :: result()
  def send(fanout, pids, message) when is_list(pids) do
    fanout |> Table.fetch!() |> Publishing.send(pids, message)
  end

  @doc """
  Returns how much there is, on this node: subscriptions, and for each partition and each other node
  what waits for it, and what was dropped since it came.
  """
  @spec stats(fanout()) :: %{
          subscriptions: non_neg_integer(),
          partitions: %{optional(non_neg_integer()) => backlog()},
          nodes: %{optional(node()) => backlog()}
        }
  def stats(fanout) do
    table = Table.fetch!(fanout)

    figures =
      for {destination, _pid, counter} <- Table.destinations(table) do
        [events, bytes, dropped] = for index <- 1..3, do: :atomics.get(counter, index)
        {destination, %{events: events, bytes: bytes, dropped: dropped}}
      end

    {partitions, nodes} = Enum.split_with(figures, fn {name, _figures} -> is_integer(name) end)

    %{
      subscriptions: Table.size(table),
      partitions: Map.new(partitions),
      nodes: Map.new(nodes)
    }
  end

  defp call(fanout, pid, request) when is_pid(pid) and node(pid) == node() do
    table = Table.fetch!(fanout)

    case Table.destination(table, Table.partition(table, pid)) do
      {partition, _counter} -> GenServer.call(partition, request)
      nil -> exit({:noproc, {__MODULE__, :call, [fanout, pid]}})
    end
  end

  defp call(_fanout, pid, _request) do
    raise ArgumentError, "expected a process of this node, got: #{inspect(pid)}"
  end
end
