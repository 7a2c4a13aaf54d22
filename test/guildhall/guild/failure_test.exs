defmodule Guildhall.Guild.FailureTest do
  use ExUnit.Case, async: true

  import Guildhall.GuildFixture

  alias Guildhall.{FailingStore, Guild}
  alias Guildhall.Model.Overwrite
  alias Guildhall.Permissions

  # Writes fail while a room runs. Whoever asked is told, nobody sees anything, and the room and its
  # sessions go on with what is in the store.

  setup do
    instance = start()
    [owner, ada] = for name <- ~w(owner ada), do: user(instance, name)
    guild = guild(instance, owner, [ada])
    FailingStore.install(instance)

    context = %{
      instance: instance,
      guild: guild,
      channel: text_channel(guild),
      owner: owner,
      ada: ada
    }

    Map.put(context, :session, attached(instance, guild.id, ada))
  end

  defp run(context, actor, command),
    do: Guild.run(context.instance, context.guild.id, actor, command)

  defp say(context, content), do: {:create_message, context.channel, %{content: content}}

  # Nobody was told of anything.
  defp silent(context) do
    assert drain(
             context.instance,
             context.session,
             context.guild.id,
             context.channel,
             context.owner
           ) == []
  end

  defp failing(context, fun) do
    FailingStore.fail(context.instance, true)
    result = fun.()
    FailingStore.fail(context.instance, false)
    result
  end

  test "messages", context do
    {:ok, message} = run(context, context.ada, say(context, "before"))
    await(context.session, "MESSAGE_CREATE")

    failing(context, fn ->
      assert run(context, context.ada, say(context, "no")) == {:error, :storage_full}
      edit = {:edit_message, context.channel, message.id, %{content: "no"}}
      assert run(context, context.ada, edit) == {:error, :storage_full}
      delete = {:delete_message, context.channel, message.id}
      assert run(context, context.ada, delete) == {:error, :storage_full}
    end)

    silent(context)

    {:ok, messages} =
      Guild.messages(context.instance, context.guild.id, context.channel, context.ada)

    assert "before" in Enum.map(messages, & &1.content)
    refute "no" in Enum.map(messages, & &1.content)
  end

  test "roles, channels, settings and members, which are loaded anew", context do
    {:ok, before} = run(context, context.owner, {:get})
    deny = %Overwrite{id: context.guild.id, type: :role, deny: Permissions.bit(:view_channel)}

    failing(context, fn ->
      for command <- [
            {:create_role, %{name: "no"}},
            {:update_role, context.guild.id, %{permissions: 0}},
            {:create_channel, %{name: "no"}},
            {:put_overwrite, context.channel, deny},
            {:delete_channel, context.channel},
            {:update_guild, %{name: "no"}},
            {:update_member, context.ada, %{nick: "no"}},
            {:remove_member, context.ada},
            {:ban, context.ada, %{}},
            {:delete_guild}
          ] do
        assert run(context, context.owner, command) == {:error, :storage_full}
      end
    end)

    assert run(context, context.owner, {:get}) == {:ok, before}
    silent(context)
    assert {:ok, %{nick: nil}} = run(context, context.owner, {:member, context.ada})
    assert run(context, context.owner, {:counts}) == {:ok, %{members: 2, online: 1}}
  end

  test "joining, after which everyone is still counted", context do
    users = for _ <- 1..10, do: user(context.instance)
    add = &run(context, :operator, {:add_member, &1, %{}})

    failing(context, fn ->
      for user <- users, do: assert(add.(user) == {:error, :storage_full})
    end)

    for user <- users, do: assert({:ok, %{}} = add.(user))
    assert {:ok, %{members: 12}} = run(context, context.owner, {:counts})
  end

  test "and later changes reach the sessions that stayed", context do
    deny = %Overwrite{id: context.guild.id, type: :role, deny: Permissions.bit(:view_channel)}
    hide = {:put_overwrite, context.channel, deny}

    failing(context, fn -> assert run(context, context.owner, hide) == {:error, :storage_full} end)

    assert :ok = run(context, context.owner, hide)
    assert await(context.session, "CHANNEL_DELETE")["id"] == Integer.to_string(context.channel)
  end

  test "who looks at member lists must look again", context do
    %{instance: instance, guild: %{id: guild_id}, ada: ada, session: session} = context

    watch = fn ->
      Guild.watch(instance, guild_id, ada, session.session_id, %{context.channel => [0]})
    end

    watch.()
    assert_receive {Guild, :watched, ^guild_id, pid}
    monitor = Process.monitor(pid)

    failing(context, fn ->
      {:error, :storage_full} = run(context, context.owner, {:update_guild, %{name: "no"}})
    end)

    assert_receive {:DOWN, ^monitor, :process, ^pid, :killed}
    watch.()
    assert_receive {Guild, :watched, ^guild_id, other} when other != pid
  end

  # The writes below are in the store, but the room is told that nobody knows.
  describe "a write of which nobody knows" do
    defp unknown(context, actor, command) do
      FailingStore.fail(context.instance, :unknown)
      assert run(context, actor, command) == {:error, :unavailable}
      FailingStore.fail(context.instance, false)
    end

    test "is what the room goes on with", context do
      unknown(context, context.owner, {:update_guild, %{name: "written"}})
      assert {:ok, %{name: "written"}} = run(context, context.owner, {:get})
      unknown(context, context.owner, {:update_member, context.ada, %{nick: "written"}})
      assert {:ok, %{nick: "written"}} = run(context, context.owner, {:member, context.ada})
      assert await(context.session, "GUILD_MEMBER_UPDATE")["nick"] == "written"
    end

    test "changes what sessions see", context do
      hide = %Overwrite{id: context.guild.id, type: :role, deny: Permissions.bit(:view_channel)}
      {:ok, role} = run(context, context.owner, {:create_role, %{name: "seers"}})
      show = %Overwrite{id: role.id, type: :role, allow: Permissions.bit(:view_channel)}
      :ok = run(context, context.owner, {:put_overwrite, context.channel, show})
      :ok = run(context, context.owner, {:put_overwrite, context.channel, hide})
      assert await(context.session, "CHANNEL_DELETE")

      unknown(context, context.owner, {:add_role, context.ada, role.id})
      assert await(context.session, "CHANNEL_CREATE")["id"] == Integer.to_string(context.channel)
      {:ok, _message} = run(context, context.owner, say(context, "seen"))
      assert await(context.session, "MESSAGE_CREATE")["content"] == "seen"

      # A role that is gone counts for nobody.
      unknown(context, context.owner, {:delete_role, role.id})
      assert {:ok, %{roles: []}} = run(context, context.owner, {:member, context.ada})
      assert run(context, context.ada, say(context, "no")) == {:error, :missing_access}
    end

    test "takes a member out", context do
      unknown(context, context.owner, {:remove_member, context.ada})
      assert await(context.session, "GUILD_DELETE")["unavailable"] == false
      assert run(context, context.ada, {:get}) == {:error, :missing_access}
      assert {:ok, %{members: 1}} = run(context, context.owner, {:counts})
    end

    test "lets a member in", context do
      bob = user(context.instance, "bob")
      unknown(context, :operator, {:add_member, bob, %{}})
      assert {:ok, %{members: 3}} = run(context, context.owner, {:counts})
      assert {:ok, _message} = run(context, bob, say(context, "here"))
    end

    test "ends a guild", context do
      unknown(context, context.owner, {:delete_guild})
      assert run(context, context.owner, {:get}) == {:error, :unknown_guild}
    end
  end
end
