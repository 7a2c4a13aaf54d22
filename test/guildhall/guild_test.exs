defmodule Guildhall.GuildTest do
  use ExUnit.Case, async: true

  import Guildhall.GuildFixture

  alias Guildhall.Guild
  alias Guildhall.Model.{Intents, Json, Overwrite, Snowflake}
  alias Guildhall.Permissions

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

  defp post(context, actor, content, attrs \\ %{}) do
    run!(context, actor, {:create_message, context.channel, Map.put(attrs, :content, content)})
  end

  defp contents(context, viewer, bounds \\ []) do
    %{instance: instance, guild: guild, channel: channel} = context
    {:ok, messages} = Guild.messages(instance, guild.id, channel, viewer, bounds)
    for %{type: type, content: content} <- messages, type != 7, do: content
  end

  defp message(context, id, viewer \\ :operator) do
    Guild.message(context.instance, context.guild.id, {context.channel, id}, viewer)
  end

  defp attach(context, user_id, options \\ []) do
    attached(context.instance, context.guild.id, user_id, options)
  end

  defp emoji(name), do: %{id: nil, name: name}

  defp deny(context, name) do
    overwrite = %Overwrite{id: context.guild.id, type: :role, deny: Permissions.bit(name)}
    :ok = run(context, :operator, {:put_overwrite, context.channel, overwrite})
  end

  defp id(id), do: Integer.to_string(id)

  describe "a room" do
    test "is found by its channels, and is not there if it was never founded", context do
      assert Guild.room(context.instance, context.channel) == {:ok, context.guild.id}
      assert Guild.room(context.instance, 1) == {:error, :unknown_channel}
      assert Guild.run(context.instance, 5, :operator, {:get}) == {:error, :unknown_guild}
    end

    test "knows nobody who is no member", context do
      stranger = user(context.instance)
      assert run(context, stranger, {:get}) == {:error, :missing_access}
      command = {:create_message, context.channel, %{content: "hi"}}
      assert run(context, stranger, command) == {:error, :missing_access}
      session(context.instance, context.guild.id, stranger)
      guild_id = context.guild.id
      assert_receive {Guild, :refused, ^guild_id, :unknown_guild}
    end

    test "outlives commands that make no sense, which raise where they come from", context do
      assert {:ok, _message} = post_once(context)
      command = {:create_message, context.channel, %{content: :no_text}}
      assert_raise FunctionClauseError, fn -> run(context, context.ada, command) end

      assert_raise FunctionClauseError, fn ->
        run(context, context.owner, {:move_roles, [%{}]})
      end

      assert_raise KeyError, fn -> run(context, context.ada, {:nonsense}) end
      assert {:ok, %{epoch: 1}} = post_once(context)
    end

    defp post_once(context),
      do: run(context, context.ada, {:create_message, context.channel, %{content: "x"}})

    test "refuses sessions if it is not there", context do
      session(context.instance, 5, context.ada)
      assert_receive {Guild, :refused, 5, :unknown_guild}
    end
  end

  describe "a message" do
    test "is stored, answered and told", context do
      session = attach(context, context.bob)
      message = post(context, context.ada, "hi")
      assert %{"content" => "hi"} = data = await(session, "MESSAGE_CREATE")
      assert data["id"] == id(message.id)
      assert data["member"]["roles"] == []
      assert data["guild_id"] == id(context.guild.id)
      assert contents(context, context.bob) == ["hi"]
    end

    test "shows its nonce to its author alone", context do
      [author, other] = for user_id <- [context.ada, context.bob], do: attach(context, user_id)
      assert %{nonce: "n"} = post(context, context.ada, "hi", %{nonce: "n"})
      assert %{"nonce" => "n"} = await(author, "MESSAGE_CREATE")
      refute is_map_key(await(other, "MESSAGE_CREATE"), "nonce")
    end

    test "is posted once by one nonce that is enforced", context do
      attrs = %{content: "hi", nonce: "n", enforce_nonce: true}
      command = {:create_message, context.channel, attrs}
      posts = for _ <- 1..10, do: Task.async(fn -> run!(context, context.ada, command) end)
      assert [_one_id] = posts |> Task.await_many() |> Enum.map(& &1.id) |> Enum.uniq()
      run!(context, context.bob, command)
      assert contents(context, context.ada) == ["hi", "hi"]
    end

    test "is stripped for those who lack MESSAGE_CONTENT, unless it is theirs or names them",
         context do
      intents = Intents.known() - Intents.bit(:message_content)
      session = attach(context, context.bob, intents: intents)
      post(context, context.ada, "secret")
      assert %{"content" => ""} = await(session, "MESSAGE_CREATE")
      post(context, context.ada, "<@#{context.bob}> hi")

      assert %{"content" => "<@" <> _, "mentions" => [%{"id" => id}]} =
               await(session, "MESSAGE_CREATE")

      assert id == id(context.bob)
      post(context, context.bob, "mine")
      assert %{"content" => "mine"} = await(session, "MESSAGE_CREATE")
    end

    test "answers another one, whose author it mentions", context do
      session = attach(context, context.bob)
      first = post(context, context.bob, "first")
      reference = %{type: 0, message_id: first.id, channel_id: context.channel}
      assert %{type: 19} = post(context, context.ada, "yes", %{message_reference: reference})
      await(session, "MESSAGE_CREATE")
      data = await(session, "MESSAGE_CREATE")
      assert data["referenced_message"]["content"] == "first"
      assert data["message_reference"]["message_id"] == id(first.id)
      assert [%{"id" => mentioned}] = data["mentions"]
      assert mentioned == id(context.bob)

      :ok = run(context, context.bob, {:delete_message, context.channel, first.id})
      attrs = %{content: "late", message_reference: reference}

      assert {:error, {:invalid, _}} =
               run(context, context.ada, {:create_message, context.channel, attrs})

      lenient = %{attrs | message_reference: Map.put(reference, :fail_if_not_exists, false)}
      assert %{type: 0} = run!(context, context.ada, {:create_message, context.channel, lenient})
    end

    test "needs permissions for what is in it", context do
      create = &run(context, context.ada, {:create_message, context.channel, &1})
      assert create.(%{content: "   "}) == {:error, :empty_message}
      deny(context, :embed_links)
      assert create.(%{embeds: [%{title: "x"}]}) == {:error, :missing_permissions}
      assert {:ok, %{mention_everyone: true}} = create.(%{content: "@everyone"})
      deny(context, :mention_everyone)
      assert {:ok, %{mention_everyone: false}} = create.(%{content: "@everyone"})
      deny(context, :send_messages)
      assert create.(%{content: "hi"}) == {:error, :missing_permissions}

      assert run(context, context.ada, {:typing, context.channel}) ==
               {:error, :missing_permissions}

      deny(context, :view_channel)
      assert create.(%{content: "hi"}) == {:error, :missing_access}

      assert {:ok, _} =
               run(context, context.owner, {:create_message, context.channel, %{content: "hi"}})
    end

    test "has to wait in a slow channel", context do
      run!(context, :operator, {:update_channel, context.channel, %{rate_limit_per_user: 60}})
      post(context, context.ada, "one")
      command = {:create_message, context.channel, %{content: "two"}}
      assert {:error, {:slowmode, wait}} = run(context, context.ada, command)
      assert wait in 50_000..60_000
      post(context, context.bob, "other")
      post(context, context.owner, "one")
      post(context, context.owner, "two")
    end

    test "is edited by its author, and keeps its place", context do
      session = attach(context, context.bob)
      message = post(context, context.ada, "helo")
      edit = &run(context, &1, {:edit_message, context.channel, message.id, &2})
      assert edit.(context.owner, %{content: "mine"}) == {:error, :cannot_edit_other}
      assert edit.(context.ada, %{content: ""}) == {:error, :empty_message}
      assert {:ok, edited} = edit.(context.ada, %{content: "hello"})
      assert edited.edited_at != nil and edited.index == message.index
      data = await(session, "MESSAGE_UPDATE")
      assert %{"content" => "hello", "timestamp" => timestamp, "edited_timestamp" => at} = data
      assert timestamp == Json.timestamp(Snowflake.time(message.id)) and at != nil
      assert {:ok, %{flags: 4, content: "hello"}} = edit.(context.owner, %{flags: 4})
      assert edit.(context.bob, %{flags: 0}) == {:error, :missing_permissions}
      assert {:ok, %{content: "hello", flags: 4}} = message(context, message.id)
    end

    test "is deleted by its author or who manages messages, once", context do
      session = attach(context, context.bob)
      message = post(context, context.ada, "hi")
      delete = &run(context, &1, {:delete_message, context.channel, message.id})
      assert delete.(context.bob) == {:error, :missing_permissions}
      assert delete.(context.owner) == :ok
      assert await(session, "MESSAGE_DELETE")["id"] == id(message.id)
      assert delete.(context.owner) == {:error, :unknown_message}
      assert message(context, message.id) == {:error, :unknown_message}
      edit = {:edit_message, context.channel, message.id, %{content: "x"}}
      assert run(context, context.ada, edit) == {:error, :unknown_message}
    end

    test "is deleted with others", context do
      session = attach(context, context.bob)
      ids = for n <- 1..3, do: post(context, context.ada, "#{n}").id
      delete = &run(context, &1, {:delete_messages, context.channel, &2})
      assert delete.(context.ada, ids) == {:error, :missing_permissions}
      assert delete.(context.owner, [hd(ids)]) == {:error, :bulk_count}
      assert delete.(context.owner, [1 | ids]) == {:error, :too_old}
      assert delete.(context.owner, tl(ids)) == :ok
      assert await(session, "MESSAGE_DELETE_BULK")["ids"] == Enum.map(tl(ids), &id/1)
      assert contents(context, context.bob) == ["1"]
    end
  end

  test "history is paged by ids", context do
    messages = for n <- 1..7, do: post(context, context.ada, "#{n}")
    [_1, _2, third, _4, fifth | _] = Enum.map(messages, & &1.id)
    assert contents(context, context.bob, limit: 2) == ["7", "6"]
    assert contents(context, context.bob, before: third) == ["2", "1"]
    assert contents(context, context.bob, after: third, limit: 2) == ["5", "4"]
    assert contents(context, context.bob, around: fifth, limit: 3) == ["6", "5", "4"]
    deny(context, :read_message_history)
    assert contents(context, context.bob) == []
  end

  describe "reactions" do
    setup context, do: %{message: post(context, context.ada, "hi").id}

    defp react(context, actor, name, message \\ nil) do
      run(
        context,
        actor,
        {:add_reaction, context.channel, message || context.message, emoji(name)}
      )
    end

    test "are counted exactly, and told with who gave them", context do
      session = attach(context, context.bob)
      users = for _ <- 1..20, do: user(context.instance)
      for user <- users, do: run!(context, :operator, {:add_member, user, %{}})
      tasks = for user <- users, do: Task.async(fn -> react(context, user, "👍") end)
      assert Enum.all?(Task.await_many(tasks), &(&1 == :ok))
      assert react(context, hd(users), "👍") == :ok

      assert %{"member" => %{"user" => %{}}, "emoji" => %{"name" => "👍"}} =
               await(session, "MESSAGE_REACTION_ADD")

      assert {:ok, %{reactions: [%{count: 20, me: true}]}} =
               message(context, context.message, hd(users))

      assert {:ok, %{reactions: [%{me: false}]}} = message(context, context.message, context.bob)

      place = {context.channel, context.message, emoji("👍")}

      {:ok, some} =
        Guild.reactors(context.instance, context.guild.id, place, context.bob, limit: 7)

      last = List.last(some).id
      bounds = [limit: 100, after: last]
      {:ok, rest} = Guild.reactors(context.instance, context.guild.id, place, context.bob, bounds)
      assert Enum.map(some ++ rest, & &1.id) == users
    end

    test "are taken back, cleared, and can come again", context do
      session = attach(context, context.bob)

      for user <- [context.ada, context.bob],
          name <- ["👍", "👎"],
          do: :ok = react(context, user, name)

      remove =
        &run(context, &1, {:remove_reaction, context.channel, context.message, emoji(&2), &3})

      assert remove.(context.bob, "👍", context.ada) == {:error, :missing_permissions}
      assert remove.(context.bob, "👍", context.bob) == :ok
      assert remove.(context.bob, "👍", context.bob) == :ok
      assert remove.(context.bob, "🎉", context.bob) == {:error, :unknown_emoji}
      assert await(session, "MESSAGE_REACTION_REMOVE")["user_id"] == id(context.bob)

      clear =
        &run(context, context.owner, {:clear_reactions, context.channel, context.message, &1})

      assert clear.(emoji("👎")) == :ok
      assert await(session, "MESSAGE_REACTION_REMOVE_EMOJI")["emoji"]["name"] == "👎"
      assert react(context, context.bob, "👎") == :ok
      assert {:ok, %{reactions: reactions}} = message(context, context.message, context.bob)
      assert [%{count: 1, me: false}, %{count: 1, me: true}] = reactions

      assert {:ok, %{reactions: [_, %{me: false}]}} =
               message(context, context.message, context.ada)

      assert clear.(nil) == :ok
      assert await(session, "MESSAGE_REACTION_REMOVE_ALL")
      assert {:ok, %{reactions: []}} = message(context, context.message, context.ada)
    end

    test "need the right for a new emoji only, and are twenty at most", context do
      for n <- 0..19, do: :ok = react(context, context.ada, <<0x1F600 + n::utf8>>)
      assert react(context, context.ada, "👍") == {:error, :reaction_limit}
      deny(context, :add_reactions)
      assert react(context, context.bob, <<0x1F600::utf8>>) == :ok
      assert react(context, context.bob, "👍") == {:error, :missing_permissions}
      assert react(context, context.ada, "text") == {:error, :unknown_emoji}
      :ok = run(context, context.ada, {:delete_message, context.channel, context.message})
      assert react(context, context.ada, <<0x1F600::utf8>>) == {:error, :unknown_message}
    end
  end

  test "pins are told, listed and undone", context do
    session = attach(context, context.bob)
    [one, two] = for n <- 1..2, do: post(context, context.ada, "#{n}")
    pins = fn -> Guild.pins(context.instance, context.guild.id, context.channel, context.bob) end

    assert run(context, context.bob, {:pin, context.channel, one.id}) ==
             {:error, :missing_permissions}

    for message <- [one, two],
        do: :ok = run(context, context.owner, {:pin, context.channel, message.id})

    assert %{"last_pin_timestamp" => "2" <> _} = await(session, "CHANNEL_PINS_UPDATE")
    {:ok, pinned} = pins.()

    assert pinned |> Enum.map(fn {_at, message} -> message.content end) |> Enum.sort() == [
             "1",
             "2"
           ]

    :ok = run(context, context.owner, {:unpin, context.channel, one.id})
    :ok = run(context, context.owner, {:delete_message, context.channel, two.id})
    assert pins.() == {:ok, []}
    assert {:ok, %{pinned: false}} = message(context, one.id)
  end

  test "a guild is renamed, given away and deleted", context do
    session = attach(context, context.bob)

    assert run(context, context.ada, {:update_guild, %{name: "mine"}}) ==
             {:error, :missing_permissions}

    assert %{name: "ours"} = run!(context, context.owner, {:update_guild, %{name: "ours"}})
    assert await(session, "GUILD_UPDATE")["name"] == "ours"
    run!(context, context.owner, {:update_guild, %{owner_id: context.ada}})
    assert run(context, context.owner, {:delete_guild}) == {:error, :missing_permissions}
    assert run(context, context.ada, {:leave}) == {:error, :missing_permissions}
    assert run(context, context.ada, {:delete_guild}) == :ok

    assert await(session, "GUILD_DELETE") == %{
             "id" => id(context.guild.id),
             "unavailable" => false
           }

    assert run(context, context.ada, {:get}) == {:error, :unknown_guild}
    assert Guild.room(context.instance, context.channel) == {:error, :unknown_channel}
    assert {:ok, []} = Guild.members(context.instance, context.guild.id, limit: 10)
  end
end
