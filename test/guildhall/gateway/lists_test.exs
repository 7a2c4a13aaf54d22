defmodule Guildhall.Gateway.ListsTest do
  use ExUnit.Case, async: true

  # The member lists of user clients: op 14 and op 37, GUILD_MEMBER_LIST_UPDATE.

  alias Guildhall.{Events, GatewayClient, Guild, SidebarClient, TestNode}
  alias Guildhall.Model.Overwrite
  alias Guildhall.Permissions

  @view Permissions.bit(:view_channel)

  setup tags do
    rate_limits = Map.get(tags, :rate_limits, false)
    node = TestNode.start(absence_timeout: 1, rate_limits: rate_limits)
    owner = TestNode.bot(node, username: "zed")
    [ada, bob, eve] = for name <- ~w(ada bob eve), do: TestNode.person(node, username: name)
    {guild, channel} = TestNode.guild(node, owner, [ada, bob, eve])
    base = %{node: node, owner: owner, guild: guild, channel: channel}
    Map.merge(base, %{ada: ada, bob: bob, eve: eve})
  end

  test "op 14 shows who is there, and what becomes of it", context do
    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    {lists, client} = next(client)
    assert shown(lists) == ["online", "ada", "offline", "bob", "eve", "zed"]
    assert %{counts: {4, 1}, groups: [{"online", 1}, {"offline", 3}]} = lists["everyone"]

    bob = session(context, context.bob)
    {lists, client} = until(client, lists, ["online", "ada", "bob", "offline", "eve", "zed"])
    assert %{counts: {4, 2}} = lists["everyone"]

    GatewayClient.close(bob, 1000)
    {lists, client} = until(client, lists, ["online", "ada", "offline", "bob", "eve", "zed"])

    run(context, {:update_member, context.eve.id, %{nick: "_"}})
    {lists, client} = until(client, lists, ["online", "ada", "offline", "eve", "bob", "zed"])
    assert hd(SidebarClient.shown(lists["everyone"], 0, & &1["presence"]["status"])) == "online"

    run(context, {:remove_member, context.eve.id})
    {lists, client} = until(client, lists, ["online", "ada", "offline", "bob", "zed"])

    new = TestNode.person(context.node, username: "mia")
    run(context, :operator, {:add_member, new.id, %{}})
    {_lists, _client} = until(client, lists, ["online", "ada", "offline", "bob", "mia", "zed"])
  end

  test "op 37 says it of several guilds", context do
    {other, text} = TestNode.guild(context.node, context.owner, [context.ada])

    {_ready, client} =
      context.node
      |> GatewayClient.open()
      |> GatewayClient.identify(context.ada.token, intents: nil)

    client =
      for _n <- 1..2, reduce: client do
        client -> client |> GatewayClient.await("GUILD_CREATE") |> elem(1)
      end

    subscriptions = %{
      context.guild.id => %{typing: true, channels: %{context.channel.id => [[0, 99]]}},
      other.id => %{typing: true, channels: %{text.id => [[0, 99]]}}
    }

    client = GatewayClient.send_op(client, 37, %{subscriptions: subscriptions})
    {one, client} = GatewayClient.await(client, "GUILD_MEMBER_LIST_UPDATE")
    {two, _client} = GatewayClient.await(client, "GUILD_MEMBER_LIST_UPDATE")

    assert Enum.sort([
             {one["guild_id"], one["member_count"]},
             {two["guild_id"], two["member_count"]}
           ]) ==
             Enum.sort([{"#{context.guild.id}", 4}, {"#{other.id}", 2}])
  end

  test "without `typing` nothing comes, and with it what was asked for before", context do
    client = session(context, context.ada)
    channels = %{context.channel.id => [[0, 99]]}
    client = GatewayClient.send_op(client, 14, %{guild_id: context.guild.id, channels: channels})
    client = GatewayClient.send_op(client, 1, nil)
    {%{"op" => 11}, client} = GatewayClient.recv(client)
    client = GatewayClient.send_op(client, 14, %{guild_id: "#{context.guild.id}", typing: true})
    {lists, _client} = next(client)
    assert "ada" in shown(lists)
  end

  test "hoisted roles come first, by position", context do
    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    {lists, client} = next(client)

    {:ok, low} = run(context, {:create_role, %{name: "low", hoist: true}})
    {:ok, high} = run(context, {:create_role, %{name: "high", hoist: true}})
    run(context, {:move_roles, [%{id: high.id, position: 9}]})
    for role <- [low, high], do: run(context, {:add_role, context.ada.id, role.id})
    run(context, {:add_role, context.bob.id, low.id})
    _bob = session(context, context.bob)

    {lists, client} =
      until(client, lists, ["#{high.id}", "ada", "#{low.id}", "bob", "offline", "eve", "zed"])

    run(context, {:update_role, high.id, %{hoist: false}})
    {lists, client} = until(client, lists, ["#{low.id}", "ada", "bob", "offline", "eve", "zed"])
    run(context, {:delete_role, low.id})
    {_lists, _client} = until(client, lists, ["online", "ada", "bob", "offline", "eve", "zed"])
  end

  test "a list has those who see its channels", context do
    secret = secret(context, [context.ada, context.eve])
    channels = %{context.channel => [[0, 99]], secret => [[0, 99]]}
    client = context |> session(context.ada) |> look(context, channels)
    {lists, client} = next(client)
    {lists, client} = next(client, lists)
    [id] = Map.keys(lists) -- ["everyone"]
    assert shown(lists) == ["online", "ada", "offline", "bob", "eve", "zed"]
    assert shown(lists, id) == ["online", "ada", "offline", "eve", "zed"]

    _eve = session(context, context.eve)
    until = &(shown(&1) == ["online", "ada", "eve", "offline", "bob", "zed"])
    {lists, client} = await(client, lists, until)

    {_lists, _client} =
      await(client, lists, &(shown(&1, id) == ["online", "ada", "eve", "offline", "zed"]))
  end

  test "another window takes the place of the one before", context do
    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    {_lists, client} = next(client)
    client = look(client, context, %{context.channel => [[100, 199]]})
    {%{"ops" => ops}, client} = GatewayClient.await(client, "GUILD_MEMBER_LIST_UPDATE")

    assert ops == [
             %{"op" => "INVALIDATE", "range" => [0, 99]},
             %{"op" => "SYNC", "range" => [100, 199], "items" => []}
           ]

    client = look(client, context, %{})
    {%{"ops" => ops}, client} = GatewayClient.await(client, "GUILD_MEMBER_LIST_UPDATE")
    assert ops == [%{"op" => "INVALIDATE", "range" => [100, 199]}]
    _bob = session(context, context.bob)
    assert after_this(client, context) == []
  end

  test "nothing comes any more of a channel that is hidden", context do
    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    {_lists, client} = next(client)
    deny = %Overwrite{id: context.ada.id, type: :member, deny: @view}
    :ok = run(context, {:put_overwrite, context.channel.id, deny})
    {_channel, client} = GatewayClient.await(client, "CHANNEL_DELETE")
    _bob = session(context, context.bob)
    assert after_this(client, context) == []
  end

  test "nothing comes any more when the role is taken that shows the channel, and it is shown again with it",
       context do
    {:ok, role} = run(context, {:create_role, %{name: "readers"}})
    run(context, {:add_role, context.ada.id, role.id})
    everyone = %Overwrite{id: context.guild.id, type: :role, deny: @view}
    :ok = run(context, {:put_overwrite, context.channel.id, everyone})
    allow = %Overwrite{id: role.id, type: :role, allow: @view}
    :ok = run(context, {:put_overwrite, context.channel.id, allow})

    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    {lists, client} = next(client)
    [id] = Map.keys(lists)
    assert shown(lists, id) == ["online", "ada", "offline", "zed"]

    run(context, {:remove_role, context.ada.id, role.id})
    {_channel, client} = GatewayClient.await(client, "CHANNEL_DELETE")
    run(context, {:add_role, context.bob.id, role.id})
    _bob = session(context, context.bob)
    client = marked(client, context, [])

    run(context, {:add_role, context.ada.id, role.id})
    {lists, client} = next(client)
    assert shown(lists, id) == ["online", "ada", "bob", "offline", "zed"]

    run(context, {:delete_role, role.id})
    {_channel, client} = GatewayClient.await(client, "CHANNEL_DELETE")
    run(context, {:update_member, context.owner.id, %{nick: "new"}})
    _eve = session(context, context.eve)
    assert after_this(client, context) == []
  end

  test "a channel with other overwrites shows another list", context do
    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    {_lists, client} = next(client)
    allow = %Overwrite{id: context.ada.id, type: :member, allow: @view}
    deny = %Overwrite{id: context.guild.id, type: :role, deny: @view}
    :ok = run(context, {:put_overwrite, context.channel.id, allow})
    {_channel, client} = GatewayClient.await(client, "CHANNEL_UPDATE")
    :ok = run(context, {:put_overwrite, context.channel.id, deny})
    until = &Enum.any?(&1, fn {id, _} -> shown(&1, id) == ["online", "ada", "offline", "zed"] end)
    {_lists, _client} = await(client, %{}, until)
  end

  test "what is missed in a moment comes with RESUME, and after a while the lists anew",
       context do
    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    {lists, client} = next(client)
    Events.listen()
    guild_id = context.guild.id
    GatewayClient.cut(client)
    assert_receive {:event, [:guildhall, :guild, :list, :stop], _, %{room_id: ^guild_id}}, 5_000
    _bob = session(context, context.bob)

    client =
      context.node |> GatewayClient.open() |> GatewayClient.send_resume(context.ada.token, client)

    {_lists, _client} = until(client, lists, ["online", "ada", "bob", "offline", "eve", "zed"])
  end

  test "a list that dies, or a room, comes back by itself", context do
    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    {lists, client} = next(client)

    [{pid, _size}] =
      Guildhall.PartitionedRegistry.lookup(registry(context, :guild_sidebars), context.guild.id)

    Process.exit(pid, :kill)
    {lists, client} = next(client, lists)
    _bob = session(context, context.bob)
    {lists, client} = until(client, lists, ["online", "ada", "bob", "offline", "eve", "zed"])

    [{pid, _gate}] =
      Guildhall.PartitionedRegistry.lookup(registry(context, :guild_registry), context.guild.id)

    Process.exit(pid, :kill)
    {_create, client} = GatewayClient.await(client, "GUILD_CREATE")
    {_lists, _client} = until(client, lists, ["online", "ada", "bob", "offline", "eve", "zed"])
  end

  test "a list that comes back is not for who may not see it any more", context do
    [ada, bob] =
      for user <- [context.ada, context.bob] do
        client = context |> session(user) |> look(context, %{context.channel => [[0, 99]]})
        client |> next() |> elem(1)
      end

    [{pid, _size}] =
      Guildhall.PartitionedRegistry.lookup(registry(context, :guild_sidebars), context.guild.id)

    Process.exit(pid, :kill)
    deny = %Overwrite{id: context.ada.id, type: :member, deny: @view}
    :ok = run(context, {:put_overwrite, context.channel.id, deny})
    {_channel, ada} = GatewayClient.await(ada, "CHANNEL_DELETE")
    _eve = session(context, context.eve)
    names = ["online", "bob", "eve", "offline", "zed"]
    await(bob, %{}, &Enum.any?(&1, fn {id, _list} -> shown(&1, id) == names end))
    assert after_this(ada, context) == []
  end

  test "a list ends when nobody looks at it", context do
    Events.listen()
    guild_id = context.guild.id
    client = context |> session(context.ada) |> look(context, %{context.channel => [[0, 99]]})
    assert_receive {:event, [:guildhall, :guild, :list, :start], _, %{room_id: ^guild_id}}, 5_000
    {_lists, client} = next(client)
    assert %{lists: 1, watchers: 1} = Guild.stats(context.node.instance)
    client = look(client, context, %{})
    assert_receive {:event, [:guildhall, :guild, :list, :stop], _, %{room_id: ^guild_id}}, 5_000
    client = look(client, context, %{context.channel => [[0, 99]]})
    # An update of the first list may come before one of the second.
    assert_receive {:event, [:guildhall, :guild, :list, :start], _, %{room_id: ^guild_id}}, 5_000
    {_lists, client} = next(client)
    GatewayClient.close(client, 1000)
    assert_receive {:event, [:guildhall, :guild, :list, :stop], _, %{room_id: ^guild_id}}, 5_000
  end

  test "bots are shown none", context do
    client = GatewayClient.session(context.node, context.owner)
    client = look(client, context, %{context.channel => [[0, 99]]})
    assert after_this(client, context) == []
  end

  test "ranges that are none close with 4002", context do
    for channels <- [
          %{context.channel.id => [[1, 99]]},
          %{context.channel.id => [[0, 1_500]]},
          %{context.channel.id => [[0]]},
          %{context.channel.id => for(n <- 0..15, do: [n * 100, n * 100 + 99])},
          Map.new(1..6, &{&1, [[0, 99]]}),
          [1]
        ] do
      client = session(context, context.ada)
      data = %{guild_id: "#{context.guild.id}", typing: true, channels: channels}
      assert closed(GatewayClient.send_op(client, 14, data)) == 4002
    end
  end

  @tag rate_limits: true
  test "who changes too often what he looks at is RATE_LIMITED", context do
    looks = 1..61
    client = session(context, context.ada)
    client = Enum.reduce(looks, client, fn _n, client -> look(client, context, %{}) end)
    {data, _client} = GatewayClient.await(client, "RATE_LIMITED")
    meta = %{"guild_id" => "#{context.guild.id}"}
    assert data == %{"opcode" => 37, "retry_after" => 10.0, "meta" => meta}
  end

  defp session(context, user), do: GatewayClient.session(context.node, user, intents: nil)

  defp run(context, actor \\ nil, command) do
    TestNode.run(context.node, context.guild, actor || context.owner.id, command)
  end

  defp registry(context, name), do: Guildhall.Instance.child(context.node.instance, name)

  # A channel that these alone see.
  defp secret(context, users) do
    overwrites = [%Overwrite{id: context.guild.id, type: :role, deny: @view}]
    allowed = for user <- users, do: %Overwrite{id: user.id, type: :member, allow: @view}
    attrs = %{name: "secret", type: 0, overwrites: overwrites ++ allowed}
    {:ok, channel} = run(context, {:create_channel, attrs})
    channel
  end

  defp look(client, context, channels) do
    channels = Map.new(channels, fn {channel, ranges} -> {channel.id, ranges} end)
    data = %{guild_id: "#{context.guild.id}", typing: true, channels: channels}
    GatewayClient.send_op(client, 14, data)
  end

  defp next(client, lists \\ %{}) do
    {data, client} = GatewayClient.await(client, "GUILD_MEMBER_LIST_UPDATE")
    {SidebarClient.take(lists, data), client}
  end

  defp until(client, lists, names), do: await(client, lists, &(shown(&1) == names))

  defp await(client, lists, fun) do
    if fun.(lists) do
      {lists, client}
    else
      {lists, client} = next(client, lists)
      await(client, lists, fun)
    end
  end

  # Names without the numbers that make them unique, if they have any.
  defp shown(lists, id \\ "everyone")
  defp shown(lists, id) when not is_map_key(lists, id), do: []
  defp shown(lists, id), do: SidebarClient.shown(lists[id], 0, & &1["user"]["username"])

  # What comes of lists before a message that is posted now, when the sidebar has told all it had to.
  defp after_this(client, context) do
    {:ok, other} = run(context, {:create_channel, %{name: "other"}})
    settled(context)
    TestNode.post(context.node, context.owner, other, "mark")
    client |> collect([]) |> elem(0)
  end

  defp marked(client, context, expected) do
    {:ok, other} = run(context, {:create_channel, %{name: "other"}})
    settled(context)
    TestNode.post(context.node, context.owner, other, "mark")
    {events, client} = collect(client, [])
    assert events == expected
    client
  end

  # Both have handled what they had, and the room what came of it.
  defp settled(context) do
    for name <- [:guild_sidebars, :guild_registry],
        {pid, _value} <-
          Guildhall.PartitionedRegistry.lookup(registry(context, name), context.guild.id),
        do: :sys.get_state(pid)
  end

  defp collect(client, events) do
    case GatewayClient.recv(client) do
      {%{"t" => "MESSAGE_CREATE", "d" => %{"content" => "mark"}}, client} ->
        {events, client}

      {%{"t" => "GUILD_MEMBER_LIST_UPDATE", "d" => data}, client} ->
        collect(client, [data | events])

      {_other, client} ->
        collect(client, events)
    end
  end

  defp closed(client) do
    case GatewayClient.recv(client) do
      {{:close, code}, _client} -> code
      {_payload, client} -> closed(client)
    end
  end
end
