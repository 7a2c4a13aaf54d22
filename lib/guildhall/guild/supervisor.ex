defmodule Guildhall.Guild.Supervisor do
  @moduledoc false

  # The registries of running rooms and sidebars, and one supervisor for them per scheduler. If the registry goes,
  # the rooms go with it: nobody would find them, and each may run only once.

  use Supervisor

  alias Guildhall.Guild.{Places, Rooms, Sidebar}
  alias Guildhall.Instance

  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    name = Instance.child(Keyword.fetch!(options, :instance), :guilds)
    Supervisor.start_link(__MODULE__, options, name: name)
  end

  @impl Supervisor
  def init(options) do
    instance = Keyword.fetch!(options, :instance)
    Instance.put(instance, :guild, options)
    Places.new(instance)

    children = [
      {Registry,
       keys: :unique, name: Rooms.registry(instance), partitions: System.schedulers_online()},
      {Registry, keys: :unique, name: Sidebar.Server.registry(instance)},
      {PartitionSupervisor, child_spec: DynamicSupervisor, name: Rooms.supervisors(instance)}
    ]

    Supervisor.init(children, strategy: :one_for_all)
  end
end
