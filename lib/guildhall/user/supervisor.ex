defmodule Guildhall.User.Supervisor do
  @moduledoc false

  # The cache of accounts, and the registry of sessions. They know nothing of each other.

  use Supervisor

  alias Guildhall.Instance
  alias Guildhall.User.{Cache, Sessions}

  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    name = Instance.child(options[:instance], :user_supervisor)
    Supervisor.start_link(__MODULE__, options, name: name)
  end

  @impl Supervisor
  def init(options) do
    children = [{Cache, options}, Sessions.child_spec(options[:instance])]
    Supervisor.init(children, strategy: :one_for_one)
  end
end
