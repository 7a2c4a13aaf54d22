defmodule Guildhall.RelayTest do
  use ExUnit.Case, async: true

  import Bitwise, only: [|||: 2]
  import Guildhall.RelayFixture

  alias Guildhall.{Frames, Outbox, Relay, SocketFixture}
  alias Guildhall.Model.{Guild, Intents, Overwrite}
  alias Guildhall.Relay.{Event, View}

  # The test is the room and its sessions; another room is a process that runs what it is sent.
  setup context do
    instance = Module.concat(context.module, "T#{System.unique_integer([:positive])}")
    start_supervised!({Relay, instance: instance, count: 1, mailbox_limit: 100})
    relay = Relay.for(instance, "a session")
    Relay.open(relay, 1, %View{guild: guild()})
    %{instance: instance, relay: relay}
  end

  test "a session belongs to one relay of the instance", %{instance: instance} do
    many = Module.concat(instance, Many)
    start_supervised!({Relay, instance: many, count: 3}, id: :many)
    relays = for n <- 1..200, do: Relay.for(many, "session-#{n}")

    assert relays == for(n <- 1..200, do: Relay.for(many, "session-#{n}"))
    assert Enum.sort(Enum.uniq(relays)) == Enum.sort(Relay.all(many))
    assert length(Relay.all(many)) == 3
  end

  test "a session gets its own events, then those of the room", %{relay: relay} do
    session = attach(relay, subscriber(5), [event("create")])
    Relay.publish([relay], 1, message("hello", 10))

    # Which is wake enough.
    assert_receive {Relay, :attached, 1}
    sync(relay)
    refute_received {Relay, :wake}
    assert read(session) == ["create", "hello"]
  end

  test "a session is woken once for all that waits", %{relay: relay} do
    attach(relay, subscriber(5))
    suspended(relay, fn -> for n <- 1..50, do: Relay.publish([relay], 1, message("#{n}", 10)) end)

    assert_receive {Relay, :wake}
    sync(relay)
    refute_received {Relay, :wake}
  end

  test "sessions with a socket are not woken; a large room is written in passes, and nobody waits for the next event",
       %{relay: relay} do
    clients =
      for id <- 1..150 do
        {client, socket} = SocketFixture.pair()
        session = subscriber(id)
        :ok = Outbox.connect(session.outbox, socket, Outbox.Transport.new(:plain))
        attach(relay, session)
        client
      end

    [first | others] = clients

    readers =
      for client <- others do
        last? = &(&1 =~ ~s({"s":50,) and String.ends_with?(&1, "}"))
        task = Task.async(fn -> SocketFixture.read_until(client, last?) end)
        :ok = :gen_tcp.controlling_process(client, task.pid)
        task
      end

    # Each comes while a pass goes on: the first of all has what came before.
    for n <- 1..50 do
      Relay.publish([relay], 1, message("#{n}", 10))
      SocketFixture.read_until(first, &(&1 =~ ~s({"s":#{n},)))
    end

    for bytes <- Task.await_many(readers, 10_000) do
      numbers =
        for {:text, payload} <- Frames.messages(bytes), do: payload |> String.split(",") |> hd()

      assert numbers == for(n <- 1..50, do: ~s({"s":#{n}))
    end

    refute_received {Relay, :wake}
  end

  test "events to some come between events to all in their order", %{relay: relay} do
    [author, reader] = for id <- [5, 6], do: attach(relay, subscriber(id))

    suspended(relay, fn ->
      for n <- 1..3 do
        Relay.publish([relay], 1, message("#{n}", 10))
        Relay.publish([relay], 1, %{message("own", 10) | author: event("nonce"), author_id: 5})
        Relay.publish([relay], 1, %{message("left out", 10) | except: [6]})
        Relay.publish([relay], 1, %{message("for one", 10) | to: {:users, [6]}})
      end
    end)

    sync(relay)
    assert read(author) == Enum.flat_map(1..3, &["#{&1}", "nonce", "left out"])
    assert read(reader) == Enum.flat_map(1..3, &["#{&1}", "own", "for one"])
  end

  test "a channel is for those who see it", %{relay: relay} do
    [outsider, insider, owner] =
      for {id, roles} <- [{5, []}, {6, [2]}, {99, []}], do: attach(relay, subscriber(id, roles))

    Relay.publish([relay], 1, message("secret", 11))
    Relay.publish([relay], 1, message("gone", 12))
    sync(relay)
    assert {read(outsider), read(insider), read(owner)} == {[], ["secret"], ["secret"]}
  end

  test "author, those with content and the others get a body each", %{relay: relay} do
    content = Intents.bit(:message_content)

    [author, reader, bot, mentioned] =
      for {id, intents} <- [{5, 0}, {6, content}, {7, 0}, {8, 0}] do
        attach(relay, subscriber(id, [], intents: intents ||| Intents.bit(:guild_messages)))
      end

    Relay.publish([relay], 1, %{
      message("stripped", 10)
      | content: event("whole"),
        content_for: [8],
        author: event("nonce"),
        author_id: 5
    })

    sync(relay)

    assert Enum.map([author, reader, bot, mentioned], &read/1) == [
             ["nonce"],
             ["whole"],
             ["stripped"],
             ["whole"]
           ]
  end

  test "a right that is taken away comes before the next message", %{relay: relay} do
    [member, other] = for id <- [5, 6], do: attach(relay, subscriber(id, [2]))
    channels = [{11, event("created"), event("deleted")}]

    Relay.publish([relay], 1, message("one", 11))
    Relay.change([relay], 1, [{:member, member(5, [])}], channels, [])
    Relay.publish([relay], 1, message("two", 11))
    Relay.change([relay], 1, [{:member, member(5, [2])}], channels, [message("update", 11)])
    Relay.publish([relay], 1, message("three", 11))

    sync(relay)
    assert read(member) == ["one", "deleted", "created", "three"]
    assert read(other) == ["one", "two", "update", "three"]
  end

  test "a removed user gets the event and no more", %{relay: relay} do
    session = attach(relay, subscriber(5))
    Relay.remove([relay], 1, 5, event("delete"))
    Relay.publish([relay], 1, message("after", 10))
    sync(relay)
    assert_received {Relay, :attached, 1}
    assert_received {Relay, :removed, 1}
    assert read(session) == ["delete"]
  end

  test "a detached session gets no more, and may come back", %{relay: relay} do
    session = attach(relay, subscriber(5))
    Relay.detach(relay, 1, session.session_id)
    Relay.publish([relay], 1, message("unseen", 10))
    attach(relay, session)
    Relay.publish([relay], 1, message("seen", 10))
    sync(relay)
    assert read(session) == ["seen"]
  end

  test "followers of a topic get what is for it", %{relay: relay} do
    [follower, other] = for id <- [5, 6], do: attach(relay, subscriber(id, [], intents: 0))
    topic = fn data -> %Event{type: "E", body: event(data), to: {:topic, "list 1"}} end

    Relay.publish([relay], 1, topic.("before"))
    Relay.follow(relay, 1, follower.session_id, ["list 1", "list 2"])
    Relay.publish([relay], 1, topic.("followed"))
    Relay.follow(relay, 1, follower.session_id, ["list 2"])
    Relay.publish([relay], 1, topic.("after"))
    Relay.follow(relay, 1, "nobody", ["list 1"])
    sync(relay)
    assert {read(follower), read(other)} == {["followed"], []}
  end

  test "rooms are told of sessions that died, in one message", %{relay: relay} do
    pids = for _ <- 1..3, do: spawn(fn -> receive do: (:stop -> :ok) end)

    sessions =
      for {pid, n} <- Enum.with_index(pids), do: attach(relay, subscriber(n + 1, [], pid: pid))

    suspended(relay, fn ->
      for pid <- pids do
        ref = Process.monitor(pid)
        send(pid, :stop)
        assert_receive {:DOWN, ^ref, :process, ^pid, _reason}
      end
    end)

    assert_receive {Relay, :detached, ^relay, detached}
    assert Enum.sort(detached) == Enum.sort(for s <- sessions, do: {s.session_id, s.user_id})
  end

  test "what is full of events that cannot be dropped ends, the others notice nothing", %{
    relay: relay
  } do
    slow = attach(relay, subscriber(5, [], outbox: Outbox.new(max_events: 3)))
    quick = attach(relay, subscriber(6))
    for n <- 1..10, do: Relay.publish([relay], 1, message("#{n}", 10))

    assert_receive {Relay, :overflow}
    slow_id = slow.session_id
    assert_receive {Relay, :detached, ^relay, [{^slow_id, 5}]}
    sync(relay)
    refute_received {Relay, :overflow}
    assert read(quick) == for(n <- 1..10, do: "#{n}")
  end

  test "a room that fills an outbox is suspended for this session, other rooms are not", %{
    relay: relay
  } do
    Guildhall.Events.listen()
    slow = subscriber(5, [], outbox: Outbox.new(max_events: 9))
    attach(relay, slow)
    {room, _ref} = room(fn -> open(relay, 20) end)
    run(room, fn -> Relay.attach(relay, 20, slow, []) end)
    assert_receive {Relay, :attached, 20}

    item = &%{message("#{&1}", 10) | body: Outbox.event("E", "#{&1}", &2)}
    Relay.publish([relay], 1, item.(0, 1))
    run(room, fn -> for n <- 1..20, do: Relay.publish([relay], 20, item.(n, 20)) end)
    assert_receive {Relay, :congested, 20}
    Relay.publish([relay], 1, item.(21, 1))
    sync(relay)

    refute_received {Relay, :overflow}
    refute_received {Relay, :detached, ^relay, _sessions}
    {:ok, frames, false} = Outbox.take(slow.outbox, Outbox.Transport.new(:plain), 100_000)
    assert [{:text, first}, {:text, deleted}, {:text, last}] = Frames.messages(frames)
    assert first == ~s({"s":1,"t":"E","op":0,"d":0})
    data = ~s({"id":"20","unavailable":true})
    assert deleted == ~s({"s":2,"t":"GUILD_DELETE","op":0,"d":#{data}})
    assert last == ~s({"s":3,"t":"E","op":0,"d":21})

    assert_received {:event, [:guildhall, :relay, :relief], %{events: 20}, %{room_id: 20}}

    # It gets the events again once the room has attached it again.
    run(room, fn -> Relay.attach(relay, 20, slow, []) end)
    assert_receive {Relay, :attached, 20}
    run(room, fn -> Relay.publish([relay], 20, item.(22, 20)) end)
    sync(relay)
    assert read(slow) == ["22"]
  end

  test "guilds are attached in portions of 1 MiB, or one by one", %{relay: relay} do
    session = subscriber(5)
    create = &Outbox.event("GUILD_CREATE", ["\"", String.duplicate("x", &1), "\""], 7)
    rooms = for id <- 31..35, do: {id, elem(room(fn -> open(relay, id) end), 0)}

    attach = fn id, bytes ->
      run(Map.new(rooms)[id], fn -> Relay.attach(relay, id, session, [create.(bytes)]) end)
    end

    # The first is larger than a portion, and alone.
    attach.(31, 2_000_000)
    assert_receive {Relay, :attached, 31}
    attach.(32, 1_000)
    assert_receive {Relay, :deferred, 32}
    assert [_large] = read(session)

    attach.(32, 500_000)
    assert_receive {Relay, :attached, 32}
    attach.(33, 500_000)
    assert_receive {Relay, :attached, 33}
    attach.(34, 500_000)
    assert_receive {Relay, :deferred, 34}
    attach.(35, 10_000)
    assert_receive {Relay, :attached, 35}
    assert length(read(session)) == 3

    attach.(34, 500_000)
    assert_receive {Relay, :attached, 34}
  end

  defp open(relay, id), do: Relay.open(relay, id, %View{guild: guild(id)})

  test "sessions of a room that dies are told that the guild is unavailable", %{relay: relay} do
    {room, ref} = room(fn -> Relay.open(relay, 20, %View{guild: guild(20)}) end)
    session = subscriber(5)
    run(room, fn -> Relay.attach(relay, 20, session, []) end)
    attach(relay, session)

    Process.exit(room, :kill)
    assert_receive {:DOWN, ^ref, :process, ^room, :killed}
    assert_receive {Relay, :room_down, 20}
    Relay.publish([relay], 1, message("still here", 10))
    sync(relay)
    assert read(session) == [~s({"id":"20","unavailable":true}), "still here"]
  end

  test "a room that stops is forgotten without a word", %{relay: relay} do
    {room, ref} = room(fn -> Relay.open(relay, 20, %View{guild: guild(20)}) end)
    session = subscriber(5)
    run(room, fn -> Relay.attach(relay, 20, session, []) end)
    # Of a room that is dead before the relay looks nobody knows why it died.
    sync(relay)
    send(room, :stop)
    assert_receive {:DOWN, ^ref, :process, ^room, :normal}
    sync(relay)
    refute_received {Relay, :room_down, _room}
    assert read(session) == []
  end

  test "a room that was replaced is down, and is not heard any more", %{relay: relay} do
    {old, _ref} = room(fn -> Relay.open(relay, 20, %View{guild: guild(20)}) end)
    session = subscriber(5)
    run(old, fn -> Relay.attach(relay, 20, session, []) end)
    Relay.open(relay, 20, %View{guild: guild(20)})
    assert_receive {Relay, :room_down, 20}

    Relay.attach(relay, 20, session, [])
    run(old, fn -> Relay.publish([relay], 20, message("old", 10)) end)
    Relay.publish([relay], 20, message("new", 10))
    sync(relay)
    assert read(session) == [~s({"id":"20","unavailable":true}), "new"]
  end

  # More rules than an audience takes.
  defp too_many(guild) do
    channels =
      for n <- 100..190, into: %{} do
        {n,
         channel(
           n,
           for(m <- 1..1_000, do: %Overwrite{id: n * 1_000 + m, type: :member, deny: 1_024})
         )}
      end

    %{guild | channels: channels}
  end

  test "a room that does not fit is closed alone, and told so", %{relay: relay} do
    [mine, other] = [subscriber(5), subscriber(6)]
    :ok = Relay.open(relay, 2, %View{guild: guild(2)})
    :ok = Relay.attach(relay, 2, other, [])

    :ok = Relay.open(relay, 3, %View{guild: too_many(guild(3))})
    :ok = Relay.attach(relay, 3, mine, [])
    assert_receive {Relay, :refused, 3, :too_many}, 30_000
    assert_receive {Relay, :room_down, 3}

    :ok = Relay.publish([relay], 2, %Event{type: "A", body: Outbox.event("A", ~s({"n":1}))})
    assert_receive {Relay, :wake}
    assert read(mine) == []
    assert read(other) == [~s({"n":1})]
    assert Process.alive?(relay)
  end

  test "a change or a view that does not fit closes this room alone", %{relay: relay} do
    for {id, change} <- [
          {1,
           fn guild ->
             Relay.change([relay], 1, for({_id, c} <- guild.channels, do: {:channel, c}), [], [])
           end},
          {2, fn guild -> Relay.open(relay, 2, %View{guild: guild}) end}
        ] do
      session = subscriber(5)
      :ok = Relay.open(relay, id, %View{guild: guild(id)})
      :ok = Relay.attach(relay, id, session, [])
      assert_receive {Relay, :attached, ^id}

      :ok = change.(too_many(guild(id)))
      assert_receive {Relay, :refused, ^id, :too_many}, 30_000
      assert_receive {Relay, :room_down, ^id}
      assert read(session) == [~s({"id":"#{id}","unavailable":true})]

      # Nothing of it is dispatched any more.
      :ok = Relay.publish([relay], id, %Event{type: "A", body: Outbox.event("A", ~s({"n":1}))})
      :ok = Relay.attach(relay, id, session, [])
      assert_receive {Relay, :room_down, ^id}
      assert read(session) == []
    end
  end

  test "a view may be given anew, and the sessions stay", %{relay: relay} do
    session = attach(relay, subscriber(5))
    Relay.publish([relay], 1, message("no", 11))
    Relay.open(relay, 1, %View{guild: %{guild() | owner_id: 5}})
    Relay.publish([relay], 1, message("yes", 11))
    sync(relay)
    assert read(session) == ["yes"]
  end

  test "a direct message goes to all who are attached", %{relay: relay} do
    dm = %Guild{id: 3, kind: :dm, channels: %{3 => channel(3, [], type: 1)}}
    {room, ref} = room(fn -> Relay.open(relay, 3, %View{guild: dm}) end)
    session = subscriber(5, [], member: nil)

    run(room, fn ->
      Relay.attach(relay, 3, session, [])
      Relay.publish([relay], 3, %{message("hi", 3) | intents: Intents.bit(:direct_messages)})
    end)

    sync(relay)
    assert read(session) == ["hi"]

    Process.exit(room, :kill)
    assert_receive {:DOWN, ^ref, :process, ^room, :killed}
    assert_receive {Relay, :room_down, 3}
    assert read(session) == []
  end

  test "a relay that is behind leaves out what is ephemeral, and says so", context do
    %{relay: relay} = context
    Guildhall.Events.listen()
    session = attach(relay, subscriber(5))
    sync(relay)

    suspended(relay, fn ->
      for _ <- 1..101, do: Relay.publish([relay], 1, message("kept", 10))
      Relay.publish([relay], 1, %{message("typing", 10) | ephemeral: true})
    end)

    round = [:guildhall, :relay, :round]
    assert_receive {:event, ^round, %{mailbox: 101, dropped: 1} = measured, %{relay: ^relay}}
    assert %{commands: 102, events: 101, deliveries: 101, wakes: 1, overflows: 0} = measured
    assert Enum.uniq(read(session)) == ["kept"]

    Relay.publish([relay], 1, %{message("typing", 10) | ephemeral: true})
    sync(relay)
    assert read(session) == ["typing"]
  end

  test "what concerns unknown rooms, sessions and users does nothing", %{relay: relay} do
    session = attach(relay, subscriber(5))
    Relay.publish([relay], 7, message("nowhere", 10))
    Relay.attach(relay, 7, subscriber(6), [event("nowhere")])
    Relay.detach(relay, 1, "nobody")
    Relay.remove([relay], 1, 77, event("nobody"))
    Relay.change([relay], 1, [{:member, member(77)}], [], [])
    Relay.publish([relay], 1, message("here", 10))
    sync(relay)
    assert read(session) == ["here"]
  end

  defp attach(relay, subscriber, events \\ []) do
    Relay.attach(relay, 1, subscriber, events)
    subscriber
  end

  defp message(data, channel_id) do
    %Event{
      type: "MESSAGE_CREATE",
      body: event(data),
      to: {:channel, channel_id},
      intents: Intents.bit(:guild_messages)
    }
  end

  defp event(data), do: Outbox.event("E", data)

  # Answers when the relay has done everything before.
  defp sync(relay), do: :sys.get_state(relay)

  defp suspended(relay, fun) do
    :ok = :sys.suspend(relay)
    fun.()
    :ok = :sys.resume(relay)
  end

  defp room(fun) do
    {pid, ref} = spawn_monitor(fn -> loop() end)
    run(pid, fun)
    {pid, ref}
  end

  defp loop do
    receive do
      {:run, from, fun} ->
        fun.()
        send(from, {:ran, self()})
        loop()

      :stop ->
        :ok
    end
  end

  defp run(pid, fun) do
    send(pid, {:run, self(), fun})
    assert_receive {:ran, ^pid}
  end
end
