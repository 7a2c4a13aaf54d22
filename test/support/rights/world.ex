defmodule Guildhall.Rights.World do
  @moduledoc false

  # A node with users, for requests of one of them in one guild after the other: what the guild's owner
  # sees by REST and hears from the gateway before and after each.

  alias Guildhall.{FullNode, GatewayClient, Guild, HttpClient, Payload}
  alias Guildhall.Model.Intents
  alias Guildhall.Rights.{Scene, Standing}

  defstruct [:node, :users, :dm, :foreign_dm, :session, :voice_session] ++
              [:http, :guild_id, :marker_id, :snapshot, voice: %{}]

  @doc "Starts a node on the folder, with the users that scenes have."
  def start(folder) do
    node = FullNode.start(folder, rate_limits: false)
    bots = for name <- [:owner, :actor], into: %{}, do: {name, FullNode.bot(node, "#{name}")}
    people = [:target, :other, :stranger, :banned]
    people = for name <- people, into: %{}, do: {name, FullNode.person(node, "#{name}")}
    users = Map.merge(bots, people)
    [dm, foreign] = for name <- [:actor, :owner], do: dm(node, users[name], users.target)
    %__MODULE__{node: node, users: users, dm: dm, foreign_dm: foreign}
  end

  defp dm(node, one, other) do
    {:ok, channel} = Guild.open_dm(node.instance, one.id, other.id)
    id = to_string(channel.id)

    for user <- [one, other],
        do: {200, _} = FullNode.call(user, :post, "/channels/#{id}/messages", %{content: "dm"})

    id
  end

  @doc "Connects the owner, who is told everything but presences, and the target, for voice channels."
  def connect(%__MODULE__{users: users} = world) do
    intents = Intents.known() - Intents.bit(:guild_presences)
    session = FullNode.session(users.owner, 0, intents: intents)
    intents = Intents.bit(:guilds) + Intents.bit(:guild_voice_states)
    voice = FullNode.session(users.target, 0, intents: intents)
    %{world | session: session, voice_session: voice}
  end

  @doc "Makes the scene's guild, with messages, a ban, and the target in a voice channel."
  def enter(%__MODULE__{node: node, users: users} = world, scene) do
    made = Scene.build(node.instance, users, scene)
    {world, http} = {%{world | voice: %{}}, HttpClient.connect(node.port)}
    world = %{world | guild_id: "#{made.guild_id}", marker_id: "#{made.marker_id}", http: http}
    run = &Guild.run(node.instance, made.guild_id, &1, &2)
    :ok = run.(:operator, {:ban, users.banned.id, %{}})
    {:ok, channels} = run.(:operator, {:channels})
    for %{type: 0, id: id} <- channels, id != made.marker_id, do: post(run, users, id)
    world = world |> attached() |> look()
    {_events, world} = world |> join() |> events()
    %{world | snapshot: %{world.snapshot | "voice" => world.voice}}
  end

  # Those who may not, do not.
  defp post(run, users, channel_id) do
    thumb = {:add_reaction, channel_id, nil, %{id: nil, name: "👍"}}

    for name <- [:owner, :actor, :target],
        message = {:create_message, channel_id, %{content: "#{name}"}},
        {:ok, %{id: id}} <- [run.(users[name].id, message)] do
      run.(users.target.id, put_elem(thumb, 2, id))
      if name == :owner, do: run.(:operator, {:pin, channel_id, id})
    end
  end

  defp attached(world) do
    session = created(world.session, world.guild_id)
    %{world | session: session, voice_session: created(world.voice_session, world.guild_id)}
  end

  defp created(client, id) do
    case GatewayClient.await(client, "GUILD_CREATE") do
      {%{"id" => ^id}, client} -> client
      {_other, client} -> created(client, id)
    end
  end

  # The answer to the second request comes when the room knows of the first one.
  defp join(world) do
    voice = %{guild_id: world.guild_id, channel_id: enterable(world)}
    client = GatewayClient.send_op(world.voice_session, 4, voice)
    query = %{guild_id: world.guild_id, user_ids: ["1"], nonce: world.guild_id}
    client = GatewayClient.send_op(client, 8, query)
    %{world | voice_session: chunk(client, world.guild_id)}
  end

  # A voice channel that the target may join, nil if there is none.
  defp enterable(%{snapshot: snapshot, users: users}) do
    target = to_string(users.target.id)

    Enum.find_value(snapshot["channels"], fn {id, channel} ->
      permissions = Standing.channel(snapshot, channel, target)
      if channel["type"] == 2 and Standing.has?(permissions, [:view_channel, :connect]), do: id
    end)
  end

  defp chunk(client, nonce) do
    case GatewayClient.await(client, "GUILD_MEMBERS_CHUNK") do
      {%{"nonce" => ^nonce}, client} -> client
      {_other, client} -> chunk(client, nonce)
    end
  end

  @doc "Deletes the guild, and closes all connections."
  def leave(%__MODULE__{node: node} = world) do
    for http <- [world.http, world.session.http, world.voice_session.http],
        do: HttpClient.close(http)

    :ok = Guild.run(node.instance, String.to_integer(world.guild_id), :operator, {:delete_guild})
  end

  @doc "A request of one of the users: `{status, body, world}`."
  def call(%__MODULE__{} = world, user, method, path, body) do
    headers = [{"authorization", world.users[user].authorization}]
    json = if body == nil, do: "", else: Payload.encode!(body)
    headers = if body == nil, do: headers, else: [{"content-type", "application/json"} | headers]
    {response, http} = HttpClient.request(world.http, method, "/api/v10" <> path, headers, json)
    {response.status, decode(response.body), %{world | http: http}}
  end

  defp decode(""), do: nil

  defp decode(body) do
    {:ok, term} = Payload.decode(body)
    term
  end

  @doc "What the guild's owner was told since the last time: `{types, world}`."
  def events(%__MODULE__{} = world) do
    path = "/channels/#{world.marker_id}/messages"
    {200, %{"id" => id}, world} = call(world, :owner, "POST", path, %{content: "marker"})
    until(world, id, [])
  end

  defp until(world, id, types) do
    {payload, session} = GatewayClient.recv(world.session)
    world = %{world | session: session}

    case payload do
      %{"t" => "MESSAGE_CREATE", "d" => %{"id" => ^id}} ->
        {Enum.reverse(types), world}

      %{"t" => "VOICE_STATE_UPDATE" = type, "d" => data} ->
        until(voice(world, data), id, [type | types])

      %{"op" => 0, "t" => type} ->
        until(world, id, [type | types])

      %{"op" => _other} ->
        until(world, id, types)
    end
  end

  defp voice(%{guild_id: guild_id} = world, %{"guild_id" => guild_id} = data) do
    %{world | voice: Map.put(world.voice, data["user_id"], data["channel_id"])}
  end

  defp voice(world, _data), do: world

  @doc "Reads everything that the guild's owner, and of direct messages their users, can read."
  def look(%__MODULE__{guild_id: guild_id} = world) do
    guild = "/guilds/#{guild_id}"
    {shown, world} = get(world, :owner, guild)
    {channels, world} = get(world, :owner, guild <> "/channels")
    {roles, world} = get(world, :owner, guild <> "/roles")
    {members, world} = get(world, :owner, guild <> "/members?limit=1000")
    {bans, world} = get(world, :owner, guild <> "/bans")
    channels = Enum.reject(channels, &(&1["id"] == world.marker_id))
    texts = for %{"id" => id, "type" => type} <- channels, type != 4, do: {:owner, id}
    dms = [{:target, world.dm}, {:target, world.foreign_dm}]
    {messages, world} = Enum.map_reduce(texts ++ dms, world, &messages/2)

    snapshot = %{
      "guild" => shown,
      "channels" => by_id(channels),
      "roles" => by_id(roles),
      "members" => Map.new(members, &{&1["user"]["id"], &1}),
      "bans" => for(ban <- bans, do: ban["user"]["id"]),
      "messages" => Map.new(messages),
      "voice" => world.voice
    }

    %{world | snapshot: snapshot}
  end

  # The messages of a channel, with who reacted to each.
  defp messages({reader, id}, world) do
    path = "/channels/#{id}/messages"
    {messages, world} = get(world, reader, path <> "?limit=100")

    {messages, world} =
      Enum.map_reduce(messages, world, fn message, world ->
        reacted(message, world, reader, "#{path}/#{message["id"]}/reactions")
      end)

    {{id, by_id(messages)}, world}
  end

  defp reacted(message, world, reader, path) do
    {users, world} =
      Enum.flat_map_reduce(message["reactions"] || [], world, fn %{"emoji" => %{"name" => name}},
                                                                 world ->
        {users, world} = get(world, reader, "#{path}/#{URI.encode(name)}")
        {for(user <- users, do: {name, user["id"]}), world}
      end)

    {Map.put(message, "reacted", users), world}
  end

  defp get(world, reader, path) do
    {200, shown, world} = call(world, reader, "GET", path, nil)
    {shown, world}
  end

  defp by_id(objects), do: Map.new(objects, &{&1["id"], &1})
end
