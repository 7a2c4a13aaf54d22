defmodule Guildhall.Guild.Supervisor do
  @moduledoc false

  # The registries of running rooms and sidebars, the process that knows which rooms crashed, and one
  # supervisor for rooms and sidebars per scheduler. A registry's partition that crashes ends its rooms,
  # which are linked to it: nobody would find them, and each may run only once.

  alias Guildhall.{BackoffSupervisor, Instance, PartitionedRegistry, Partitions}
  alias Guildhall.Guild.{Copies, Places, Restarts, Rooms, Sidebar}

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    instance = Keyword.fetch!(options, :instance)
    Instance.put(instance, :guild, options)

    children = [
      {Places, instance},
      registry(instance, Rooms.registry(instance)),
      registry(instance, Sidebar.Server.registry(instance)),
      {Restarts, instance},
      {Partitions, name: Rooms.supervisors(instance), instance: instance, child: &rooms_of/1},
      {Copies, instance}
    ]

    name = Instance.child(instance, :guilds)
    BackoffSupervisor.start_link(children, name: name, instance: instance)
  end

  defp registry(instance, name) do
    {PartitionedRegistry, keys: :unique, name: name, instance: instance}
  end

  defp rooms_of(name), do: Supervisor.child_spec({DynamicSupervisor, name: name}, id: name)
end
