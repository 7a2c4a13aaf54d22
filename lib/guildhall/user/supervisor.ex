defmodule Guildhall.User.Supervisor do
  @moduledoc false

  # The cache of accounts, and the registry of sessions. They know nothing of each other.

  alias Guildhall.{BackoffSupervisor, Instance}
  alias Guildhall.User.{Cache, Sessions}

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    instance = options[:instance]
    children = [{Cache, options}, Sessions.child_spec(instance)]
    name = Instance.child(instance, :user_supervisor)
    BackoffSupervisor.start_link(children, name: name, instance: instance)
  end
end
