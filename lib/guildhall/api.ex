defmodule Guildhall.Api do
  @schema [
    instance: [type: :atom, required: true, doc: "The name of the node."]
  ]

  @moduledoc """
  REST: Discord's documented API, version 10, and the operator's own.

  `handle/2` answers what is under `/api/v10`, `/api/v9` and `/api`; `admin/2` what is under `/admin`,
  where guilds, people and bots are made (`docs/admin.md`). Both run in the connection's process
  and are functions of a request: what changes anything is a command to a room
  (`Guildhall.Guild.run/4`) or to `Guildhall.User`, what only reads goes to the store from here once
  the room has allowed it.

      response = Guildhall.Api.handle(%Guildhall.Http.Request{method: "GET", ...}, MyApp.Chat)

  The one process of this context owns the table in which requests are counted. Limits are those of
  the route table; `rate_limits: false` of the node turns them off, while the headers stay.
  """

  alias Guildhall.Api.{AdminRoutes, Error, Pipeline, Reply, Route, Routes, Sweeper}
  alias Guildhall.Http.{Handler, Request, Response}
  alias Guildhall.{Instance, Options}

  @doc "A child of a supervisor, with the options of `start_link/1`."
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options), do: %{id: __MODULE__, start: {__MODULE__, :start_link, [options]}}

  @doc """
  Starts what counts requests. It must run before the first of them.

  #{Options.docs(@schema)}
  """
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options), do: options |> Options.validate!(@schema) |> Sweeper.start_link()

  @doc "Answers a request under `/api`, or asks for its body once its head has passed all checks."
  @spec handle(Request.t(), Instance.t()) :: Handler.answer()
  def handle(%Request{segments: ["api" | segments]} = request, instance) do
    case version(segments) do
      {:ok, segments} -> Pipeline.run(Routes, segments, request, instance)
      :error -> Reply.render({:error, :unknown_version}, nil)
    end
  end

  @doc "Answers a request under `/admin`, like `handle/2`."
  @spec admin(Request.t(), Instance.t()) :: Handler.answer()
  def admin(%Request{segments: ["admin" | segments]} = request, instance) do
    Pipeline.run(AdminRoutes, segments, request, instance)
  end

  @doc "Checks that a request has the operator's secret, for pages outside of `/admin`."
  @spec operator(Request.t(), Instance.t()) :: :ok | {:error, Response.t()}
  defdelegate operator(request, instance), to: Pipeline

  @doc "Returns the routes that are served, with the paths of Discord's documentation."
  @spec routes() :: [{method :: String.t(), path :: String.t()}]
  def routes, do: for(%Route{method: method, path: path} <- Routes.all(), do: {method, path})

  @doc "Returns every reason for a refusal, with its status, its code and its message."
  @spec errors() :: [{atom(), 400..599, non_neg_integer(), String.t()}]
  defdelegate errors, to: Error, as: :all

  # A version may be left out; what only looks like one is a path (`/voice/regions`).
  defp version([version | rest]) when version in ["v9", "v10"], do: {:ok, rest}

  defp version([<<"v", digit, _rest::binary>> | _segments]) when digit in ?0..?9, do: :error
  defp version(segments), do: {:ok, segments}
end
