defmodule Guildhall.ReaperTest do
  # Alone: it measures what the whole VM holds.
  use ExUnit.Case, async: false

  # What has lost its last reference is freed: the gauge of its kind falls by all that the thing held.

  alias Guildhall.{
    Audience,
    HashRing,
    MemberList,
    OrderedSet,
    Outbox,
    Payload,
    Permissions,
    Reaper
  }

  doctest Reaper

  @megabyte 1_048_576
  @much 300_000
  @modules %{
    audience: Audience,
    hash_ring: HashRing,
    member_list: MemberList,
    ordered_set: OrderedSet,
    permissions: Permissions
  }

  for kind <- Map.keys(@modules) ++ [:events, :blocks, :outboxes, :transports, :contexts] do
    test "#{kind}: freed with the last reference" do
      assert Reaper.await() == :ok
      parent = self()

      {pid, monitor} =
        spawn_monitor(fn ->
          Process.put(:thing, make(unquote(kind)))
          send(parent, :made)
          receive(do: (:drop -> Process.delete(:thing)))

          # Of a small heap, which its own scheduler collects: destructors have run when it is done.
          :erlang.garbage_collect()
          send(parent, :dropped)
          receive(do: (:stop -> :ok))
        end)

      assert_receive :made, 60_000
      full = memory(unquote(kind))
      send(pid, :drop)
      assert_receive :dropped, 5_000
      assert Reaper.await() == :ok
      left = memory(unquote(kind))
      assert left.count < full.count
      assert full.bytes - left.bytes > @much

      send(pid, :stop)
      assert_receive {:DOWN, ^monitor, :process, ^pid, :normal}
    end
  end

  test "a scheduler keeps little of the JSON that it has read and written" do
    before = Payload.memory().bytes
    large = Payload.encode!(List.duplicate(%{content: "a text that is long"}, 100_000))
    for _ <- 1..10, do: Payload.encode!(Payload.decode!(large))
    assert Payload.memory().bytes - before < 20 * @megabyte

    schedulers = :erlang.system_info(:schedulers) + :erlang.system_info(:dirty_cpu_schedulers)
    assert Payload.memory().bytes in 1..(schedulers * 2 * @megabyte)
  end

  test "nothing waits when all is freed, and no scheduler had to" do
    assert Reaper.await() == :ok
    assert Reaper.stats() == %{waiting: 0, refused: 0}
  end

  defp memory(kind) when is_map_key(@modules, kind), do: @modules[kind].memory()
  defp memory(kind), do: Outbox.memory()[kind]

  # More than `@much` of each, from pieces that leave no large heap.
  defp make(:audience) do
    {:ok, audience} = Audience.new(id: 1, roles: [{1, 1024}])
    for key <- 1..60_000, do: attach(audience, key)
    audience
  end

  defp make(:hash_ring) do
    {:ok, ring} = HashRing.new(for(n <- 1..800, do: "node #{n}"))
    ring
  end

  defp make(:member_list) do
    list = MemberList.new()
    member = &{&1, "name #{&1}", :online}
    for ids <- chunks(), do: {:ok, _none} = MemberList.put_many(list, Enum.map(ids, member))
    list
  end

  defp make(:ordered_set) do
    set = OrderedSet.new()
    entry = &{&1, "a payload of number #{&1}"}
    for ids <- chunks(), do: {:ok, _new} = OrderedSet.put_many(set, Enum.map(ids, entry))
    set
  end

  defp make(:permissions) do
    {:ok, guild} = Permissions.new(id: 1, max_bytes: 100 * @megabyte)
    overwrites = for id <- 1..50, do: {id, :member, 1024, 0}

    Enum.reduce(1..2_000//100, guild, fn first, guild ->
      channels = for id <- first..(first + 99), do: {:channel, {id, :text, overwrites}}
      {:ok, guild} = Permissions.change(guild, channels)
      guild
    end)
  end

  defp make(:events), do: for(_ <- 1..30, do: Outbox.event("A", :binary.copy("1", 100_000)))

  defp make(:blocks) do
    for _ <- 1..30 do
      event = Outbox.event("A", Base.encode16(:crypto.strong_rand_bytes(50_000)))
      # Of what few hold, no blocks are kept.
      [outbox | _others] = outboxes = for(_ <- 1..8, do: Outbox.new())
      zstd = Outbox.Transport.new(:zstd_stream)
      # What carries the primer is no event's.
      _hello = Outbox.Transport.frame(zstd, ~s({"op":10}))
      Outbox.push_many(outboxes, event)
      {:ok, _frames, false} = Outbox.take(outbox, zstd, 1)
      outboxes
    end
  end

  defp make(:outboxes) do
    outbox = Outbox.new(max_events: 200_000, max_bytes: 100 * @megabyte)
    events = List.duplicate(Outbox.event("A", "1"), 1_000)
    for _ <- 1..200, do: Outbox.push_many([outbox], events)
    outbox
  end

  defp make(:transports), do: for(_ <- 1..12_000, do: Outbox.Transport.new(:plain))

  defp make(:contexts),
    do: for(_ <- 1..8, do: Outbox.Transport.new(:zlib_stream, compression: :context))

  defp attach(audience, key),
    do: :ok = Audience.attach(audience, %Audience.Session{key: key, user_id: key})

  defp chunks, do: Stream.chunk_every(1..60_000, 500)
end
