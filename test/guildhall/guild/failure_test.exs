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
end
