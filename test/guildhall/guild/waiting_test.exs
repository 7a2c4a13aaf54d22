defmodule Guildhall.Guild.WaitingTest do
  use ExUnit.Case, async: true

  # A room never waits: on a whole node, with real sockets. What a room needs from the store comes to
  # it in messages, and a store that is stuck costs its callers an error and no session.

  alias Guildhall.{
    FailingStore,
    FullNode,
    GatewayClient,
    Guild,
    Instance,
    Outbox,
    PartitionedRegistry,
    Relay,
    Telemetry
  }

  alias Guildhall.Guild.{Gate, Rooms}
  alias Guildhall.Model.{Intents, Member, Presence, User}
  alias Guildhall.Relay.Subscriber

  @moduletag :tmp_dir
  @moduletag timeout: 120_000

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    [owner, ada] = [FullNode.person(node, "owner"), FullNode.bot(node, "ada")]
    {guild_id, channel_id} = FullNode.guild(node, owner, [ada])
    %{node: node, owner: owner, ada: ada, guild_id: guild_id, channel_id: channel_id}
  end

  defp say(context, caller, content) do
    FullNode.call(caller, :post, "/channels/#{context.channel_id}/messages", %{content: content})
  end

  describe "without ids" do
    setup context do
      session = FullNode.session(context.ada)
      {200, _message} = say(context, context.owner, "before")
      {_message, session} = GatewayClient.await(session, "MESSAGE_CREATE")
      store = Instance.child(context.node.instance, :store)
      :ok = :sys.suspend(store)
      :atomics.put(Instance.fetch!(context.node.instance, :ids).numbers, 2, 0)
      Map.merge(context, %{session: session, store: store})
    end

    test "a room refuses posts, answers everything else, and keeps its sessions", context do
      post = Task.async(fn -> say(context, context.owner, "refused") end)
      path = "/guilds/#{context.guild_id}"

      # While the post's caller waits for ids, the room works.
      for _nth <- 1..20 do
        {time, {200, _guild}} = :timer.tc(fn -> FullNode.call(context.ada, :get, path) end)
        assert time < 1_000_000
      end

      assert {503, %{"message" => _text}} = Task.await(post, 10_000)
      :ok = :sys.resume(context.store)

      assert {200, _message} = say(context, context.owner, "after")
      # No GUILD_DELETE: the room is the same one.
      assert {%{"t" => "MESSAGE_CREATE", "d" => %{"content" => "after"}}, _session} =
               GatewayClient.recv(context.session)
    end

    test "a caller that creates something gets an answer as well", context do
      body = %{recipient_id: Integer.to_string(context.ada.id)}
      assert {503, _error} = FullNode.call(context.owner, :post, "/users/@me/channels", body)
      :ok = :sys.resume(context.store)
      assert {200, _channel} = FullNode.call(context.owner, :post, "/users/@me/channels", body)
    end
  end

  # Sessions of the test's process; without intents they are sent no guild.
  defp attach(context, user_ids, intents \\ 0) do
    instance = context.node.instance
    pid = self()

    # Many at a time, since each reads the row of its member.
    user_ids
    |> Stream.with_index()
    |> Stream.chunk_every(50)
    |> Task.async_stream(
      fn some ->
        for {user_id, nth} <- some do
          id = "herd-#{nth}-#{System.unique_integer([:positive])}"

          subscriber = %Subscriber{
            session_id: id,
            pid: pid,
            relay: Relay.for(instance, id),
            outbox: Outbox.new(),
            user_id: user_id,
            intents: intents
          }

          Guild.attach(instance, context.guild_id, subscriber, %Presence{status: :online}, 50)
        end
      end,
      max_concurrency: 50,
      timeout: :infinity
    )
    |> Stream.run()
  end

  # A guild with 10,100 members beside its owner, whose room does not run yet.
  defp crowd(context) do
    {guild_id, channel_id} = FullNode.guild(context.node, context.owner)

    members =
      Stream.map(1..10_100, &%Member{user: %User{id: &1, username: "m#{&1}"}, joined_at: &1})

    {:ok, 10_100} = Guild.import_members(context.node.instance, guild_id, members)
    %{context | guild_id: guild_id, channel_id: channel_id}
  end

  defp await_attached(_guild_id, 0), do: :ok

  defp await_attached(guild_id, left) do
    assert_receive {Relay, :attached, ^guild_id}, 30_000
    await_attached(guild_id, left - 1)
  end

  defp room(context) do
    [{pid, gate}] =
      PartitionedRegistry.lookup(Rooms.registry(context.node.instance), context.guild_id)

    {pid, gate}
  end

  test "a write that fails is survived with more than 10,000 members online", context do
    %{node: %{instance: instance}, owner: owner} = context
    %{guild_id: guild_id} = context = crowd(context)
    count = 10_100
    session = FullNode.session(owner, 2)
    attach(context, 1..count)
    await_attached(guild_id, count)
    {pid, _gate} = room(context)

    FailingStore.install(instance)
    FailingStore.fail(instance, true)
    path = "/guilds/#{guild_id}"
    assert {503, _error} = FullNode.call(owner, :patch, path, %{name: "refused"})
    member = "/guilds/#{guild_id}/members/#{count}"
    assert {503, _error} = FullNode.call(owner, :patch, member, %{nick: "refused"})
    FailingStore.fail(instance, false)

    assert {200, %{"name" => "guild"}} = FullNode.call(owner, :get, path)
    assert {200, %{"nick" => nil}} = FullNode.call(owner, :get, member)
    assert {200, _guild} = FullNode.call(owner, :patch, path, %{name: "changed"})
    # The room is the same one, and keeps its sessions.
    assert {%{"t" => "GUILD_UPDATE", "d" => %{"name" => "changed"}}, _session} =
             GatewayClient.recv(session)

    assert {^pid, _gate} = room(context)
    refute_received {Relay, :room_down, ^guild_id}
  end

  describe "a herd of sessions that attach" do
    test "refuses no command", context do
      context = crowd(context)
      {200, _message} = say(context, context.owner, "the room runs")
      {pid, _gate} = room(context)
      :ok = :sys.suspend(pid)
      attach(context, 1..10_050)
      post = Task.async(fn -> say(context, context.owner, "hello") end)
      until_waiting(pid, post)
      :ok = :sys.resume(pid)
      assert {200, _message} = Task.await(post, 20_000)

      # The herd has a bound of its own.
      await_attached(context.guild_id, 10_000)
      for _nth <- 1..50, do: assert_received({Guild, :refused, _guild_id, :overloaded})
    end

    test "holds no command up until all of it is served", context do
      context = crowd(context)
      {200, _message} = say(context, context.owner, "the room runs")
      {pid, gate} = room(context)
      :ok = :sys.suspend(pid)
      attach(context, 1..2_000, Intents.known())
      post = Task.async(fn -> say(context, context.owner, "hello") end)
      until_waiting(pid, post)
      :ok = :sys.resume(pid)
      assert {200, _message} = Task.await(post, 20_000)
      assert Gate.waiting(gate) > 200
      await_attached(context.guild_id, 2_000)
    end

    test "comes in while more commands wait than may", context do
      {200, _message} = say(context, context.owner, "the room runs")
      {pid, gate} = room(context)
      :ok = :sys.suspend(pid)
      for _nth <- 1..10_000, do: :ok = Gate.enter(gate, :infinity)
      assert {503, _error} = say(context, context.owner, "refused")
      attach(context, [context.ada.id])
      :ok = :sys.resume(pid)
      await_attached(context.guild_id, 1)
      for _nth <- 1..10_000, do: Gate.leave(gate)
    end
  end

  test "presences have a bound, and the last one of a user is never lost", context do
    test = self()
    tell = fn _path, _measurements, metadata -> send(test, {:refused, metadata}) end
    :ok = Telemetry.attach({__MODULE__, test}, [[:guildhall, :guild, :refusal]], tell)
    on_exit(fn -> Telemetry.detach({__MODULE__, test}) end)
    session = FullNode.session(context.ada)
    bob = FullNode.bot(context.node, "bob")

    {:ok, _member} =
      Guild.run(context.node.instance, context.guild_id, :operator, {:add_member, bob.id, %{}})

    other = FullNode.session(bob)
    {pid, _gate} = room(context)
    :ok = :sys.suspend(pid)
    some = %Presence{status: :online}
    put = fn -> Guild.set_presence(context.node.instance, context.guild_id, 1, "nobody", some) end
    for _nth <- 1..10_000, do: assert(put.() == :ok)
    assert put.() == {:error, :overloaded}

    presence = %{status: "dnd", since: nil, activities: [], afk: false}
    GatewayClient.send_op(other, 3, presence)
    until_refused(context.guild_id)
    :ok = :sys.resume(pid)
    assert {%{"status" => "dnd"}, _session} = presence_of(session, bob)
  end

  defp presence_of(client, %{id: id}) do
    text = Integer.to_string(id)

    case GatewayClient.await(client, "PRESENCE_UPDATE") do
      {%{"user" => %{"id" => ^text}, "status" => "dnd"} = data, client} -> {data, client}
      {_other, client} -> presence_of(client, %{id: id})
    end
  end

  # The test's own call was refused first.
  defp until_refused(guild_id) do
    for _nth <- 1..2 do
      assert_receive {:refused, %{room_id: ^guild_id, reason: :signal}}, 5_000
    end
  end

  # Until the command of the call waits for the room, or was refused.
  defp until_waiting(pid, %Task{pid: caller} = call) do
    {:messages, messages} = Process.info(pid, :messages)
    waits? = Enum.any?(messages, &match?({:"$gen_call", _from, {:run, _request}}, &1))
    unless waits? or not Process.alive?(caller), do: until_waiting(pid, call)
  end
end
