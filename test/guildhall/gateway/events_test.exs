defmodule Guildhall.Gateway.EventsTest do
  use ExUnit.Case, async: true

  # What happens in rooms, as it reaches a client.

  alias Guildhall.{GatewayClient, Guild, Instance, TestNode}

  setup do
    node = TestNode.start()
    [bot, other] = for _n <- 1..2, do: TestNode.bot(node)
    {guild, channel} = TestNode.guild(node, bot, [other])
    client = GatewayClient.session(node, bot)
    run = &TestNode.run(node, guild, other.id, &1)

    %{
      node: node,
      bot: bot,
      other: other,
      guild: guild,
      channel: channel,
      client: client,
      run: run
    }
  end

  test "messages: create, update, delete", context do
    %{node: node, bot: bot, other: other, guild: guild, channel: channel, run: run} = context
    message = TestNode.post(node, other, channel, "hello <@#{bot.id}>")

    {data, client} = GatewayClient.await(context.client, "MESSAGE_CREATE")
    assert data["id"] == "#{message.id}"
    assert data["channel_id"] == "#{channel.id}"
    assert data["guild_id"] == "#{guild.id}"
    assert data["author"]["id"] == "#{other.id}"
    assert data["member"]["roles"] == []
    refute Map.has_key?(data["member"], "user")
    assert [%{"id" => mentioned, "member" => %{"roles" => []}}] = data["mentions"]
    assert mentioned == "#{bot.id}"

    {:ok, _message} = run.({:edit_message, channel.id, message.id, %{content: "edited"}})
    {data, client} = GatewayClient.await(client, "MESSAGE_UPDATE")
    assert %{"content" => "edited", "edited_timestamp" => edited, "timestamp" => _} = data
    assert is_binary(edited)

    run.({:delete_message, channel.id, message.id})
    {data, _client} = GatewayClient.await(client, "MESSAGE_DELETE")

    assert data == %{
             "id" => "#{message.id}",
             "channel_id" => "#{channel.id}",
             "guild_id" => "#{guild.id}"
           }
  end

  test "reactions and typing", context do
    %{node: node, other: other, channel: channel, run: run} = context
    message = TestNode.post(node, other, channel, "hello")
    fire = %{id: nil, name: "🔥"}

    run.({:add_reaction, channel.id, message.id, fire})
    {data, client} = GatewayClient.await(context.client, "MESSAGE_REACTION_ADD")
    assert data["user_id"] == "#{other.id}"
    assert data["emoji"]["name"] == "🔥"
    assert data["member"]["user"]["id"] == "#{other.id}"

    run.({:remove_reaction, channel.id, message.id, fire, other.id})
    {_data, client} = GatewayClient.await(client, "MESSAGE_REACTION_REMOVE")

    run.({:typing, channel.id})
    {data, _client} = GatewayClient.await(client, "TYPING_START")
    assert data["user_id"] == "#{other.id}"
    assert is_integer(data["timestamp"])
  end

  test "direct messages, of a channel that is there and of a new one", context do
    %{node: node, bot: bot, client: client} = context
    person = TestNode.person(node)
    {:ok, channel} = Guild.open_dm(node.instance, person.id, bot.id)
    {:ok, _message} = say(node, channel, person, "new")
    {data, client} = GatewayClient.await(client, "MESSAGE_CREATE")
    assert data["content"] == "new"
    refute Map.has_key?(data, "guild_id")
    GatewayClient.close(client, 1000)

    client = GatewayClient.session(node, bot)
    {:ok, _message} = say(node, channel, person, "old")
    assert {%{"content" => "old"}, _client} = GatewayClient.await(client, "MESSAGE_CREATE")
  end

  test "a guild that is joined and left", context do
    %{node: node, bot: bot, other: other, client: client} = context
    {guild, channel} = TestNode.guild(node, other)
    {:ok, _member} = TestNode.run(node, guild, :operator, {:add_member, bot.id, %{}})
    {data, client} = GatewayClient.await(client, "GUILD_CREATE")
    assert data["id"] == "#{guild.id}"

    TestNode.run(node, guild, other.id, {:remove_member, bot.id})
    {data, client} = GatewayClient.await(client, "GUILD_DELETE")
    assert data["id"] == "#{guild.id}"
    refute data["unavailable"]

    TestNode.post(node, other, channel, "unseen")
    {:ok, _member} = TestNode.run(node, guild, :operator, {:add_member, bot.id, %{}})
    {_data, client} = GatewayClient.await(client, "GUILD_CREATE")
    TestNode.post(node, other, channel, "seen")
    assert {%{"content" => "seen"}, _client} = GatewayClient.await(client, "MESSAGE_CREATE")
  end

  test "a room that crashes comes back by itself, and nothing after it is missed", context do
    %{node: node, bot: bot, guild: guild, channel: channel, client: client} = context
    kill_room(node, guild)

    {%{"id" => id, "unavailable" => true}, client} = GatewayClient.await(client, "GUILD_DELETE")
    assert id == "#{guild.id}"
    {%{"id" => ^id, "unavailable" => false}, client} = GatewayClient.await(client, "GUILD_CREATE")

    TestNode.post(node, bot, channel, "again")
    assert {%{"content" => "again"}, _client} = GatewayClient.await(client, "MESSAGE_CREATE")
  end

  defp say(node, channel, author, content) do
    Guild.run(
      node.instance,
      channel.id,
      author.id,
      {:create_message, channel.id, %{content: content}}
    )
  end

  defp kill_room(node, guild) do
    [{pid, _gate}] =
      Guildhall.PartitionedRegistry.lookup(
        Instance.child(node.instance, :guild_registry),
        guild.id
      )

    ref = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^ref, :process, ^pid, :killed}
  end
end
