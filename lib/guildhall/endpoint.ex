defmodule Guildhall.Endpoint do
  @moduledoc false

  # One listener for everything: gateway, REST, admin API, and the pages for operators.

  @behaviour Guildhall.Http.Handler

  @all 1_000_000_000_000

  alias Guildhall.{Api, Gateway, Http, Instance, Pages}
  alias Guildhall.Http.Request

  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options) do
    %{id: __MODULE__, start: {__MODULE__, :start_link, [options]}, type: :supervisor}
  end

  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    instance = options[:instance]
    name = Instance.child(instance, :endpoint)
    # A listener that is restarted takes the port that the system picked for it at first.
    options = Keyword.put(options, :port, Instance.get(instance, :port, options[:port]))
    # Known before the first request can come, unless the system picks the port.
    put_url(instance, options, options[:port])

    with {:ok, pid} <-
           Http.start_link(
             [name: name, instance: instance, handler: {__MODULE__, instance}] ++
               Keyword.take(options, [:ip, :port, :tls, :trusted_proxies]) ++
               connections(options) ++ limits(options)
           ) do
      port = Http.port(name)
      Instance.put(instance, :port, port)
      put_url(instance, options, port)
      {:ok, pid}
    end
  end

  # Idle connections are closed before they have used up the descriptors, of which a shell often gives 1,024.
  defp connections(options) do
    info = List.flatten(:erlang.system_info(:check_io))
    descriptors = info |> Keyword.get_values(:max_fds) |> Enum.max(fn -> @all end)
    [max_connections: min(options[:max_connections], div(descriptors * 3, 4))]
  end

  # Without rate limits an address may have what the node has.
  defp limits(options) do
    if options[:rate_limits],
      do: Keyword.take(options, [:connections_per_address]),
      else: [connections_per_address: :infinity, body_share: @all]
  end

  @impl Http.Handler
  def handle(%Request{segments: ["api" | _rest]} = request, instance) do
    Api.handle(request, instance)
  end

  def handle(%Request{segments: ["admin" | _rest]} = request, instance) do
    Api.admin(request, instance)
  end

  def handle(%Request{} = request, instance) do
    if Http.upgrade?(request),
      do: Gateway.accept(request, instance),
      else: Pages.page(request, instance)
  end

  defp put_url(instance, options, port) do
    Instance.put(instance, :url, options[:public_url] || default_url(options, port))
  end

  defp default_url(options, port) do
    scheme = if options[:tls], do: "https", else: "http"
    "#{scheme}://#{host(options[:ip])}:#{port}"
  end

  # A wildcard address is none that a client could connect to.
  defp host({0, 0, 0, 0}), do: "127.0.0.1"
  defp host({0, 0, 0, 0, 0, 0, 0, 0}), do: "[::1]"
  defp host(ip) when tuple_size(ip) == 8, do: "[#{:inet.ntoa(ip)}]"
  defp host(ip), do: "#{:inet.ntoa(ip)}"
end
