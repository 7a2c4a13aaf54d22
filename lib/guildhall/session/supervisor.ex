defmodule Guildhall.Session.Supervisor do
  @moduledoc false

  # The sessions of a node. They are children of several supervisors, because a herd that comes back
  # at once would queue up before one.
  #
  #   Supervisor (rest for one)
  #   ├── Quota                  counts starts
  #   ├── Registry               id -> process
  #   └── PartitionSupervisor
  #       └── DynamicSupervisor  one per scheduler
  #           └── Server         one per session

  use Supervisor

  alias Guildhall.Instance
  alias Guildhall.Session.{Client, Quota, Server}

  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    instance = Keyword.fetch!(options, :instance)
    Supervisor.start_link(__MODULE__, options, name: Instance.child(instance, :session))
  end

  @spec start_session(Instance.t(), String.t(), Client.t()) ::
          {:ok, pid()} | {:error, :overloaded}
  def start_session(instance, id, client) do
    supervisor = {:via, PartitionSupervisor, {Instance.child(instance, :sessions), id}}

    case DynamicSupervisor.start_child(supervisor, {Server, {instance, id, client}}) do
      {:ok, pid} -> {:ok, pid}
      # Its relay is about to be started again.
      {:error, _reason} -> {:error, :overloaded}
    end
  end

  @spec registry(Instance.t()) :: atom()
  def registry(instance), do: Instance.child(instance, :session_registry)

  @impl Supervisor
  def init(options) do
    {instance, options} = Keyword.pop!(options, :instance)
    {outbox, options} = Keyword.split(options, [:max_events, :max_bytes])
    :ok = Instance.put(instance, :session, Map.new([{:outbox, outbox} | options]))

    children = [
      {Quota, instance},
      {Registry, keys: :unique, name: registry(instance), partitions: System.schedulers_online()},
      {PartitionSupervisor,
       child_spec: DynamicSupervisor, name: Instance.child(instance, :sessions)}
    ]

    Supervisor.init(children, strategy: :rest_for_one)
  end
end
