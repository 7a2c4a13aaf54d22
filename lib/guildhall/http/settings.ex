defmodule Guildhall.Http.Settings do
  @moduledoc false

  # The options of a server, checked, with the counters its processes share. Every connection reads
  # them, so they are a persistent term: no copy for each connection, no process to ask.

  alias Guildhall.Http
  alias Guildhall.Http.Address
  alias Guildhall.Telemetry

  @schema [
    name: [type: :atom, required: true, doc: "The server's name, for `port/1` and `stats/1`."],
    handler: [
      type: :any,
      required: true,
      doc: "`{module, argument}`, a `Guildhall.Http.Handler`."
    ],
    instance: [
      type: :atom,
      default: nil,
      doc: "Whose server it is, in the metadata of every event; the name if nil."
    ],
    ip: [type: :ip, default: {127, 0, 0, 1}, doc: "The address to listen on."],
    port: [type: {:in, 0..65_535}, default: 0, doc: "The port; 0 takes a free one."],
    tls: [
      type: {:or, [{:in, [nil]}, :keyword_list]},
      default: nil,
      doc: "Options of `:ssl.handshake/3` (`:certfile`, `:keyfile`, ...), or nil for plain TCP."
    ],
    acceptors: [type: :pos_integer, default: 8, doc: "Processes that accept."],
    backlog: [type: :pos_integer, default: 4096, doc: "Connections the kernel may queue."],
    max_connections: [
      type: :pos_integer,
      default: 16_384,
      doc: "Connections at a time, without the WebSockets that another process has taken."
    ],
    connections_per_address: [
      type: {:or, [:pos_integer, {:in, [:infinity]}]},
      default: :infinity,
      doc:
        "How many of them an address (a /64 of IPv6) may have that belong to no account, and how many an account."
    ],
    trusted_proxies: [
      type: {:list, :string},
      default: [],
      doc: "Addresses and networks of proxies whose `X-Forwarded-For` names the client."
    ],
    overload: [
      type: {:in, [:refuse, :wait]},
      default: :refuse,
      doc:
        "Beyond them: close the connection that was idle or silent for longest, or answer 503 if none is; " <>
          "or leave new ones to the kernel's queue."
    ],
    request_line_limit: [type: :pos_integer, default: 8_192, doc: "Bytes of a request line."],
    header_limit: [type: :pos_integer, default: 32_768, doc: "Bytes of a request's head."],
    header_count_limit: [type: :pos_integer, default: 100, doc: "Headers of a request."],
    body_limit: [type: :pos_integer, default: 8_388_608, doc: "Bytes of a request's body."],
    body_budget: [
      type: :pos_integer,
      default: 268_435_456,
      doc: "Bytes of all bodies that are being received; beyond them a request gets a 503."
    ],
    body_share: [
      type: :pos_integer,
      default: 33_554_432,
      doc: "Bytes of that budget that the requests of one address, or of one account, may use."
    ],
    header_timeout: [type: :pos_integer, default: 10_000, doc: "For a whole head to arrive."],
    idle_timeout: [type: :pos_integer, default: 60_000, doc: "Between two requests."],
    body_timeout: [type: :pos_integer, default: 10_000, doc: "Grace of a body below the rate."],
    body_rate: [type: :pos_integer, default: 1_024, doc: "Bytes a second a body must make."],
    body_deadline: [type: :pos_integer, default: 120_000, doc: "For a whole body to arrive."],
    send_timeout: [type: :pos_integer, default: 15_000, doc: "For 64 KiB of an answer to leave."],
    send_deadline: [type: :pos_integer, default: 60_000, doc: "For a whole answer to leave."],
    send_buffer: [type: :pos_integer, default: 262_144, doc: "The kernel's, a connection."],
    hibernate_after: [type: :pos_integer, default: 1_000, doc: "Idle time before hibernation."],
    linger_timeout: [
      type: :pos_integer,
      default: 2_000,
      doc: "How long the client may take to read the last answer before the connection goes."
    ],
    drain_timeout: [
      type: :non_neg_integer,
      default: 5_000,
      doc: "How long a stop waits for connections to finish."
    ]
  ]

  @enforce_keys Keyword.keys(@schema) ++ [:counters, :dates, :slots, :proxies]
  defstruct @enforce_keys

  @type t :: %__MODULE__{}

  # Positions in `counters`.
  @counters [accepted: 1, refused: 2, requests: 3, receiving: 4, open: 5, silent: 6]

  @spec schema() :: Guildhall.Options.schema()
  def schema, do: @schema

  @spec new(keyword()) :: t()
  def new(options) do
    {module, _argument} = Keyword.fetch!(options, :handler)
    {:module, _module} = Code.ensure_loaded(module)
    shared = [dates: nil, slots: nil, counters: counters(), proxies: proxies(options)]
    settings = struct!(__MODULE__, options ++ shared)
    %{settings | instance: settings.instance || settings.name}
  end

  defp proxies(options) do
    for text <- Keyword.fetch!(options, :trusted_proxies) do
      case Address.network(text) do
        {:ok, network} -> network
        :error -> raise ArgumentError, "#{inspect(text)} is no address and no network"
      end
    end
  end

  defp counters, do: :atomics.new(length(@counters), signed: true)

  @spec put(t()) :: :ok
  def put(settings), do: :persistent_term.put({Http, settings.name}, settings)

  @spec fetch!(atom()) :: t()
  def fetch!(name), do: :persistent_term.get({Http, name})

  for {counter, position} <- @counters do
    @spec count(t(), unquote(counter), integer()) :: integer()
    def count(settings, unquote(counter), change) do
      :atomics.add_get(settings.counters, unquote(position), change)
    end
  end

  @spec counts(t()) :: %{atom() => integer()}
  def counts(settings) do
    Map.new(@counters, fn {counter, position} ->
      {counter, :atomics.get(settings.counters, position)}
    end)
  end

  @doc "Counts that the server itself refused a client, or closed an idle one for another."
  @spec refused(t(), reason :: atom()) :: :ok
  def refused(settings, reason) do
    count(settings, :refused, 1)
    Telemetry.emit([:http, :refusal], %{count: 1}, %{instance: settings.instance, reason: reason})
  end

  # The registered name of a part of the server.
  @spec child(atom(), atom()) :: atom()
  def child(name, part), do: Module.concat(name, part)
end
