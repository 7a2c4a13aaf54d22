defmodule Guildhall.FullNode do
  @moduledoc false

  # A whole node as users start it, `{Guildhall, options}` with its defaults: the embedded store, the
  # limits and the listener on a port of its own. It ends with the test.
  #
  #     node = FullNode.start(tmp_dir)
  #     ada = FullNode.person(node)
  #     {guild_id, channel_id} = FullNode.guild(node, ada, [bob])
  #     {200, message} = FullNode.call(ada, :post, "/channels/#{channel_id}/messages", %{content: "hi"})
  #
  # A node is also one for `GatewayClient`; a caller has the keys of `ApiNode.call/5`.

  import Bitwise
  import ExUnit.Callbacks, only: [start_supervised!: 1]

  alias Guildhall.{ApiNode, GatewayClient, Guild, Http, Instance, User}
  alias Guildhall.Model.Intents

  @doc "Starts a node on the folder. The options are those of `Guildhall`."
  def start(folder, options \\ []) do
    instance = Module.concat(__MODULE__, "N#{System.unique_integer([:positive])}")
    options = Keyword.merge([name: instance, data: folder, port: 0], options)
    start_supervised!({Guildhall, options})
    %{instance: instance, port: Http.port(Instance.child(instance, :endpoint))}
  end

  @doc "Makes a person, who may call and connect."
  def person(node, name \\ "person") do
    {:ok, user} = User.create(node.instance, %{username: name})
    caller(node, user, "")
  end

  @doc "Makes a bot with all privileged intents."
  def bot(node, name \\ "bot") do
    attrs = %{username: name, intents: Intents.privileged()}
    {:ok, user, _application} = User.create_bot(node.instance, attrs)
    caller(node, user, "Bot ")
  end

  defp caller(node, user, prefix) do
    {:ok, token} = User.token(node.instance, user.id)
    %{node: node, token: token, authorization: prefix <> token, user: user, id: user.id}
  end

  @doc "Makes a guild of these callers; the first is its owner. Returns its id and a text channel's."
  def guild(node, owner, members \\ []) do
    {:ok, guild} = Guild.create(node.instance, %{name: "guild", owner_id: owner.id})

    for member <- members do
      {:ok, _member} =
        Guild.run(node.instance, guild.id, :operator, {:add_member, member.id, %{}})
    end

    {guild.id, guild.system_channel_id}
  end

  @doc "Calls the API: `{status, body}`."
  defdelegate call(caller, method, path, body \\ nil), to: ApiNode

  @doc """
  Connects to the gateway and reads up to and including a GUILD_CREATE of each guild.

  A bot has every intent, a person those that are not privileged.
  """
  def session(caller, guilds \\ 1, fields \\ []) do
    fields = Keyword.put_new(fields, :intents, intents(caller.user))

    {_ready, client} =
      caller.node |> GatewayClient.open() |> GatewayClient.identify(caller.token, fields)

    Enum.reduce(1..guilds//1, client, fn _nth, client ->
      {_guild, client} = GatewayClient.await(client, "GUILD_CREATE")
      client
    end)
  end

  defp intents(%{bot: true}), do: Intents.known()
  defp intents(_person), do: Intents.known() &&& bnot(Intents.privileged())
end
