defmodule Guildhall.Gateway.RightsPropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.{FullNode, GatewayClient}
  alias Guildhall.Model.Intents
  alias Guildhall.Rights.{Scene, Standing, World}

  # What a session is told in the random guilds of `Guildhall.Rights.Scene`, on a whole node: the
  # channels, voice states and messages that its user sees, and no others.

  @tag timeout: 600_000
  property "a session is told what its user sees" do
    folder = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-rights-gateway")
    on_exit(fn -> File.rm_rf!(folder) end)
    world = World.start(folder)

    forall scene <- Scene.scene(), share: 20 do
      world = world |> World.connect() |> World.enter(scene)
      intents = Intents.known() - Intents.bit(:guild_presences) - Intents.bit(:guild_members)
      client = FullNode.session(world.users.actor, 0, intents: intents)
      if member?(world), do: told(world, client), else: stranger(world, client)
      World.leave(world)
    end
  end

  defp member?(world), do: is_map_key(world.snapshot["members"], actor(world))
  defp actor(world), do: to_string(world.users.actor.id)

  defp told(world, client) do
    {guild, client} = created(client, world.guild_id)

    visible =
      Enum.sort(for {id, channel} <- world.snapshot["channels"], sees?(world, channel), do: id)

    assert Enum.sort(ids(guild["channels"]) -- [world.marker_id]) == visible

    # Without presences a client is shown itself and who is in a voice channel that it sees.
    voices = for {user, channel} <- world.voice, channel in visible, do: user
    assert for(voice <- guild["voice_states"], do: voice["user_id"]) == voices
    members = for member <- guild["members"], do: member["user"]["id"]
    assert Enum.sort(members) == Enum.sort([actor(world) | voices])

    texts = for {id, %{"type" => type}} <- world.snapshot["channels"], type != 4, do: id
    for id <- texts, do: post(world, id)
    assert Enum.sort(posted(world, client)) == Enum.sort(texts -- texts -- visible)
  end

  defp stranger(world, client) do
    {200, channel} = FullNode.call(world.users.target, :get, "/channels/#{world.dm}")
    path = "/channels/#{channel["id"]}/messages"
    {200, _message} = FullNode.call(world.users.target, :post, path, %{content: "after it"})
    assert only_direct?(client, channel["id"])
  end

  # Nothing of the guild comes before a direct message that is later than the guild.
  defp only_direct?(client, dm) do
    case GatewayClient.recv(client) do
      {%{"t" => "MESSAGE_CREATE", "d" => %{"channel_id" => ^dm}}, _client} -> true
      {%{"d" => %{"guild_id" => _id}}, _client} -> false
      {%{"t" => "GUILD_CREATE"}, _client} -> false
      {_other, client} -> only_direct?(client, dm)
    end
  end

  defp sees?(world, channel) do
    permissions = Standing.channel(world.snapshot, channel, actor(world))
    Standing.has?(permissions, :view_channel)
  end

  defp post(world, id) do
    body = %{content: "hello"}
    {200, _message} = FullNode.call(world.users.owner, :post, "/channels/#{id}/messages", body)
  end

  # Where messages came from before everyone is told of the guild's new name.
  defp posted(world, client) do
    {200, _guild} =
      FullNode.call(world.users.owner, :patch, "/guilds/#{world.guild_id}", %{name: "renamed"})

    collect(client, [])
  end

  defp collect(client, ids) do
    case GatewayClient.recv(client) do
      {%{"t" => "GUILD_UPDATE", "d" => %{"name" => "renamed"}}, _client} ->
        ids

      {%{"t" => "MESSAGE_CREATE", "d" => message}, client} ->
        collect(client, [message["channel_id"] | ids])

      {_other, client} ->
        collect(client, ids)
    end
  end

  defp created(client, id) do
    case GatewayClient.await(client, "GUILD_CREATE") do
      {%{"id" => ^id} = guild, client} -> {guild, client}
      {_other, client} -> created(client, id)
    end
  end

  defp ids(objects), do: for(object <- objects, do: object["id"])
end
