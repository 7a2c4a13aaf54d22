defmodule Guildhall.TestNode do
  @moduledoc false

  # A node for a test: everything below the endpoint on a memory store, and a listener that serves the
  # gateway, on a port of its own. It ends with the test.
  #
  #     node = TestNode.start(resume_timeout: 50)
  #     bot = TestNode.bot(node)
  #     {guild, channel} = TestNode.guild(node, bot, [other])
  #     message = TestNode.post(node, bot, channel, "hello")

  alias Guildhall.{Gateway, Guild, Http, Instance, Relay, Session, Store, User}
  alias Guildhall.Model.Intents

  import ExUnit.Callbacks, only: [start_supervised!: 1, start_supervised!: 2, on_exit: 1]

  @behaviour Http.Handler

  @doc "Starts a node. The options are those of `Guildhall.Session.start_link/1`."
  def start(options \\ []) do
    instance = Module.concat(__MODULE__, "N#{System.unique_integer([:positive])}")
    path = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-#{instance}")
    on_exit(fn -> File.rm_rf!(path) end)

    start_supervised!({Store, instance: instance, path: path, engine: :memory})
    start_supervised!({User, instance: instance})
    start_supervised!({Relay, instance: instance})
    start_supervised!({Guild, instance: instance})
    session = Keyword.merge([instance: instance, rate_limits: false], options)
    start_supervised!({Session, session}, id: Session)

    http = Instance.child(instance, :http)
    address = [instance: instance, ip: {127, 0, 0, 1}, port: 0]
    start_supervised!({Http, [name: http, handler: {__MODULE__, instance}] ++ address})
    port = Http.port(http)
    Instance.put(instance, :url, "http://127.0.0.1:#{port}")
    %{instance: instance, port: port}
  end

  @impl Http.Handler
  def handle(request, instance), do: Gateway.accept(request, instance)

  @doc "Makes a bot whose application has the privileged intents, or those of `:intents`."
  def bot(node, options \\ []) do
    name = Keyword.get(options, :username, "bot#{System.unique_integer([:positive])}")
    intents = Keyword.get(options, :intents, Intents.privileged())
    {:ok, user, _app} = User.create_bot(node.instance, %{username: name, intents: intents})
    with_token(node, user)
  end

  @doc "Makes a person."
  def person(node, options \\ []) do
    name = Keyword.get(options, :username, "person#{System.unique_integer([:positive])}")
    {:ok, user} = User.create(node.instance, %{username: name})
    with_token(node, user)
  end

  defp with_token(node, user) do
    {:ok, token} = User.token(node.instance, user.id)
    %{id: user.id, token: token, user: user}
  end

  @doc "Makes a guild of these users and returns it with its first text channel."
  def guild(node, owner, members \\ []) do
    {:ok, guild} = Guild.create(node.instance, %{name: "guild", owner_id: owner.id})

    for member <- [owner | members] do
      {:ok, _member} = run(node, guild, :operator, {:add_member, member.id, %{}})
    end

    {:ok, guild} = run(node, guild, owner.id, {:get})
    {guild, Enum.find(Map.values(guild.channels), &(&1.type == 0))}
  end

  @doc "Writes a message and returns it."
  def post(node, author, channel, content) do
    command = {:create_message, channel.id, %{content: content}}
    {:ok, message} = Guild.run(node.instance, channel.guild_id, author.id, command)
    message
  end

  @doc "Has a guild do something."
  def run(node, guild, actor_id, command) do
    Guild.run(node.instance, guild.id, actor_id, command)
  end
end
