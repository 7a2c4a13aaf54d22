defmodule Guildhall.Guild.LifeTest do
  use ExUnit.Case, async: true

  import Guildhall.GuildFixture

  alias Guildhall.{Events, Guild, Relay, Store}
  alias Guildhall.Guild.Rooms

  # Rooms start, stop, crash and meet their limits; nothing that was answered is lost.

  setup do
    Events.listen()
    :ok
  end

  defp begin(options \\ []) do
    instance = start(options)
    owner = user(instance)
    guild = guild(instance, owner)
    %{instance: instance, guild: guild, channel: text_channel(guild), owner: owner}
  end

  defp run(context, command),
    do: Guild.run(context.instance, context.guild.id, context.owner, command)

  defp post(context, content) do
    run(context, {:create_message, context.channel, %{content: content}})
  end

  defp history(context) do
    %{instance: instance, guild: guild, channel: channel, owner: owner} = context
    {:ok, messages} = Guild.messages(instance, guild.id, channel, owner, limit: 100)
    messages
  end

  defp pid(context) do
    [{pid, _gate}] =
      Guildhall.PartitionedRegistry.lookup(Rooms.registry(context.instance), context.guild.id)

    pid
  end

  defp stopped(context) do
    room_id = context.guild.id
    assert_receive {:event, [:guildhall, :guild, :stop], _, %{room_id: ^room_id, reason: reason}}
    reason
  end

  test "a room that nobody needs stops, and starts again with what it was" do
    context = begin(idle_timeout: 20)
    {:ok, message} = post(context, "hi")
    {:ok, role} = run(context, {:create_role, %{name: "r"}})
    assert stopped(context) == :normal
    assert {:ok, guild} = run(context, {:get})
    assert guild.channels[context.channel].last_message_id == message.id
    assert guild.roles[role.id] == role
    assert guild.member_count == 1
    assert [%{content: "hi"}] = history(context)
  end

  test "a room with a session stays until the session ends" do
    context = begin(idle_timeout: 10)

    session =
      spawn(fn ->
        attached(context.instance, context.guild.id, context.owner)
        receive do: (:end -> :ok)
      end)

    room_id = context.guild.id
    refute_receive {:event, [:guildhall, :guild, :stop], _, %{room_id: ^room_id}}, 200
    send(session, :end)
    assert stopped(context) == :normal
  end

  test "no command is lost to a room that stops" do
    context = begin(idle_timeout: 0)

    posts =
      for n <- 1..8 do
        Task.async(fn ->
          for m <- 1..40 do
            {:ok, message} = post(context, "#{n}/#{m}")
            message.id
          end
        end)
      end

    ids = posts |> Task.await_many(30_000) |> Enum.concat()
    %{instance: instance, guild: guild, channel: channel, owner: owner} = context
    assert Enum.sort(ids) == Enum.sort(all(instance, guild.id, channel, owner, 0))
    # It did stop in between, or this says nothing.
    assert_receive {:event, [:guildhall, :guild, :stop], _, %{instance: ^instance}}
  end

  test "whoever was written off and comes after all is let in by the next room" do
    context = begin()
    {:ok, _guild} = run(context, {:get})
    room = pid(context)
    :erlang.suspend_process(room)
    send(room, :idle)
    send(room, :idle)
    late = Task.async(fn -> post(context, "late") end)
    until_waiting(room, 3)
    :erlang.resume_process(room)
    assert {:ok, message} = Task.await(late)
    assert stopped(context) == :normal
    assert [message.content] == Enum.map(history(context), & &1.content)
  end

  defp until_waiting(pid, count) do
    unless Process.info(pid, :message_queue_len) == {:message_queue_len, count},
      do: until_waiting(pid, count)
  end

  defp all(instance, guild_id, channel, owner, last) do
    case Guild.messages(instance, guild_id, channel, owner, after: last, limit: 100) do
      {:ok, []} ->
        []

      {:ok, [newest | _] = page} ->
        Enum.map(page, & &1.id) ++ all(instance, guild_id, channel, owner, newest.id)
    end
  end

  test "who waits at a room already is let in together" do
    context = begin()
    {:ok, _message} = post(context, "so that the room knows who posts")
    {room, room_id} = {pid(context), context.guild.id}

    [{^room, gate}] =
      Guildhall.PartitionedRegistry.lookup(Rooms.registry(context.instance), room_id)

    :ok = :sys.suspend(room)

    asked =
      for n <- 1..5 do
        :ok = Guild.Gate.enter(gate, :infinity)
        command = {:create_message, context.channel, %{content: "#{n}"}}
        stamp = Guild.Gate.released(gate)
        request = %Guild.Request{actor: context.owner, command: command, stamp: stamp}
        :gen_server.send_request(room, {:run, request})
      end

    :ok = :sys.resume(room)

    for {request, n} <- Enum.with_index(asked, 1) do
      assert {:reply, {:ok, message}} = :gen_server.wait_response(request, 15_000)
      assert message.content == "#{n}"
    end

    assert_receive {:event, [:guildhall, :guild, :release], %{commands: 5}, %{room_id: ^room_id}}
    assert Guild.Gate.waiting(gate) == 0
  end

  test "a room that is killed comes back with all that was answered" do
    context = begin()
    session = attached(context.instance, context.guild.id, context.owner)
    {:ok, before} = post(context, "before")
    {:ok, _guild} = run(context, {:update_guild, %{name: "renamed"}})
    Process.exit(pid(context), :kill)
    guild_id = context.guild.id
    assert_receive {Relay, :room_down, ^guild_id}
    assert %{"unavailable" => true} = await(session, "GUILD_DELETE")
    assert {:ok, later} = post(context, "after")
    assert later.id > before.id and later.epoch == before.epoch + 1
    assert {:ok, %{name: "renamed"}} = run(context, {:get})
    assert ["after", "before"] == Enum.map(history(context), & &1.content)
  end

  test "a room whose store is gone goes too, and comes back with it" do
    context = begin(store: [engine: :embedded])
    {:ok, _message} = post(context, "before")
    room = Process.monitor(pid(context))
    Process.exit(Process.whereis(Guildhall.Instance.child(context.instance, :store)), :kill)
    assert_receive {:DOWN, ^room, :process, _pid, {:shutdown, :unavailable}}
    assert eventually(fn -> post(context, "after") end)
    assert ["after", "before"] == Enum.map(history(context), & &1.content)
  end

  # While the store starts again it is unavailable.
  defp eventually(fun) do
    case fun.() do
      {:ok, result} -> result
      {:error, :unavailable} -> eventually(fun)
    end
  end

  test "on a full disk a room is read, and writes as soon as there is room" do
    context = begin(store: [engine: :embedded])
    {:ok, message} = post(context, "before")
    restart_store(context.instance, reserve_bytes: 1_000_000_000_000_000)
    stopped(context)

    # Ids run out as well, and then the store does not say why each time.
    assert {:error, reason} = post(context, "no")
    assert reason in [:storage_full, :unavailable]
    edit = {:edit_message, context.channel, message.id, %{content: "no"}}
    assert run(context, edit) == {:error, :storage_full}
    assert run(context, {:update_guild, %{name: "no"}}) == {:error, :storage_full}
    assert ["before"] == Enum.map(history(context), & &1.content)
    assert {:ok, %{name: "guild"}} = run(context, {:get})

    restart_store(context.instance, [])
    stopped(context)
    assert {:ok, _message} = post(context, "after")
    assert ["after", "before"] == Enum.map(history(context), & &1.content)
  end

  defp restart_store(instance, options) do
    %{path: path} = Guildhall.Instance.fetch!(instance, :store)
    stop_supervised!({Store, instance})
    start_supervised!({Store, [instance: instance, path: path] ++ options})
  end

  test "messages have one order: of ids, of history and of what is told" do
    context = begin(store: [engine: :embedded])
    session = attached(context.instance, context.guild.id, context.owner)
    users = for _ <- 1..20, do: user(context.instance)

    for user <- users,
        do: Guild.run(context.instance, context.guild.id, :operator, {:add_member, user, %{}})

    answers =
      users
      |> Enum.map(fn user ->
        Task.async(fn ->
          for n <- 1..15 do
            command = {:create_message, context.channel, %{content: "#{n}"}}
            {:ok, message} = Guild.run(context.instance, context.guild.id, user, command)
            {message.id, message.index}
          end
        end)
      end)
      |> Task.await_many(30_000)

    # To each of the posters, too.
    assert Enum.all?(answers, &(&1 == Enum.sort(&1)))
    answered = answers |> Enum.concat() |> Enum.sort()
    ids = Enum.map(answered, &elem(&1, 0))
    assert Enum.map(answered, &elem(&1, 1)) == answered |> Enum.map(&elem(&1, 1)) |> Enum.sort()
    told = drain(context.instance, session, context.guild.id, context.channel, context.owner)

    assert for({"MESSAGE_CREATE", %{"type" => 0, "id" => id}} <- told, do: String.to_integer(id)) ==
             ids

    stored = all(context.instance, context.guild.id, context.channel, context.owner, hd(ids) - 1)
    assert stored |> Enum.sort() |> Enum.take(300) == ids
  end

  test "a room refuses what is too much" do
    context = begin(max_in_flight: 1, store: [engine: :embedded])
    posts = for _ <- 1..200, do: Task.async(fn -> post(context, "x") end)
    {done, refused} = posts |> Task.await_many() |> Enum.split_with(&match?({:ok, _message}, &1))
    assert Enum.all?(refused, &(&1 == {:error, :overloaded}))
    assert length(history(context) |> Enum.take(100)) == min(length(done), 100)
    assert refused != []
    room_id = context.guild.id

    assert_receive {:event, [:guildhall, :guild, :refusal], _,
                    %{room_id: ^room_id, reason: :in_flight}}
  end
end
