defmodule Guildhall.ApiNode do
  @moduledoc false

  # A node for tests of the API: everything but the gateway on a memory store, behind a listener.
  #
  #     node = ApiNode.start()
  #     ada = ApiNode.person(node, "ada")
  #     {200, user} = ApiNode.call(ada, :get, "/users/@me")
  #
  # A caller is a map with a node, a token and a user. Each call has a connection of its own.

  import ExUnit.Callbacks

  alias Guildhall.{Api, Guild, Http, HttpClient, Instance, Payload, Relay, Session, Store, User}
  alias Guildhall.Model.Intents

  @behaviour Http.Handler

  @doc "Starts a node. `rate_limits: true` leaves them on."
  def start(options \\ []) do
    instance = Module.concat(__MODULE__, "N#{System.unique_integer([:positive])}")
    path = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-#{instance}")
    on_exit(fn -> File.rm_rf!(path) end)

    start_supervised!({Store, instance: instance, path: path, engine: :memory})
    start_supervised!({User, instance: instance})
    start_supervised!({Relay, instance: instance, count: 1})
    start_supervised!({Guild, instance: instance})
    start_supervised!({Session, instance: instance}, id: Session)
    start_supervised!({Api, instance: instance}, id: Api)
    Instance.put(instance, :rate_limits, Keyword.get(options, :rate_limits, false))

    http = Instance.child(instance, :http)
    start_supervised!({Http, name: http, handler: {__MODULE__, instance}, port: 0}, id: http)
    port = Http.port(http)
    Instance.put(instance, :url, "http://127.0.0.1:#{port}")
    %{instance: instance, port: port}
  end

  @impl Http.Handler
  def handle(%{segments: ["admin" | _rest]} = request, instance), do: Api.admin(request, instance)
  def handle(request, instance), do: Api.handle(request, instance)

  @doc "A new person, who may call."
  def person(node, name \\ "ada") do
    {:ok, user} = User.create(node.instance, %{username: name})
    caller(node, user, "")
  end

  @doc "A new bot, with all privileged intents or those that are given."
  def bot(node, intents \\ Intents.privileged()) do
    attrs = %{username: "bot", intents: intents}
    {:ok, user, _application} = User.create_bot(node.instance, attrs)
    caller(node, user, "Bot ")
  end

  @doc "The operator, who may call /admin."
  def operator(node) do
    secret = Base.url_encode64(Store.secret(node.instance, "operator"), padding: false)
    %{node: node, authorization: "Bearer #{secret}", user: nil}
  end

  defp caller(node, user, prefix) do
    {:ok, token} = User.token(node.instance, user.id)
    %{node: node, authorization: prefix <> token, user: user, id: to_string(user.id)}
  end

  @doc "A new guild of these callers; the first is its owner. Returns its id and a text channel's."
  def guild([owner | members]) do
    %{instance: instance} = owner.node
    {:ok, guild} = Guild.create(instance, %{name: "guild", owner_id: owner.user.id})

    for member <- members do
      {:ok, _member} =
        Guild.run(instance, guild.id, :operator, {:add_member, member.user.id, %{}})
    end

    [text | _others] = for {id, %{type: 0}} <- guild.channels, do: id
    {to_string(guild.id), to_string(text)}
  end

  @doc "Calls the API, or /admin: `{status, body}`, the body decoded, nil if there is none."
  def call(caller, method, path, body \\ nil, headers \\ []) do
    response = request(caller, method, path, body, headers)
    {response.status, decode(response)}
  end

  @doc "Calls the API and returns the whole response. A body that is no text is sent as JSON."
  def request(caller, method, path, body \\ nil, headers \\ []) do
    headers = [{"authorization", caller.authorization} | headers]
    {headers, body} = encode(headers, body)
    path = if String.starts_with?(path, "/admin"), do: path, else: "/api/v10" <> path
    method = method |> to_string() |> String.upcase()

    {response, client} =
      caller.node.port |> HttpClient.connect() |> HttpClient.request(method, path, headers, body)

    HttpClient.close(client)
    response
  end

  defp encode(headers, nil), do: {headers, ""}
  defp encode(headers, body) when is_binary(body), do: {headers, body}

  defp encode(headers, body) do
    {[{"content-type", "application/json"} | headers], Payload.encode!(body)}
  end

  defp decode(%{status: 204, body: ""}), do: nil

  defp decode(%{body: body}) do
    {:ok, term} = Payload.decode(body)
    term
  end

  @doc "The first header of that name, in lower case."
  def header(response, name) do
    Enum.find_value(response.headers, fn {key, value} -> if key == name, do: value end)
  end
end
