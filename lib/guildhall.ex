defmodule Guildhall do
  @external_resource "README.md"

  @schema [
    name: [type: :atom, default: Guildhall, doc: "The instance: several may run in one VM."],
    data: [
      type: :string,
      required: true,
      doc: "The folder that holds the data. One node a folder."
    ],
    port: [
      type: :non_neg_integer,
      default: 4000,
      doc: "The port to listen on; 0 picks a free one."
    ],
    ip: [type: :ip, default: {127, 0, 0, 1}, doc: "The address to listen on."],
    tls: [
      type: {:or, [{:in, [nil]}, :keyword_list]},
      default: nil,
      doc:
        "Options of `:ssl.listen/2`, such as `:certfile` and `:keyfile`. With TLS sessions write to their " <>
          "clients, one by one; behind a proxy that ends TLS relays do, which costs less."
    ],
    public_url: [
      type: {:or, [{:in, [nil]}, :string]},
      default: nil,
      doc:
        "The URL by which clients reach the node, as `https://chat.example`; by default the address and port."
    ],
    rate_limits: [
      type: :boolean,
      default: true,
      doc:
        "Whether requests, identifies and the connections of an address are limited; false for load tests."
    ],
    max_connections: [
      type: :pos_integer,
      default: 16_384,
      doc:
        "HTTP connections at a time, and WebSockets without a session; never more than three quarters of the " <>
          "descriptors that the process may have. When they are used up, idle connections without an account " <>
          "are closed first. Sessions have a limit of their own."
    ],
    connections_per_address: [
      type: :pos_integer,
      default: 256,
      doc:
        "How many of them one address may have (of IPv6 a /64); those of an account count for the account " <>
          "alone, which may have as many."
    ],
    max_sessions: [type: :pos_integer, default: 1_000_000, doc: "Sessions at a time."],
    trusted_proxies: [
      type: {:list, :string},
      default: [],
      doc:
        "Addresses and networks of reverse proxies, such as `10.0.0.0/8`: of those alone, the header " <>
          "`X-Forwarded-For` says who the client is. Without it all clients behind a proxy share the limits of one address."
    ],
    pages: [
      type: {:in, [:public, :operator]},
      default: :public,
      doc:
        "Who may read `/` and `/metrics`: anybody, or those who send the operator's secret as `Authorization: Bearer`."
    ],
    compression: [
      type: {:in, [:shared, :context, :auto]},
      default: :auto,
      doc:
        "Who compresses what many are sent, once for all or each connection for itself; see `docs/compression.md`."
    ],
    context_bytes: [
      type: :non_neg_integer,
      default: 67_108_864,
      doc:
        "How much memory the contexts of all connections may take, with `:context` and `:auto`; who comes later shares."
    ],
    heartbeat_interval: [
      type: :pos_integer,
      default: 41_250,
      doc: "What clients are told, in ms."
    ],
    resume_timeout: [
      type: :pos_integer,
      default: 180_000,
      doc: "How long a session without a socket is kept, in ms."
    ],
    guild_idle_timeout: [
      type: :timeout,
      default: 60_000,
      doc: "Stop a guild's process after this long without use."
    ]
  ]

  @moduledoc "README.md"
             |> File.read!()
             |> String.split("<!-- MDOC -->")
             |> Enum.fetch!(1)
             |> Kernel.<>("""

             ## Options

             #{Guildhall.Options.docs(@schema)}
             """)

  alias Guildhall.Options

  @doc "Returns the specification of a node for a supervisor."
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options) do
    %{
      id: {__MODULE__, options[:name]},
      start: {__MODULE__, :start_link, [options]},
      type: :supervisor
    }
  end

  @doc """
  Starts a node: store, rooms, sessions and listener under one supervisor.

  Answers `{:error, reason}` when it cannot: `:in_use` and `:not_writable` speak of the data
  folder, `:eaddrinuse` and other `t:inet.posix/0` of the port.
  """
  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    options |> Options.validate!(@schema) |> Guildhall.Supervisor.start_link()
  end

  @doc "Returns the URL by which clients reach the node."
  @spec url(atom()) :: String.t()
  def url(name \\ Guildhall), do: Guildhall.Instance.fetch!(name, :url)
end
