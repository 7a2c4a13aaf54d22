defmodule Guildhall.Guild.SessionsTest do
  use ExUnit.Case, async: true

  import Guildhall.GuildFixture

  alias Guildhall.{Guild, Outbox, User}
  alias Guildhall.Model.{Intents, Overwrite, Presence}
  alias Guildhall.Permissions

  # What sessions are told when they come and go, and of each other.

  setup do
    instance = start()
    [owner, ada, bob] = for name <- ~w(owner ada bob), do: user(instance, name)
    guild = guild(instance, owner, [ada, bob])
    base = %{instance: instance, guild: guild, channel: text_channel(guild)}
    Map.merge(base, %{owner: owner, ada: ada, bob: bob})
  end

  defp run!(context, actor, command) do
    {:ok, result} = Guild.run(context.instance, context.guild.id, actor, command)
    result
  end

  defp attach(context, user_id, options \\ []) do
    attached(context.instance, context.guild.id, user_id, options)
  end

  defp greeted(context, user_id, options \\ []) do
    session = session(context.instance, context.guild.id, user_id, options)
    assert {"GUILD_CREATE", data} = next(session)
    {session, data}
  end

  # A session in a process of its own, which ends when it is told to.
  defp elsewhere(context, user_id) do
    test = self()

    pid =
      spawn_link(fn ->
        send(test, {:session, attach(context, user_id)})
        receive do: (:end -> :ok)
      end)

    receive do: ({:session, session} -> {pid, session})
  end

  defp present(context, session, status) do
    presence = %Presence{status: status}
    %{instance: instance, guild: %{id: guild_id}} = context
    Guild.set_presence(instance, guild_id, session.user_id, session.session_id, presence)
  end

  defp voice(context, session, attrs) do
    %{instance: instance, guild: %{id: guild_id}} = context
    Guild.set_voice(instance, guild_id, session.user_id, session.session_id, attrs)
  end

  defp user_ids(members), do: members |> Enum.map(& &1["user"]["id"]) |> Enum.sort()
  defp id(id), do: Integer.to_string(id)
  defp ids(ids), do: ids |> Enum.map(&id/1) |> Enum.sort()

  describe "GUILD_CREATE" do
    test "shows a small guild whole", context do
      attach(context, context.ada, status: :dnd)
      {_session, data} = greeted(context, context.bob)
      assert data["unavailable"] == false and data["large"] == false
      assert data["member_count"] == 3
      assert user_ids(data["members"]) == ids([context.owner, context.ada, context.bob])
      statuses = Map.new(data["presences"], &{&1["user"]["id"], &1["status"]})
      assert statuses == %{id(context.ada) => "dnd", id(context.bob) => "online"}
      assert [%{"name" => "@everyone"}] = data["roles"]
      assert ["general", "General"] == for(channel <- data["channels"], do: channel["name"])
      assert data["joined_at"] =~ ~r/^20/
    end

    test "shows of a large one who is online, and without presences only itself", context do
      attach(context, context.ada)
      {_session, data} = greeted(context, context.bob, threshold: 2)
      assert data["large"]
      assert user_ids(data["members"]) == ids([context.ada, context.bob])
      intents = Intents.known() - Intents.bit(:guild_presences)
      {_session, data} = greeted(context, context.owner, intents: intents)
      assert user_ids(data["members"]) == ids([context.owner])
      assert data["presences"] == []
    end

    test "shows the channels that the member sees, with their last messages", context do
      deny = %Overwrite{id: context.guild.id, type: :role, deny: Permissions.bit(:view_channel)}
      run!(context, context.owner, {:create_channel, %{name: "hidden", overwrites: [deny]}})
      run!(context, context.owner, {:create_channel, %{name: "category", type: 4}})
      message = run!(context, context.ada, {:create_message, context.channel, %{content: "x"}})
      {_session, data} = greeted(context, context.bob)

      assert ["general", "General", "category"] ==
               for(channel <- data["channels"], do: channel["name"])

      assert hd(data["channels"])["last_message_id"] == id(message.id)
      {_session, data} = greeted(context, context.owner)
      assert length(data["channels"]) == 4
    end

    test "follows every change", context do
      {_session, before} = greeted(context, context.bob)
      run!(context, context.owner, {:update_guild, %{name: "other"}})
      run!(context, context.owner, {:create_role, %{name: "role"}})
      run!(context, context.ada, {:update_member, context.ada, %{nick: "a"}})
      new = user(context.instance)
      run!(context, :operator, {:add_member, new, %{}})
      {_session, data} = greeted(context, context.bob)
      assert {before["name"], data["name"]} == {"guild", "other"}
      assert length(data["roles"]) == 2
      assert user_ids(data["members"]) == ids([context.owner, context.ada, context.bob, new])
      assert "a" in Enum.map(data["members"], & &1["nick"])
    end

    test "comes once, and everything after it exactly once", context do
      poster = fn n ->
        run!(context, context.ada, {:create_message, context.channel, %{content: "#{n}"}})
      end

      task = Task.async(fn -> for n <- 1..200, do: poster.(n) end)
      sessions = for _ <- 1..10, do: attach(context, context.bob)
      Task.await(task)
      poster.("end")

      for session <- sessions do
        got = contents(session, [])
        assert got == Enum.take(Enum.to_list(1..200), -length(got)), inspect(got)
      end
    end

    defp contents(session, got) do
      case await(session, "MESSAGE_CREATE")["content"] do
        "end" -> Enum.reverse(got)
        n -> contents(session, [String.to_integer(n) | got])
      end
    end

    test "and what follows hold no message of a channel that is hidden at that point", context do
      post = fn n ->
        Guild.run(
          context.instance,
          context.guild.id,
          context.ada,
          {:create_message, context.channel, %{content: "#{n}"}}
        )
      end

      posting = Task.async(fn -> for n <- 1..400, do: post.(n) end)
      session = attach(context, context.bob)
      overwrite = %Overwrite{id: context.bob, type: :member, deny: Permissions.bit(:view_channel)}

      for _ <- 1..20 do
        :ok =
          Guild.run(
            context.instance,
            context.guild.id,
            context.owner,
            {:put_overwrite, context.channel, overwrite}
          )

        :ok =
          Guild.run(
            context.instance,
            context.guild.id,
            context.owner,
            {:delete_overwrite, context.channel, context.bob}
          )
      end

      Task.await(posting)
      got = drain(context.instance, session, context.guild.id, context.channel, context.owner)
      types = for {type, _data} <- got, do: type
      assert Enum.count(types, &(&1 == "CHANNEL_DELETE")) == 20
      assert Enum.reduce(types, true, &visible/2)
    end

    defp visible("CHANNEL_DELETE", true), do: false
    defp visible("CHANNEL_CREATE", false), do: true

    defp visible(type, seen?) when type in ["MESSAGE_CREATE", "CHANNEL_UPDATE"] and seen?,
      do: true

    defp visible("PRESENCE_UPDATE", seen?), do: seen?

    test "is not sent again to a session that is attached", context do
      session = attach(context, context.bob)
      :ok = Guild.attach(context.instance, context.guild.id, session, %Presence{}, 50)

      assert drain(context.instance, session, context.guild.id, context.channel, context.ada) ==
               []
    end
  end

  describe "presence" do
    test "is told when it changes, and offline when the last session ends", context do
      watcher = attach(context, context.ada)
      {pid, session} = elsewhere(context, context.bob)
      assert %{"status" => "online", "user" => %{"id" => bob}} = await(watcher, "PRESENCE_UPDATE")
      assert bob == id(context.bob)
      present(context, session, :idle)
      assert await(watcher, "PRESENCE_UPDATE")["status"] == "idle"
      second = attach(context, context.bob, status: :dnd)
      assert await(watcher, "PRESENCE_UPDATE")["status"] == "dnd"
      present(context, second, :online)
      assert await(watcher, "PRESENCE_UPDATE")["status"] == "online"
      present(context, second, :invisible)
      assert await(watcher, "PRESENCE_UPDATE")["status"] == "idle"
      send(pid, :end)
      assert await(watcher, "PRESENCE_UPDATE")["status"] == "offline"

      assert {:ok, %{} = shown} =
               Guild.presences(context.instance, context.guild.id, [context.ada, context.bob])

      assert Map.keys(shown) == [context.ada]
    end

    test "is told in windows when many change", context do
      watcher = attach(context, context.ada)
      users = for _ <- 1..60, do: user(context.instance)
      for user <- users, do: run!(context, :operator, {:add_member, user, %{}})
      sessions = for user <- users, do: attach(context, user)
      for session <- sessions, status <- [:idle, :dnd], do: present(context, session, status)
      last = wait_for(watcher, Map.new(users, &{id(&1), "dnd"}), %{}, 0)
      # Each came online, and few had a turn for both of the others.
      assert last < 3 * 60
    end

    # How many updates it took until the watcher saw this.
    defp wait_for(_watcher, wanted, wanted, count), do: count

    defp wait_for(watcher, wanted, seen, count) do
      %{"user" => %{"id" => user_id}, "status" => status} = await(watcher, "PRESENCE_UPDATE")
      seen = if is_map_key(wanted, user_id), do: Map.put(seen, user_id, status), else: seen
      wait_for(watcher, wanted, seen, count + 1)
    end
  end

  describe "voice" do
    setup context do
      {id, _channel} = Enum.find(context.guild.channels, fn {_id, %{type: type}} -> type == 2 end)
      %{voice: id}
    end

    test "is joined, changed, seen by who comes, and left", context do
      [watcher, session] = for user <- [context.ada, context.bob], do: attach(context, user)
      voice(context, session, %{channel_id: context.voice, self_mute: true})
      data = await(watcher, "VOICE_STATE_UPDATE")
      assert data["channel_id"] == id(context.voice) and data["self_mute"]
      assert data["member"]["user"]["id"] == id(context.bob)
      assert await(session, "VOICE_SERVER_UPDATE")["endpoint"] == nil
      voice(context, session, %{channel_id: context.voice, self_mute: false})
      assert await(watcher, "VOICE_STATE_UPDATE")["self_mute"] == false
      {_session, data} = greeted(context, context.owner)
      assert [%{"user_id" => user_id}] = data["voice_states"]
      assert user_id == id(context.bob)
      voice(context, session, %{channel_id: nil})
      assert await(watcher, "VOICE_STATE_UPDATE")["channel_id"] == nil

      assert drain(context.instance, watcher, context.guild.id, context.channel, context.ada) ==
               []
    end

    test "is left with the session", context do
      watcher = attach(context, context.ada)
      {pid, session} = elsewhere(context, context.bob)
      voice(context, session, %{channel_id: context.voice})
      assert await(watcher, "VOICE_STATE_UPDATE")["channel_id"] != nil
      send(pid, :end)
      assert await(watcher, "VOICE_STATE_UPDATE")["channel_id"] == nil
    end

    test "follows those who mute, move and delete", context do
      [watcher, session] = for user <- [context.ada, context.bob], do: attach(context, user)

      update =
        &Guild.run(
          context.instance,
          context.guild.id,
          context.owner,
          {:update_member, context.bob, &1}
        )

      assert update.(%{channel_id: nil}) == {:error, :not_in_voice}
      voice(context, session, %{channel_id: context.voice})
      assert await(watcher, "VOICE_STATE_UPDATE")["mute"] == false
      assert {:ok, _member} = update.(%{mute: true})
      assert await(watcher, "VOICE_STATE_UPDATE")["mute"] == true
      other = run!(context, context.owner, {:create_channel, %{name: "other", type: 2}})
      assert {:ok, _member} = update.(%{channel_id: other.id})
      assert await(watcher, "VOICE_STATE_UPDATE")["channel_id"] == nil
      assert await(watcher, "VOICE_STATE_UPDATE")["channel_id"] == id(other.id)
      run!(context, context.owner, {:delete_channel, other.id})
      assert await(watcher, "VOICE_STATE_UPDATE")["channel_id"] == nil
      assert await(watcher, "CHANNEL_DELETE")
    end

    test "needs a place and the right", context do
      sessions =
        [watcher | _] =
        for user <- [context.owner, context.ada, context.bob], do: attach(context, user)

      run!(context, context.owner, {:update_channel, context.voice, %{user_limit: 1}})
      for session <- tl(sessions), do: voice(context, session, %{channel_id: context.voice})
      voice(context, watcher, %{channel_id: context.channel})
      got = drain(context.instance, watcher, context.guild.id, context.channel, context.ada)
      assert [ada] = for({"VOICE_STATE_UPDATE", data} <- got, do: data["user_id"])
      assert ada == id(context.ada)
    end
  end

  test "around the beginning of a channel there is what there is", context do
    run!(context, context.ada, {:create_message, context.channel, %{content: "x"}})
    %{instance: instance, guild: guild, channel: channel} = context

    assert {:ok, [_first]} =
             Guild.messages(instance, guild.id, channel, context.ada, around: 0, limit: 1)

    assert {:ok, [_ | _]} = Guild.messages(instance, guild.id, channel, context.ada, after: 0)
    assert {:ok, []} = Guild.messages(instance, guild.id, channel, context.ada, before: 0)
  end

  describe "a direct message channel" do
    setup context do
      {:ok, channel} = Guild.open_dm(context.instance, context.ada, context.bob)
      %{direct: channel.id}
    end

    defp say(context, actor, content) do
      Guild.run(
        context.instance,
        context.direct,
        actor,
        {:create_message, context.direct, %{content: content}}
      )
    end

    test "is one, whoever opens it", context do
      tasks =
        for {a, b} <- [{:ada, :owner}, {:owner, :ada}, {:ada, :owner}],
            do:
              Task.async(fn ->
                {:ok, channel} = Guild.open_dm(context.instance, context[a], context[b])
                channel.id
              end)

      assert [_one] = tasks |> Task.await_many() |> Enum.uniq()
      assert Guild.room(context.instance, context.direct) == {:ok, context.direct}

      assert Guild.open_dm(context.instance, context.ada, context.ada) ==
               {:error, :invalid_recipient}

      assert Guild.open_dm(context.instance, context.ada, 5) == {:error, :unknown_user}
    end

    test "is for its two users", context do
      assert say(context, context.owner, "hi") == {:error, :missing_access}
      assert {:ok, %{guild_id: nil}} = say(context, context.ada, "hi")

      assert {:ok, [%{content: "hi"}]} =
               Guild.messages(context.instance, context.direct, context.direct, context.bob)

      session(context.instance, context.direct, context.owner)
      assert_receive {Guild, :refused, _room_id, :unknown_channel}
    end

    test "calls the sessions of its users before it speaks", context do
      :ok = User.register(context.instance, context.bob)
      assert {:ok, message} = say(context, context.ada, "hi")
      direct = context.direct
      assert_receive {User, {:joined, ^direct, :dm}}

      session =
        session(context.instance, context.direct, context.bob,
          intents: Intents.bit(:direct_messages)
        )

      assert {"CHANNEL_CREATE", %{"type" => 1, "recipients" => [%{"id" => ada}]}} = next(session)
      assert ada == id(context.ada)
      assert {"MESSAGE_CREATE", %{"content" => "hi"} = data} = next(session)
      assert data["id"] == id(message.id) and not is_map_key(data, "guild_id")
      {:ok, _message} = say(context, context.ada, "again")
      assert {"MESSAGE_CREATE", %{"content" => "again"}} = next(session)
    end

    test "waits once for a session that does not come", context do
      session = attached(context.instance, context.direct, context.bob)
      :ok = User.register(context.instance, context.ada)
      for n <- 1..2, do: {:ok, _} = say(context, context.bob, "#{n}")
      assert for(_ <- 1..2, do: next(session) |> elem(1) |> Map.get("content")) == ["1", "2"]
      {:ok, _message} = say(context, context.bob, "3")
      {:ok, _message} = say(context, context.bob, "4")
      assert {"MESSAGE_CREATE", %{"content" => "3"}} = next(session)
      assert Outbox.info(session.outbox).sequence >= 4
    end
  end
end
