defmodule Guildhall.Guild.CopiesTest do
  use ExUnit.Case, async: true

  # A user in many guilds, on a whole node: neither the list of the guilds nor a new name starts their
  # rooms, and no guild keeps the old name.

  alias Guildhall.{FullNode, GatewayClient, Guild, Telemetry, User}

  @moduletag :tmp_dir
  @guilds 120

  setup %{tmp_dir: folder} do
    test = self()
    tell = fn _path, measured, metadata -> send(test, {:copied, metadata, measured}) end
    :ok = Telemetry.attach({__MODULE__, test}, [[:guildhall, :guild, :copies]], tell)
    on_exit(fn -> Telemetry.detach({__MODULE__, test}) end)
    node = FullNode.start(folder)
    ada = FullNode.person(node, "ada")
    %{folder: folder, node: node, ada: ada}
  end

  defp guilds(context, count),
    do: for(_nth <- 1..count, do: elem(FullNode.guild(context.node, context.ada), 0))

  defp rooms(node), do: Guild.stats(node.instance).rooms

  defp name(node, guild_id, user_id) do
    {:ok, [member]} = Guild.find_members(node.instance, guild_id, [user_id])
    member.user.username
  end

  defp await_copied(%{instance: instance}, user_id, guilds) do
    assert_receive {:copied, %{instance: ^instance, user_id: ^user_id},
                    %{guilds: ^guilds, failed: 0}},
                   20_000
  end

  test "the list of guilds starts no room", %{ada: ada, node: node} = context do
    [first | _others] = guild_ids = guilds(context, @guilds)
    path = "/users/@me/guilds"
    assert {200, listed} = FullNode.call(ada, :get, path <> "?with_counts=true")
    assert for(guild <- listed, do: String.to_integer(guild["id"])) == guild_ids

    assert %{"owner" => true, "approximate_member_count" => 1, "approximate_presence_count" => 0} =
             hd(listed)

    assert rooms(node) == 0

    # The numbers of a room that runs are its own.
    _session = FullNode.session(ada, @guilds)
    bob = FullNode.person(node, "bob")
    {:ok, _member} = Guild.run(node.instance, first, :operator, {:add_member, bob.id, %{}})

    assert {200, [%{"approximate_member_count" => 2, "approximate_presence_count" => 1} | _]} =
             FullNode.call(ada, :get, path <> "?with_counts=true")

    assert {200, [%{"owner" => false, "permissions" => permissions}]} =
             FullNode.call(bob, :get, path)

    {:ok, %{permissions: mask}} = Guild.run(node.instance, first, bob.id, {:authorize, nil, 0})

    assert permissions == Integer.to_string(mask)
  end

  test "a new name starts no room, and comes to every guild", %{ada: ada, node: node} = context do
    [running | _others] = guild_ids = guilds(context, @guilds)
    bob = FullNode.bot(node, "bob")
    {:ok, _member} = Guild.run(node.instance, running, :operator, {:add_member, bob.id, %{}})
    session = FullNode.session(bob)

    assert {200, %{"username" => "lovelace"}} =
             FullNode.call(ada, :patch, "/users/@me", %{username: "lovelace"})

    assert {%{"user" => %{"username" => "lovelace"}}, _session} =
             GatewayClient.await(session, "GUILD_MEMBER_UPDATE")

    await_copied(node, ada.id, @guilds)
    assert rooms(node) == 1
    for id <- guild_ids, do: assert(name(node, id, ada.id) == "lovelace")
    assert {:ok, [_ada]} = Guild.search_members(node.instance, List.last(guild_ids), "love", 5)
    assert {:ok, []} = Guild.search_members(node.instance, List.last(guild_ids), "ada", 5)
    assert User.outdated(node.instance, 0, 10) == {:ok, []}
  end

  test "many changes are few passes, and the last one counts",
       %{ada: ada, node: node} = context do
    [guild_id | _others] = guilds(context, 10)

    for nth <- 1..50 do
      {:ok, _user} = User.update(node.instance, ada.id, %{username: "ada#{nth}"})
      Guild.update_copies(node.instance)
    end

    until(fn -> User.outdated(node.instance, 0, 10) == {:ok, []} end)
    assert name(node, guild_id, ada.id) == "ada50"
  end

  defp until(fun) do
    assert_receive {:copied, _metadata, %{failed: 0}}, 20_000
    unless fun.(), do: until(fun)
  end

  test "a node that ends goes on when it starts again", %{ada: ada, node: node} = context do
    [guild_id | _others] = guilds(context, 3)
    # As if the node had died before the copies were changed.
    {:ok, _user} = User.update(node.instance, ada.id, %{username: "lovelace"})
    assert name(node, guild_id, ada.id) == "ada"
    :ok = stop_supervised({Guildhall, node.instance})

    node = FullNode.start(context.folder)
    await_copied(node, ada.id, 3)
    assert name(node, guild_id, ada.id) == "lovelace"
  end

  test "a process that crashes goes on", %{ada: ada, node: node} = context do
    [guild_id | _others] = guilds(context, 3)
    {:ok, _user} = User.update(node.instance, ada.id, %{username: "lovelace"})
    copies = Guildhall.Instance.child(node.instance, :guild_copies)
    Process.exit(Process.whereis(copies), :kill)
    await_copied(node, ada.id, 3)
    assert name(node, guild_id, ada.id) == "lovelace"
  end
end
