defmodule Guildhall.Session do
  @schema [
    instance: [type: :atom, required: true, doc: "The node's name."],
    heartbeat_interval: [
      type: :pos_integer,
      default: 41_250,
      doc: "How often clients are told to send a heartbeat, in ms."
    ],
    identify_timeout: [
      type: :pos_integer,
      default: 30_000,
      doc: "How long a connection may be without a session, in ms."
    ],
    absence_timeout: [
      type: :pos_integer,
      default: 1_000,
      doc: "How long a user whose connection was lost is still shown as he was, in ms."
    ],
    resume_timeout: [
      type: :pos_integer,
      default: 180_000,
      doc: "How long a session waits for its client to come back, in ms."
    ],
    drain_grace: [
      type: :pos_integer,
      default: 5_000,
      doc: "How long a client may take to reconnect when it is asked to, in ms."
    ],
    rate_limits: [
      type: :boolean,
      default: true,
      doc: "Whether clients are limited in what they start and send."
    ],
    max_concurrency: [
      type: :pos_integer,
      default: 1,
      doc: "Shards of a user that may start in 5 s."
    ],
    identify_limit: [type: :pos_integer, default: 1_000, doc: "Starts of a user in a day."],
    guilds_per_shard: [
      type: :pos_integer,
      default: 2_500,
      doc: "Guilds that one session may be in."
    ],
    sessions_per_user: [
      type: :pos_integer,
      default: 1_000,
      doc: "Sessions of one user, with `:rate_limits`."
    ],
    max_sessions: [type: :pos_integer, default: 1_000_000, doc: "Sessions of the node."],
    max_events: [
      type: :pos_integer,
      default: 10_000,
      doc: "Events that a session keeps for a resume. Twice as many may wait unsent."
    ],
    max_bytes: [type: :pos_integer, default: 4_194_304, doc: "The same in bytes."]
  ]

  @moduledoc """
  Sessions: one process per client, which keeps what the client has not seen.

  A session begins with READY, takes the events of its rooms into its outbox and writes them to the
  connection it owns, if it owns one. A client that loses its connection comes back on another with
  the number of the last event it saw, and gets everything after it, once and in order. A client that
  says goodbye, stays away too long or does not read ends its session.

  Sessions know no protocol: `Guildhall.Gateway` accepts clients, and implements
  `Guildhall.Session.Connection`. How the processes work is in `lib/guildhall/session/README.md`.
  """

  alias Guildhall.{Instance, Options, PartitionedRegistry, Telemetry}
  alias Guildhall.Session.{Admission, Connection, Id, Identify, Quota, Resume, Server, Supervisor}

  @typedoc "A connection and the module that knows it."
  @type connection :: {module(), Connection.t()}

  @doc """
  Starts the sessions of a node.

  #{Options.docs(@schema)}
  """
  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options), do: options |> Options.validate!(@schema) |> Supervisor.start_link()

  @doc false
  @spec child_spec(keyword()) :: Elixir.Supervisor.child_spec()
  def child_spec(options) do
    %{id: __MODULE__, start: {__MODULE__, :start_link, [options]}, type: :supervisor}
  end

  @doc """
  Gives a client a new session, and the session the connection.

  The connection is still the caller's if it answers an error, unless the error is `:closed`.
  """
  @spec start(Instance.t(), Identify.t(), connection()) ::
          {:ok, session_id :: String.t()} | {:error, Connection.reason()}
  def start(instance, %Identify{} = identify, {module, connection}) do
    settings = settings(instance)

    result =
      with {:ok, user} <- Admission.authenticate(instance, identify.token),
           {:ok, connection} <- module.authenticated(connection, user),
           {:ok, client} <- Admission.admit(instance, user, identify, settings),
           id = Id.new(instance),
           {:ok, pid} <- Supervisor.start_session(instance, id, client),
           :ok <- hand_over(pid, nil, {module, connection}) do
        {:ok, id}
      end

    report(instance, :identify, result)
  end

  @doc "Gives a client its old session back. Like `start/3`; `:gone` if there is nothing to go on with."
  @spec resume(Instance.t(), Resume.t(), connection()) ::
          {:ok, session_id :: String.t()} | {:error, Connection.reason()}
  def resume(instance, %Resume{} = resume, {module, connection}) do
    result =
      with {:ok, user} <- Admission.authenticate(instance, resume.token),
           {:ok, connection} <- module.authenticated(connection, user),
           {:ok, pid} <- whereis(instance, resume.session_id),
           :ok <- Quota.resume(instance, resume.session_id, settings(instance)),
           {:ok, claim} <- Server.claim(pid, user.id, resume.sequence),
           :ok <- hand_over(pid, claim, {module, connection}) do
        {:ok, resume.session_id}
      end

    report(instance, :resume, result)
  end

  defp hand_over(pid, claim, {module, connection}) do
    case module.transfer(connection, pid) do
      {:ok, connection} ->
        Server.connect(pid, claim, {module, connection})

      {:error, _reason} ->
        unless claim, do: Server.abandon(pid)
        {:error, :closed}
    end
  end

  defp whereis(instance, id) do
    registry = Supervisor.registry(instance)

    case PartitionedRegistry.lookup(registry, id) do
      [{pid, _user_id}] ->
        {:ok, pid}

      # A session that has not registered again after a crash of the registry is not gone.
      [] ->
        {:error, if(PartitionedRegistry.recovering?(registry, id), do: :overloaded, else: :gone)}
    end
  end

  defp report(instance, operation, result) do
    outcome = if match?({:error, _reason}, result), do: elem(result, 1), else: :ok
    metadata = %{instance: instance, operation: operation, result: outcome}
    Telemetry.emit([:session, :request], %{count: 1}, metadata)
    result
  end

  @doc """
  Asks every client to come back on another connection, spread over `within` milliseconds.

  The sessions stay, and wait for their clients. Returns how many were asked.
  """
  @spec drain(Instance.t(), within :: non_neg_integer()) :: non_neg_integer()
  def drain(instance, within \\ 5_000) do
    sessions = PartitionedRegistry.entries(Supervisor.registry(instance))
    for {_id, pid, _user_id} <- sessions, do: Server.drain(pid, :rand.uniform(within + 1) - 1)
    length(sessions)
  end

  @doc "Returns how many sessions there are, with a connection or waiting for one."
  @spec count(Instance.t()) :: non_neg_integer()
  def count(instance), do: PartitionedRegistry.count(Supervisor.registry(instance))

  @doc "Returns whether the node has as many sessions as it takes."
  @spec full?(Instance.t()) :: boolean()
  def full?(instance), do: count(instance) >= settings(instance).max_sessions

  @doc "Returns how many sessions a user may still start today, as `GET /gateway/bot` tells it."
  @spec start_limit(Instance.t(), user_id :: pos_integer()) :: %{
          total: pos_integer(),
          remaining: non_neg_integer(),
          reset_after: non_neg_integer(),
          max_concurrency: pos_integer()
        }
  def start_limit(instance, user_id) do
    settings = settings(instance)
    {remaining, reset_after} = Quota.left(instance, user_id, settings)

    %{
      total: settings.identify_limit,
      remaining: remaining,
      reset_after: reset_after,
      max_concurrency: settings.max_concurrency
    }
  end

  @doc "Returns the options that `start_link/1` was given."
  @spec settings(Instance.t()) :: %{optional(atom()) => term()}
  def settings(instance), do: Instance.fetch!(instance, :session)
end
