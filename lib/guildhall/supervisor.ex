defmodule Guildhall.Supervisor do
  @moduledoc false

  # One node: its contexts in the order in which they need each other. A part that dies takes those
  # after it along, since they hold handles and monitors of it; the listener comes last, so that
  # nothing is served by half a node.

  use Supervisor

  alias Guildhall.Instance

  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    name = Instance.child(options[:name], :supervisor)
    Supervisor.start_link(__MODULE__, options, name: name)
  end

  @impl Supervisor
  def init(options) do
    instance = options[:name]
    Instance.put(instance, :rate_limits, options[:rate_limits])
    Instance.put(instance, :pages, options[:pages])
    Guildhall.Gateway.prime()
    Instance.put(instance, :transport, Keyword.take(options, [:compression, :context_bytes]))

    children = [
      {Guildhall.Metrics, instance: instance},
      {Guildhall.Store, instance: instance, path: options[:data]},
      {Guildhall.User, instance: instance},
      {Guildhall.Relay, instance: instance},
      {Guildhall.Guild, instance: instance, idle_timeout: options[:guild_idle_timeout]},
      {Guildhall.Session,
       [instance: instance] ++
         Keyword.take(options, [
           :heartbeat_interval,
           :resume_timeout,
           :rate_limits,
           :max_sessions
         ])},
      {Guildhall.Api, instance: instance},
      {Guildhall.Endpoint,
       [instance: instance] ++
         Keyword.take(options, [
           :ip,
           :port,
           :tls,
           :public_url,
           :rate_limits,
           :max_connections,
           :connections_per_address,
           :trusted_proxies
         ])},
      {Guildhall.Pages.Cache, instance: instance}
    ]

    Supervisor.init(children, strategy: :rest_for_one)
  end
end
