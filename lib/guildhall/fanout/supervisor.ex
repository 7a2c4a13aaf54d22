defmodule Guildhall.Fanout.Supervisor do
  @moduledoc false

  # The processes of one fanout on one node, and the tables, which it owns. A partition that crashes
  # comes back alone; `Peers` is last, for it starts the senders.

  use Supervisor

  alias Guildhall.Fanout.{Partition, Peers, Table}

  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    Supervisor.start_link(__MODULE__, options, name: Keyword.fetch!(options, :name))
  end

  @impl Supervisor
  def init(options) do
    table = Table.new(options)
    partitions = for index <- 0..(table.partitions - 1), do: {Partition, {table, index}}

    children = [
      %{
        id: :partitions,
        start: {Supervisor, :start_link, [partitions, [strategy: :one_for_one]]},
        type: :supervisor
      },
      {DynamicSupervisor, name: table.senders, strategy: :one_for_one},
      {Peers, table}
    ]

    Supervisor.init(children, strategy: :rest_for_one)
  end
end
