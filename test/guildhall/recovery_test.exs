defmodule Guildhall.RecoveryTest do
  use ExUnit.Case, async: true

  # How a node goes on after a crash. What a crash of each process costs is in `crash_test.exs`.

  alias Guildhall.{
    ApiNode,
    Events,
    FullNode,
    GatewayClient,
    Guild,
    Instance,
    Partitions,
    PartitionedRegistry,
    Relay
  }

  @moduletag :tmp_dir
  @moduletag :capture_log

  setup context do
    node = FullNode.start(context.tmp_dir)
    %{node: node, ada: FullNode.bot(node, "ada"), bob: FullNode.bot(node, "bob")}
  end

  test "commands answer 503 until the store is back, and no session ends", context do
    %{node: node, ada: ada} = context
    {guild_id, channel_id} = FullNode.guild(node, ada)
    client = FullNode.session(ada)
    client_of_other = FullNode.session(member(context.bob, guild_id))
    path = "/channels/#{channel_id}/messages"
    uncached = FullNode.bot(node)
    root = Process.whereis(Instance.child(node.instance, :supervisor))

    # The supervisor does not restart it before the test allows it.
    :ok = :sys.suspend(root)
    kill(Process.whereis(Instance.child(node.instance, :store)))

    response = ApiNode.request(ada, :post, path, %{content: "lost"})
    assert response.status == 503
    assert ApiNode.header(response, "retry-after") == "1"

    # A client that is told that its token is wrong never comes back.
    assert %{status: 503} = ApiNode.request(uncached, :get, "/users/@me")

    :ok = :sys.resume(root)
    until(fn -> match?({200, _message}, FullNode.call(ada, :post, path, %{content: "kept"})) end)
    {%{"unavailable" => true}, client} = GatewayClient.await(client, "GUILD_DELETE")
    {_guild, client} = GatewayClient.await(client, "GUILD_CREATE")
    {_guild, other} = GatewayClient.await(client_of_other, "GUILD_CREATE")

    {:ok, _message} = post(node, guild_id, channel_id, ada.id, "again")
    assert {%{"content" => "again"}, _client} = await_content(client, "again")
    assert {%{"content" => "again"}, _other} = await_content(other, "again")
  end

  test "a room that crashes again and again is restarted with back-off", context do
    %{node: node, ada: ada} = context
    {guild_id, channel_id} = FullNode.guild(node, ada)
    client = FullNode.session(ada)
    path = "/channels/#{channel_id}/messages"

    supervisor =
      Process.whereis(Partitions.name(Guild.Rooms.supervisors(node.instance), guild_id))

    Events.listen()

    kill(room(node, guild_id))
    assert_receive {:event, [:guildhall, :guild, :crash], %{pause: 0}, %{room_id: ^guild_id}}
    until(fn -> match?({200, _message}, FullNode.call(ada, :post, path, %{content: "one"})) end)

    kill(room(node, guild_id))
    assert_receive {:event, [:guildhall, :guild, :crash], %{pause: 500}, %{room_id: ^guild_id}}
    response = ApiNode.request(ada, :post, path, %{content: "two"})
    assert {response.status, ApiNode.header(response, "retry-after")} == {503, "1"}
    until(fn -> match?({200, _message}, FullNode.call(ada, :post, path, %{content: "three"})) end)

    kill(room(node, guild_id))
    assert_receive {:event, [:guildhall, :guild, :crash], %{pause: 1_000}, %{room_id: ^guild_id}}
    assert Process.alive?(supervisor)

    # The session keeps asking, and has its guild again at last.
    until(fn -> PartitionedRegistry.lookup(registry(node), guild_id) != [] end)
    {:ok, _message} = post(node, guild_id, channel_id, ada.id, "four")
    assert {%{}, _client} = seen(client, node, {guild_id, channel_id, ada.id})
  end

  test "nobody sees a user go whose relay crashed", context do
    %{node: node, ada: ada} = context
    {guild_id, channel_id} = FullNode.guild(node, ada)
    {:ok, guild} = Guild.run(node.instance, guild_id, ada.id, {:get})
    voice = Enum.find(Map.values(guild.channels), &(&1.type == 2)).id
    other = FullNode.session(member(context.bob, guild_id))
    relay = Relay.for(node.instance, other.session_id)
    # Someone with another relay.
    {carol, client} = elsewhere(node, guild_id, relay)

    client =
      GatewayClient.send_op(client, 4, %{
        guild_id: "#{guild_id}",
        channel_id: "#{voice}",
        self_mute: false,
        self_deaf: false
      })

    {_state, client} = GatewayClient.await(client, "VOICE_STATE_UPDATE")
    {%{"channel_id" => _channel}, other} = GatewayClient.await(other, "VOICE_STATE_UPDATE")

    kill(Relay.for(node.instance, client.session_id))
    {%{"voice_states" => states, "presences" => presences}, client} = returned(client)
    assert [%{"user_id" => _id}] = states
    assert Enum.any?(presences, &(&1["user"]["id"] == "#{carol.id}" and &1["status"] == "online"))

    {:ok, _message} = post(node, guild_id, channel_id, ada.id, "mark")
    refute "VOICE_STATE_UPDATE" in types(other, "mark", [])
    {%{"content" => "mark"}, _client} = await_content(client, "mark")
  end

  test "a user whose session dies with its relay is seen to go after a while", context do
    %{node: node, ada: ada} = context
    {guild_id, _channel_id} = FullNode.guild(node, ada)
    other = slow_session(member(context.bob, guild_id))
    relay = Relay.for(node.instance, other.session_id)
    {carol, client} = elsewhere(node, guild_id, relay)
    {:ok, session} = session(node, client)

    kill(Relay.for(node.instance, client.session_id))
    kill(session)
    assert offline(other, "#{carol.id}")
  end

  defp offline(client, user_id) do
    case GatewayClient.await(client, "PRESENCE_UPDATE") do
      {%{"status" => "offline", "user" => %{"id" => ^user_id}}, _client} -> true
      {_other, client} -> offline(client, user_id)
    end
  end

  # Reads for longer than a room keeps sessions whose relay crashed.
  defp slow_session(bot) do
    client = GatewayClient.dial(bot.node, "?v=10&encoding=json", timeout: 15_000)
    {%{"op" => 10}, client} = GatewayClient.recv(client)
    {_ready, client} = GatewayClient.identify(client, bot.token)
    {_guild, client} = GatewayClient.await(client, "GUILD_CREATE")
    client
  end

  defp session(node, client) do
    registry = Guildhall.Session.Supervisor.registry(node.instance)
    [{pid, _user_id}] = PartitionedRegistry.lookup(registry, client.session_id)
    {:ok, pid}
  end

  defp elsewhere(node, guild_id, relay) do
    bot = node |> FullNode.bot("carol") |> member(guild_id)
    client = FullNode.session(bot)

    if Relay.for(node.instance, client.session_id) == relay do
      GatewayClient.close(client, 1000)
      elsewhere(node, guild_id, relay)
    else
      {bot, client}
    end
  end

  defp returned(client) do
    {%{"unavailable" => true}, client} = GatewayClient.await(client, "GUILD_DELETE")
    GatewayClient.await(client, "GUILD_CREATE")
  end

  # The types of the events about others before the message.
  defp types(client, content, types) do
    case GatewayClient.recv(client) do
      {%{"t" => "MESSAGE_CREATE", "d" => %{"content" => ^content}}, _client} ->
        types

      {%{"t" => "PRESENCE_UPDATE", "d" => data}, client} ->
        assert data["status"] == "online"
        types(client, content, types)

      {%{"t" => type}, client} ->
        types(client, content, [type | types])
    end
  end

  # Posts until the session has a message: it may be away while one is posted.
  defp seen(client, node, {guild_id, channel_id, user_id} = place) do
    case GatewayClient.recv(client) do
      {%{"t" => "MESSAGE_CREATE", "d" => %{"content" => "five"} = message}, client} ->
        {message, client}

      {%{"t" => "GUILD_CREATE"}, client} ->
        _result = post(node, guild_id, channel_id, user_id, "five")
        seen(client, node, place)

      {_event, client} ->
        seen(client, node, place)
    end
  end

  defp await_content(client, content) do
    case GatewayClient.await(client, "MESSAGE_CREATE") do
      {%{"content" => ^content}, _client} = found -> found
      {_other, client} -> await_content(client, content)
    end
  end

  defp member(caller, guild_id) do
    {:ok, _member} =
      Guild.run(caller.node.instance, guild_id, :operator, {:add_member, caller.id, %{}})

    caller
  end

  defp post(node, guild_id, channel_id, user_id, content) do
    Guild.run(
      node.instance,
      guild_id,
      user_id,
      {:create_message, channel_id, %{content: content}}
    )
  end

  defp registry(node), do: Guild.Rooms.registry(node.instance)

  defp room(node, guild_id) do
    [{pid, _gate}] = PartitionedRegistry.lookup(registry(node), guild_id)
    pid
  end

  defp kill(pid) do
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^monitor, :process, ^pid, _reason}, 5_000
  end

  # Asks again and again, since processes that are restarted tell nobody.
  defp until(fun, left \\ 250) do
    unless fun.() do
      assert left > 0, "it did not come to that"

      receive do
      after
        20 -> until(fun, left - 1)
      end
    end
  end
end
