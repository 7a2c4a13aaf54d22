defmodule Guildhall.Gateway.RightsPropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.{FullNode, GatewayClient}
  alias Guildhall.Model.Intents
  alias Guildhall.Rights.{Scene, Standing, World}

  # The events that a session gets in the random guilds of `Guildhall.Rights.Scene`, on a whole node: the
  # channels, voice states and messages that its user sees, and no others; and which voice channel it may join.

  @tag timeout: 600_000
  property "a session is told what its user sees" do
    folder = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-rights-gateway")
    on_exit(fn -> File.rm_rf!(folder) end)
    world = World.start(folder)

    forall scene <- Scene.scene(), share: 20 do
      :rand.seed(:exsss, :erlang.phash2(scene))
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
    {voice, events, client} = speak(world, client)
    rename(world)
    {more, _client} = until(client, &renamed?/1)
    events = events ++ more

    posted = for %{"t" => "MESSAGE_CREATE", "d" => data} <- events, do: data["channel_id"]
    assert Enum.sort(posted) == Enum.sort(texts -- texts -- visible)

    own = actor(world)

    states =
      for %{"t" => "VOICE_STATE_UPDATE", "d" => %{"user_id" => ^own} = data} <- events, do: data

    expected = if may?(world, voice, [:view_channel, :connect]), do: [voice["id"]], else: []
    assert for(state <- states, do: state["channel_id"]) == expected
  end

  # Asks for a voice channel. The answer to the next request comes when the room knows of it.
  defp speak(world, client) do
    voice =
      Enum.random(for {_id, %{"type" => 2} = channel} <- world.snapshot["channels"], do: channel)

    client =
      GatewayClient.send_op(client, 4, %{guild_id: world.guild_id, channel_id: voice["id"]})

    request = %{guild_id: world.guild_id, user_ids: [actor(world)]}
    client = GatewayClient.send_op(client, 8, request)
    {events, client} = until(client, &(&1["t"] == "GUILD_MEMBERS_CHUNK"))
    {voice, events, client}
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

  defp sees?(world, channel), do: may?(world, channel, :view_channel)

  defp may?(world, channel, names) do
    world.snapshot |> Standing.channel(channel, actor(world)) |> Standing.has?(names)
  end

  defp post(world, id) do
    body = %{content: "hello"}
    {200, _message} = FullNode.call(world.users.owner, :post, "/channels/#{id}/messages", body)
  end

  # Everyone in the guild is told of its new name, after all that came before.
  defp rename(world) do
    body = %{name: "renamed"}
    {200, _guild} = FullNode.call(world.users.owner, :patch, "/guilds/#{world.guild_id}", body)
  end

  defp renamed?(payload),
    do: match?(%{"t" => "GUILD_UPDATE", "d" => %{"name" => "renamed"}}, payload)

  # The events before a payload, in order.
  defp until(client, last?, payloads \\ []) do
    {payload, client} = GatewayClient.recv(client)

    if last?.(payload),
      do: {Enum.reverse(payloads), client},
      else: until(client, last?, [payload | payloads])
  end

  defp created(client, id) do
    case GatewayClient.await(client, "GUILD_CREATE") do
      {%{"id" => ^id} = guild, client} -> {guild, client}
      {_other, client} -> created(client, id)
    end
  end

  defp ids(objects), do: for(object <- objects, do: object["id"])
end
