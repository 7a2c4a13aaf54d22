defmodule Guildhall.Guild.AdministrationTest do
  use ExUnit.Case, async: true

  import Guildhall.GuildFixture

  alias Guildhall.Guild
  alias Guildhall.Model.Overwrite
  alias Guildhall.Permissions

  # Channels, overwrites, roles, members and bans, through a running node.

  setup do
    instance = start()
    [owner, ada, bob] = for name <- ~w(owner ada bob), do: user(instance, name)
    guild = guild(instance, owner, [ada, bob])
    base = %{instance: instance, guild: guild, channel: text_channel(guild)}
    Map.merge(base, %{owner: owner, ada: ada, bob: bob})
  end

  defp run(context, actor, command),
    do: Guild.run(context.instance, context.guild.id, actor, command)

  defp run!(context, actor, command) do
    {:ok, result} = run(context, actor, command)
    result
  end

  defp attach(context, user_id), do: attached(context.instance, context.guild.id, user_id)
  defp id(id), do: Integer.to_string(id)
  defp bits(names), do: names |> List.wrap() |> Enum.map(&Permissions.bit/1) |> Enum.sum()

  # A role with these permissions, and the user has it.
  defp promote(context, user_id, names, position \\ 5) do
    role = run!(context, :operator, {:create_role, %{name: "staff", permissions: bits(names)}})
    run!(context, :operator, {:move_roles, [%{id: role.id, position: position}]})
    run!(context, :operator, {:add_role, user_id, role.id})
    role.id
  end

  defp hide(context, channel_id \\ nil) do
    overwrite = %Overwrite{id: context.guild.id, type: :role, deny: bits(:view_channel)}
    :ok = run(context, :operator, {:put_overwrite, channel_id || context.channel, overwrite})
  end

  # That nothing but this came before a message that is posted now.
  defp only(context, session, types) do
    got = drain(context.instance, session, context.guild.id, context.channel, context.owner)
    assert Enum.map(got, &elem(&1, 0)) == types
  end

  describe "channels" do
    test "are made, changed and deleted, in front of those who see them", context do
      session = attach(context, context.bob)

      assert run(context, context.ada, {:create_channel, %{name: "x"}}) ==
               {:error, :missing_permissions}

      promote(context, context.ada, :manage_channels)
      category = run!(context, context.ada, {:create_channel, %{name: "cat", type: 4}})
      attrs = %{name: "news", topic: "t", parent_id: category.id}
      channel = run!(context, context.ada, {:create_channel, attrs})
      assert {channel.position, channel.parent_id} == {category.position + 1, category.id}
      assert await(session, "CHANNEL_CREATE")["name"] == "cat"
      assert %{"name" => "news", "topic" => "t"} = await(session, "CHANNEL_CREATE")
      assert Guild.room(context.instance, channel.id) == {:ok, context.guild.id}

      assert %{type: 5} = run!(context, context.ada, {:update_channel, channel.id, %{type: 5}})
      assert await(session, "CHANNEL_UPDATE")["type"] == 5
      change = {:update_channel, channel.id, %{type: 2}}
      assert run(context, context.ada, change) == {:error, :channel_type}
      change = {:update_channel, channel.id, %{parent_id: context.channel}}
      assert {:error, {:invalid, _tree}} = run(context, context.ada, change)

      run!(context, context.ada, {:delete_channel, category.id})
      assert await(session, "CHANNEL_DELETE")["id"] == id(category.id)
      assert %{"parent_id" => nil} = await(session, "CHANNEL_UPDATE")
      assert Guild.room(context.instance, category.id) == {:error, :unknown_channel}
    end

    test "that nobody sees are told to nobody", context do
      session = attach(context, context.bob)
      deny = %Overwrite{id: context.guild.id, type: :role, deny: bits(:view_channel)}
      channel = run!(context, context.owner, {:create_channel, %{name: "x", overwrites: [deny]}})
      run!(context, context.owner, {:update_channel, channel.id, %{name: "y"}})
      run!(context, context.owner, {:delete_channel, channel.id})
      only(context, session, [])
    end

    test "take their category's overwrites, unless they are given some", context do
      deny = %Overwrite{id: context.guild.id, type: :role, deny: bits(:view_channel)}
      attrs = %{name: "cat", type: 4, overwrites: [deny]}
      category = run!(context, context.owner, {:create_channel, attrs})
      attrs = %{name: "in", parent_id: category.id}

      assert run!(context, context.owner, {:create_channel, attrs}).overwrites ==
               category.overwrites

      move = %{id: context.channel, parent_id: category.id, lock_permissions: true, position: 3}
      assert run(context, context.owner, {:move_channels, [move]}) == :ok
      assert %{channels: channels} = run!(context, context.owner, {:get})
      assert channels[context.channel].overwrites == category.overwrites
      assert channels[context.channel].position == 3
    end

    test "lose the settings that name them, and their messages", context do
      assert context.guild.system_channel_id == context.channel
      run!(context, context.owner, {:create_message, context.channel, %{content: "x"}})
      session = attach(context, context.bob)
      run!(context, context.owner, {:delete_channel, context.channel})
      assert await(session, "GUILD_UPDATE")["system_channel_id"] == nil

      assert Guildhall.Store.scan(context.instance, :message_buckets, <<context.channel::64>>) ==
               {:ok, []}
    end

    test "appear and vanish with overwrites", context do
      session = attach(context, context.bob)
      hide(context)
      assert await(session, "CHANNEL_DELETE")["id"] == id(context.channel)
      run!(context, context.owner, {:create_message, context.channel, %{content: "secret"}})
      allow = %Overwrite{id: context.bob, type: :member, allow: bits(:view_channel)}
      :ok = run(context, context.owner, {:put_overwrite, context.channel, allow})
      assert {"CHANNEL_CREATE", %{"id" => _id}} = next(session)
      run!(context, context.owner, {:create_message, context.channel, %{content: "hi bob"}})
      assert {"MESSAGE_CREATE", %{"content" => "hi bob"}} = next(session)
      :ok = run(context, context.owner, {:delete_overwrite, context.channel, context.bob})
      assert {"CHANNEL_DELETE", _data} = next(session)
    end
  end

  describe "overwrites" do
    test "are put by who may, and only bits that he has", context do
      put = &run(context, context.ada, {:put_overwrite, context.channel, &1})
      ban = %Overwrite{id: context.bob, type: :member, deny: bits(:send_messages)}
      assert put.(ban) == {:error, :missing_permissions}
      promote(context, context.ada, :manage_roles)
      assert put.(ban) == :ok

      assert put.(%{ban | deny: bits([:send_messages, :kick_members])}) ==
               {:error, :missing_permissions}

      assert put.(%Overwrite{id: 5, type: :role}) == {:error, :unknown_role}
      command = {:create_message, context.channel, %{content: "x"}}
      assert run(context, context.bob, command) == {:error, :missing_permissions}
      delete = {:delete_overwrite, context.channel, context.bob}
      assert run(context, context.ada, delete) == :ok
      assert run(context, context.ada, delete) == {:error, :unknown_overwrite}
      assert {:ok, _message} = run(context, context.bob, command)
    end
  end

  describe "roles" do
    test "are made, changed and deleted below one's own", context do
      session = attach(context, context.bob)
      staff = promote(context, context.ada, [:manage_roles, :kick_members])

      assert run(context, context.bob, {:create_role, %{name: "x"}}) ==
               {:error, :missing_permissions}

      create = {:create_role, %{name: "x", permissions: bits(:ban_members)}}
      assert run(context, context.ada, create) == {:error, :missing_permissions}

      role =
        run!(context, context.ada, {:create_role, %{name: "x", permissions: bits(:kick_members)}})

      assert role.position == 1
      assert %{color: 7} = run!(context, context.ada, {:update_role, role.id, %{color: 7}})

      assert run(context, context.ada, {:update_role, staff, %{color: 7}}) ==
               {:error, :missing_permissions}

      everyone = context.guild.id
      assert run(context, context.ada, {:delete_role, everyone}) == {:error, :invalid_role}

      # As clients send it: all roles, in their order.
      moves = [
        %{id: everyone, position: 0},
        %{id: role.id, position: 2},
        %{id: staff, position: 5}
      ]

      assert roles = run!(context, context.ada, {:move_roles, moves})
      assert for(role <- roles, do: role.position) == [0, 5, 2]
      over = [%{id: role.id, position: 6}]
      assert run(context, context.ada, {:move_roles, over}) == {:error, :missing_permissions}
      run!(context, context.owner, {:add_role, context.bob, role.id})
      assert run(context, context.ada, {:delete_role, role.id}) == :ok

      types = for _ <- 1..8, do: elem(next(session), 0)
      made = ~w(GUILD_ROLE_CREATE GUILD_ROLE_UPDATE)
      given = ~w(GUILD_MEMBER_UPDATE)
      last = ~w(GUILD_ROLE_UPDATE GUILD_MEMBER_UPDATE GUILD_ROLE_DELETE)
      assert types == made ++ given ++ made ++ last
    end

    test "are gone from members and overwrites when they are deleted", context do
      role = run!(context, context.owner, {:create_role, %{name: "x"}})
      run!(context, context.owner, {:add_role, context.bob, role.id})
      hide(context)
      allow = %Overwrite{id: role.id, type: :role, allow: bits(:view_channel)}
      :ok = run(context, context.owner, {:put_overwrite, context.channel, allow})
      session = attach(context, context.bob)
      :ok = run(context, context.owner, {:delete_role, role.id})
      assert {"CHANNEL_DELETE", _data} = next(session)
      assert {"GUILD_ROLE_DELETE", %{"role_id" => _id}} = next(session)
      assert run!(context, context.owner, {:member, context.bob}).roles == []

      assert {:ok, [%{roles: []}]} =
               Guild.find_members(context.instance, context.guild.id, [context.bob])

      assert [overwrite] =
               Map.keys(run!(context, context.owner, {:channel, context.channel}).overwrites)

      assert overwrite == context.guild.id
    end

    test "show and hide channels to their members in the middle of a stream", context do
      role = run!(context, context.owner, {:create_role, %{name: "x"}})
      hide(context)
      allow = %Overwrite{id: role.id, type: :role, allow: bits(:view_channel)}
      :ok = run(context, context.owner, {:put_overwrite, context.channel, allow})
      session = attach(context, context.bob)
      post = &run!(context, context.owner, {:create_message, context.channel, %{content: &1}})
      post.("before")
      run!(context, context.owner, {:add_role, context.bob, role.id})
      post.("now")
      run!(context, context.owner, {:remove_role, context.bob, role.id})
      post.("after")
      run!(context, context.owner, {:add_role, context.bob, role.id})
      post.("again")

      types =
        ~w(CHANNEL_CREATE GUILD_MEMBER_UPDATE MESSAGE_CREATE CHANNEL_DELETE GUILD_MEMBER_UPDATE)

      got = for _ <- 1..8, do: next(session)
      assert Enum.map(got, &elem(&1, 0)) == types ++ Enum.take(types, 3)
      assert ["now", "again"] == for({"MESSAGE_CREATE", data} <- got, do: data["content"])
    end
  end

  describe "members" do
    test "join, are counted, greeted and found", context do
      session = attach(context, context.bob)
      new = user(context.instance, "zora")
      :ok = Guildhall.User.register(context.instance, new)
      assert run(context, context.ada, {:add_member, 5, %{}}) == {:error, :unknown_user}
      named = {:add_member, new, %{nick: "Zoë"}}
      assert run(context, context.ada, named) == {:error, :missing_permissions}
      member = run!(context, context.owner, named)
      assert run(context, context.ada, {:add_member, new, %{}}) == {:ok, :exists}
      guild_id = context.guild.id
      assert_receive {Guildhall.User, {:joined, ^guild_id, :guild}}
      assert %{"nick" => "Zoë", "guild_id" => _id} = await(session, "GUILD_MEMBER_ADD")
      assert %{"type" => 7, "author" => %{"id" => author}} = await(session, "MESSAGE_CREATE")
      assert author == id(new)
      assert run!(context, context.ada, {:counts}).members == 4
      assert Guild.search_members(context.instance, guild_id, "ZOE", 10) == {:ok, [member]}
      assert Guild.search_members(context.instance, guild_id, "zor", 10) == {:ok, [member]}
      assert {:ok, [_, _, _, ^member]} = Guild.members(context.instance, guild_id, limit: 10)

      assert {:ok, [^member]} =
               Guild.members(context.instance, guild_id, limit: 10, after: new - 1)
    end

    test "all count who join at once", context do
      users = for _ <- 1..40, do: user(context.instance)
      add = fn user -> run!(context, :operator, {:add_member, user, %{}}) end
      users |> Enum.map(&Task.async(fn -> add.(&1) end)) |> Task.await_many()
      assert run!(context, context.owner, {:counts}).members == 43
      {:ok, members} = Guild.members(context.instance, context.guild.id, limit: 1_000)
      assert length(members) == 43
      assert Enum.map(members, & &1.user.id) == Enum.sort(Enum.map(members, & &1.user.id))
    end

    test "are renamed by themselves or from above", context do
      session = attach(context, context.bob)
      nick = &run(context, &1, {:update_member, &2, %{nick: &3}})
      assert {:ok, %{nick: "a"}} = nick.(context.ada, context.ada, "a")
      assert nick.(context.ada, context.bob, "b") == {:error, :missing_permissions}
      promote(context, context.ada, :manage_nicknames)
      assert {:ok, %{nick: "b"}} = nick.(context.ada, context.bob, "b")
      assert nick.(context.ada, context.owner, "c") == {:error, :missing_permissions}
      assert {:ok, %{nick: nil}} = nick.(context.ada, context.bob, "")
      assert await(session, "GUILD_MEMBER_UPDATE")["nick"] == "a"

      assert {:ok, []} =
               Guild.search_members(context.instance, context.guild.id, "b", 10) |> only_nick("b")
    end

    defp only_nick({:ok, members}, nick), do: {:ok, Enum.filter(members, &(&1.nick == nick))}

    test "get only roles below those of who gives them", context do
      high = promote(context, context.owner, :kick_members, 9)
      promote(context, context.ada, :manage_roles)
      low = run!(context, context.owner, {:create_role, %{name: "low"}}).id
      set = &run(context, context.ada, {:update_member, context.bob, %{roles: &1}})
      assert set.([high]) == {:error, :missing_permissions}
      assert set.([5]) == {:error, :unknown_role}
      assert {:ok, %{roles: [^low]}} = set.([low, low])
      run!(context, context.owner, {:add_role, context.bob, high})
      assert set.([]) == {:error, :missing_permissions}
      assert {:ok, %{roles: [^high]}} = set.([high])
    end

    test "are timed out, and may only look", context do
      promote(context, context.ada, :moderate_members)
      until = System.system_time(:millisecond) + 60_000
      timeout = &run(context, context.ada, {:update_member, &1, %{timeout_until: &2}})
      assert timeout.(context.owner, until) == {:error, :missing_permissions}
      assert {:error, {:invalid, _tree}} = timeout.(context.bob, until + 29 * 24 * 3_600_000)
      assert {:ok, _member} = timeout.(context.bob, until)
      command = {:create_message, context.channel, %{content: "x"}}
      assert run(context, context.bob, command) == {:error, :missing_permissions}
      assert {:ok, _member} = timeout.(context.bob, nil)
      assert {:ok, _message} = run(context, context.bob, command)
    end

    test "leave, and their sessions with them", context do
      [bob, ada] = for user <- [context.bob, context.ada], do: attach(context, user)
      assert run(context, context.bob, {:leave}) == :ok
      assert await(bob, "GUILD_DELETE")["id"] == id(context.guild.id)
      assert await(ada, "GUILD_MEMBER_REMOVE")["user"]["id"] == id(context.bob)
      run!(context, context.owner, {:create_message, context.channel, %{content: "x"}})
      assert Guildhall.Outbox.info(bob.outbox).pending_events == 0
      assert run(context, context.bob, {:get}) == {:error, :missing_access}
      assert {:ok, []} = Guild.find_members(context.instance, context.guild.id, [context.bob])
      assert run!(context, context.ada, {:counts}).members == 2
    end

    test "are kicked from above, and may come back", context do
      kick = &run(context, &1, {:remove_member, &2})
      assert kick.(context.ada, context.bob) == {:error, :missing_permissions}
      promote(context, context.ada, :kick_members)
      assert kick.(context.ada, context.owner) == {:error, :missing_permissions}
      assert kick.(context.ada, context.bob) == :ok
      assert kick.(context.ada, context.bob) == {:error, :unknown_member}
      assert {:ok, %{roles: []}} = run(context, context.owner, {:add_member, context.bob, %{}})
    end

    test "carry what their users are called", context do
      session = attach(context, context.ada)
      {:ok, %{user: user}} = run(context, context.ada, {:member, context.bob})
      command = {:update_user, %{user | global_name: "Robert"}}
      assert run(context, context.bob, command) == {:error, :missing_permissions}
      assert {:ok, _member} = run(context, :operator, command)
      assert await(session, "GUILD_MEMBER_UPDATE")["user"]["global_name"] == "Robert"
      assert {:ok, [_bob]} = Guild.search_members(context.instance, context.guild.id, "rob", 10)
    end
  end

  describe "bans" do
    test "keep people out until they are lifted", context do
      session = attach(context, context.owner)
      ban = {:ban, context.bob, %{reason: "spam", delete_message_seconds: 60}}

      for n <- 1..3,
          do: run!(context, context.bob, {:create_message, context.channel, %{content: "#{n}"}})

      assert run(context, context.ada, ban) == {:error, :missing_permissions}
      promote(context, context.ada, :ban_members)
      assert run(context, context.ada, ban) == :ok
      assert run(context, context.ada, ban) == :ok

      assert run(context, context.ada, {:ban, context.owner, %{}}) ==
               {:error, :missing_permissions}

      assert run(context, context.ada, {:ban, 5, %{}}) == {:error, :unknown_user}
      assert await(session, "GUILD_MEMBER_REMOVE")
      assert await(session, "GUILD_BAN_ADD")["user"]["id"] == id(context.bob)
      assert length(await(session, "MESSAGE_DELETE_BULK")["ids"]) == 4
      assert run(context, :operator, {:add_member, context.bob, %{}}) == {:error, :banned}

      list = &Guild.bans(context.instance, context.guild.id, &1)
      assert {:ok, [%{reason: "spam"}]} = list.(context.ada)
      assert run(context, context.ada, {:unban, context.bob}) == :ok
      assert await(session, "GUILD_BAN_REMOVE")
      assert run(context, context.ada, {:unban, context.bob}) == {:error, :unknown_ban}
      assert list.(context.ada) == {:ok, []}
      assert {:ok, _member} = run(context, :operator, {:add_member, context.bob, %{}})
    end

    test "are shown to those who may ban", context do
      session = attach(context, context.bob)
      stranger = user(context.instance)
      assert run(context, context.owner, {:ban, stranger, %{}}) == :ok
      only(context, session, [])

      assert Guild.bans(context.instance, context.guild.id, context.bob) ==
               {:error, :missing_permissions}

      assert {:ok, _} = Guild.ban(context.instance, context.guild.id, context.owner, stranger)

      assert Guild.ban(context.instance, context.guild.id, context.owner, 5) ==
               {:error, :unknown_ban}
    end
  end
end
