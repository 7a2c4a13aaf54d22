defmodule Guildhall.Session.Supervisor do
  @moduledoc false

  # The sessions of a node. They are children of several supervisors, because a herd that comes back
  # at once would queue up before one.
  #
  #   BackoffSupervisor
  #   ├── Quota                  counts starts
  #   ├── PartitionedRegistry    id -> process
  #   └── Partitions
  #       └── DynamicSupervisor  one per scheduler
  #           └── Server         one per session

  alias Guildhall.{BackoffSupervisor, Instance, PartitionedRegistry, Partitions}
  alias Guildhall.Session.{Client, Quota, Server}

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    {instance, options} = Keyword.pop!(options, :instance)
    {outbox, options} = Keyword.split(options, [:max_events, :max_bytes])
    :ok = Instance.put(instance, :session, Map.new([{:outbox, outbox} | options]))

    children = [
      {Quota, instance},
      {PartitionedRegistry, keys: :unique, name: registry(instance), instance: instance},
      {Partitions, name: sessions(instance), instance: instance, child: &sessions_of/1}
    ]

    name = Instance.child(instance, :session)
    BackoffSupervisor.start_link(children, name: name, instance: instance)
  end

  defp sessions_of(name), do: Supervisor.child_spec({DynamicSupervisor, name: name}, id: name)

  @spec start_session(Instance.t(), String.t(), Client.t()) ::
          {:ok, pid()} | {:error, :overloaded}
  def start_session(instance, id, client) do
    case Partitions.start_child(sessions(instance), id, {Server, {instance, id, client}}) do
      {:ok, pid} -> {:ok, pid}
      # Its registry or its supervisor is restarted at this moment.
      {:error, _reason} -> {:error, :overloaded}
    end
  end

  @spec registry(Instance.t()) :: atom()
  def registry(instance), do: Instance.child(instance, :session_registry)

  defp sessions(instance), do: Instance.child(instance, :sessions)
end
