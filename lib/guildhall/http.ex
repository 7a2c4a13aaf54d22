defmodule Guildhall.Http do
  @moduledoc """
  An HTTP/1.1 and WebSocket server on OTP's sockets and packet parser. It knows no chat.

      defmodule Hello do
        @behaviour Guildhall.Http.Handler

        @impl true
        def handle(%{segments: []}, _argument), do: %Guildhall.Http.Response{status: 200, body: "Hello"}
        def handle(_request, _argument), do: %Guildhall.Http.Response{status: 404}
      end

      {:ok, _server} = Guildhall.Http.start_link(name: Web, port: 4000, handler: {Hello, nil})

  A connection is a process, which calls the handler and writes what it answers. Every wait has a
  time-out, every buffer a limit; at a limit the client gets the status that HTTP has for it, and
  `[:guildhall, :http, :refusal]` says why. A WebSocket is a `Guildhall.Http.WebSocket`.

  How the processes work is in `lib/guildhall/http/README.md`.
  """

  alias Guildhall.Http.{Head, Listener, Request, Settings, Supervisor, Target}
  alias Guildhall.Options

  @doc """
  Starts a server.

  A port in use is `{:error, :eaddrinuse}`. When the server is stopped, it accepts no more, lets requests
  that are being answered finish for `:drain_timeout`, and tells WebSockets to close with 1001.

  #{Options.docs(Settings.schema())}
  """
  @spec start_link(keyword()) :: {:ok, pid()} | {:error, :inet.posix() | term()}
  def start_link(options) do
    options |> Options.validate!(Settings.schema()) |> Settings.new() |> Supervisor.start_link()
  end

  @doc "A child specification; the id is the server's name."
  @spec child_spec(keyword()) :: Elixir.Supervisor.child_spec()
  def child_spec(options) do
    %{
      id: {__MODULE__, options[:name]},
      start: {__MODULE__, :start_link, [options]},
      type: :supervisor
    }
  end

  @doc "Returns the port that the server listens on."
  @spec port(atom()) :: :inet.port_number()
  defdelegate port(name), to: Listener

  @doc """
  Returns what the server holds and what it has done.

    * `:connections` - connections now, without the WebSockets that another process has taken
    * `:max_connections` - how many there may be
    * `:receiving` - bytes of bodies that are being received
    * `:accepted`, `:refused`, `:requests` - how many since the start
  """
  @spec stats(atom()) :: %{
          connections: non_neg_integer(),
          max_connections: pos_integer(),
          receiving: non_neg_integer(),
          accepted: non_neg_integer(),
          refused: non_neg_integer(),
          requests: non_neg_integer()
        }
  def stats(name) do
    settings = Settings.fetch!(name)
    {connections, counts} = settings |> Settings.counts() |> Map.pop!(:open)

    counts
    |> Map.delete(:silent)
    |> Map.put(:connections, connections)
    |> Map.put(:max_connections, settings.max_connections)
  end

  @doc "Decodes a percent-encoded text, if it is one and holds UTF-8."
  @spec unescape(binary()) :: {:ok, String.t()} | :error
  defdelegate unescape(text), to: Target

  @doc "Whether the request asks for a WebSocket. What it asks is checked when the handler grants it."
  @spec upgrade?(Request.t()) :: boolean()
  def upgrade?(%Request{headers: headers}), do: "websocket" in Head.tokens(headers, "upgrade")
end
