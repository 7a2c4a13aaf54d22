defmodule Guildhall.Supervisor do
  @moduledoc false

  # One node: its contexts in the order in which they need each other; the listener comes last. A part
  # that crashes is restarted alone: the others tolerate that it is missing for a moment. What a crash
  # of each process loses is in ARCHITECTURE.md, and `test/guildhall/crash_test.exs` checks it.

  alias Guildhall.{BackoffSupervisor, Instance}

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    instance = options[:name]
    # A node that was stopped may have had another port.
    Instance.erase(instance, :port)
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

    name = Instance.child(instance, :supervisor)
    BackoffSupervisor.start_link(children, name: name, instance: instance)
  end
end
