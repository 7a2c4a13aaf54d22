defmodule Guildhall.Fanout.Table do
  @moduledoc false

  # What every process of a fanout reads, in three ETS tables that its supervisor owns, so that they
  # outlive a crash of any other process:
  #
  #   name           {:config, t}, and by index or node the `{pid, counter}` that a message goes to
  #   routes         a bag of {topic, index of a partition | other node}
  #   subscriptions  {{index, pid, topic}, outbox | nil}
  #
  # A counter has, for what waits at its destination, 1: events, 2: bytes, and since the start 3: events that
  # were dropped.

  @enforce_keys [
    :name,
    :peers,
    :senders,
    :routes,
    :subscriptions,
    :partitions,
    :max_events,
    :max_bytes,
    :event
  ]
  defstruct @enforce_keys

  @type destination :: non_neg_integer() | node()
  @type counter :: :atomics.atomics_ref()
  @type t :: %__MODULE__{
          name: atom(),
          # Registered names, made once: that of the process which hears other nodes, and of the
          # supervisor of those that tell them.
          peers: atom(),
          senders: atom(),
          routes: :ets.tid(),
          subscriptions: :ets.tid(),
          partitions: pos_integer(),
          max_events: pos_integer(),
          max_bytes: pos_integer(),
          event: (term() -> Guildhall.Outbox.event())
        }

  @doc "Makes the tables. The caller owns them."
  @spec new(keyword()) :: t()
  def new(options) do
    name = Keyword.fetch!(options, :name)
    :ets.new(name, [:named_table, :public, read_concurrency: true, write_concurrency: true])

    table =
      struct!(__MODULE__, [
        {:peers, Module.concat(name, Peers)},
        {:senders, Module.concat(name, Senders)},
        {:routes, :ets.new(name, [:bag, :public, read_concurrency: true])},
        {:subscriptions, :ets.new(name, [:set, :public, write_concurrency: true])}
        | options
      ])

    :ets.insert(name, {:config, table})
    table
  end

  @spec fetch!(atom()) :: t()
  def fetch!(name) do
    if :ets.whereis(name) == :undefined do
      raise ArgumentError, "no fanout is started under the name #{inspect(name)}"
    end

    :ets.lookup_element(name, :config, 2)
  end

  @doc "The partition that serves a process of this node."
  @spec partition(t(), pid()) :: non_neg_integer()
  def partition(%__MODULE__{partitions: partitions}, pid), do: :erlang.phash2(pid, partitions)

  @doc "Says which process messages to a destination go to from now on."
  @spec open(t(), destination(), pid(), counter()) :: true
  def open(%__MODULE__{name: name}, destination, pid, counter) do
    :ets.insert(name, {{:destination, destination}, pid, counter})
  end

  @spec counter() :: counter()
  def counter, do: :atomics.new(3, signed: true)

  @spec close(t(), destination()) :: :ok
  def close(%__MODULE__{name: name}, destination) do
    :ets.delete(name, {:destination, destination})
    :ok
  end

  @spec destination(t(), destination()) :: {pid(), counter()} | nil
  def destination(%__MODULE__{name: name}, destination) do
    case :ets.lookup(name, {:destination, destination}) do
      [{_key, pid, counter}] -> {pid, counter}
      [] -> nil
    end
  end

  @spec destinations(t()) :: [{destination(), pid(), counter()}]
  def destinations(%__MODULE__{name: name}) do
    for [destination, pid, counter] <-
          :ets.match(name, {{:destination, :"$1"}, :"$2", :"$3"}),
        do: {destination, pid, counter}
  end

  @doc "Where a topic's messages go."
  @spec routes(t(), Guildhall.Fanout.topic()) :: [{Guildhall.Fanout.topic(), destination()}]
  def routes(%__MODULE__{routes: routes}, topic), do: :ets.lookup(routes, topic)

  @spec put_route(t(), Guildhall.Fanout.topic(), destination()) :: true
  def put_route(%__MODULE__{routes: routes}, topic, destination) do
    :ets.insert(routes, {topic, destination})
  end

  @spec delete_route(t(), Guildhall.Fanout.topic(), destination()) :: true
  def delete_route(%__MODULE__{routes: routes}, topic, destination) do
    :ets.delete_object(routes, {topic, destination})
  end

  @doc "Removes every route to other nodes."
  @spec delete_remote_routes(t()) :: non_neg_integer()
  def delete_remote_routes(%__MODULE__{routes: routes}) do
    :ets.select_delete(routes, [{{:_, :"$1"}, [{:is_atom, :"$1"}], [true]}])
  end

  @doc "Removes every route to a partition."
  @spec delete_routes(t(), non_neg_integer()) :: true
  def delete_routes(%__MODULE__{routes: routes}, index),
    do: :ets.match_delete(routes, {:_, index})

  @doc "Whether this node has subscribers of the topic."
  @spec wanted?(t(), Guildhall.Fanout.topic()) :: boolean()
  def wanted?(table, topic) do
    Enum.any?(routes(table, topic), fn {_topic, destination} -> is_integer(destination) end)
  end

  @doc "The topics that this node has subscribers of."
  @spec topics(t()) :: [Guildhall.Fanout.topic()]
  def topics(%__MODULE__{routes: routes}) do
    local = [{{:"$1", :"$2"}, [{:is_integer, :"$2"}], [:"$1"]}]
    routes |> :ets.select(local) |> Enum.uniq()
  end

  @spec put_subscription(t(), non_neg_integer(), pid(), {term(), term()}) :: true
  def put_subscription(%__MODULE__{subscriptions: table}, index, pid, {topic, outbox}) do
    :ets.insert(table, {{index, pid, topic}, outbox})
  end

  @spec delete_subscription(t(), non_neg_integer(), pid(), term()) :: true
  def delete_subscription(%__MODULE__{subscriptions: table}, index, pid, topic) do
    :ets.delete(table, {index, pid, topic})
  end

  @doc "The subscriptions of a partition, as it left them."
  @spec subscriptions(t(), non_neg_integer()) :: [{pid(), term(), term()}]
  def subscriptions(%__MODULE__{subscriptions: table}, index) do
    for [pid, topic, outbox] <- :ets.match(table, {{index, :"$1", :"$2"}, :"$3"}),
        do: {pid, topic, outbox}
  end

  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{subscriptions: table}), do: :ets.info(table, :size)
end
