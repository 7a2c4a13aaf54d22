# Which call holds a scheduler longest?
#
#     mix guildhall.bench hold
#
# A NIF that runs on a normal scheduler should be done in a millisecond, waiting for locks included. Each is
# called many times, on things as large as they get, while other processes read and write them, among that what
# holds their locks longest. Shown are the longest time that a call was on a processor, the longest that it waited
# for locks, and the longest that it was ready to run while the system had given the core to somebody else, which says
# nothing of the call (`Bench.Hold`). `HOLD_MANY=20000000` makes lists and sets of so many.

alias Guildhall.{Audience, MemberList, Native, OrderedSet, Outbox, Payload}
alias Bench.Hold

whole = "HOLD_MANY" |> System.get_env("1000000") |> String.to_integer()
many = if Bench.quick?(), do: 1_000, else: whole
calls = if Bench.quick?(), do: 10, else: 1_000
largest = 0xFFFF_FFFF_FFFF_FFFF

report = fn name, calls, options, fun ->
  held = Hold.measure(calls, fun, options)
  goal = {:at_most, 1_000}
  Bench.figure("#{name}: longest work of #{held.calls} calls", held.worked, "us", goal)
  Bench.figure("#{name}: longest wait for locks", held.waited, "us", goal)
  Bench.figure("#{name}: longest preemption", held.preempted, "us")
  Bench.figure("#{name}: work and waits, p99", held.p99, "us")
end

report.("no call", calls, [], fn _n -> :ok end)

random = fn limit -> :rand.uniform(limit) end
chunks = fn -> Stream.chunk_every(1..many, 1_000) end

## Member list

%MemberList{handle: list} = members = MemberList.new(max_bytes: 4_000_000_000)
MemberList.set_roles(members, [5, 6])

member = fn id ->
  {id, "name #{rem(id * 7_919, many)}", Enum.at([5, 6, :online, :offline], rem(id, 4))}
end

for ids <- chunks.(), do: {:ok, _told} = MemberList.put_many(members, Enum.map(ids, member))
{:ok, _sync} = Native.member_list_subscribe(list, 1, [0, 100, 500_000])
groups = {5, 6, :online, :offline}

move = fn _n ->
  Native.member_list_put(
    list,
    random.(many),
    "name #{random.(many)}",
    elem(groups, random.(4) - 1)
  )
end

thousand = for id <- 1..1_000, do: member.(id)

busy = [
  fn -> move.(0) end,
  fn -> Native.member_list_put_many(list, thousand) end,
  fn -> Native.member_list_slice(list, random.(many), 100) end
]

for {name, fun} <- [
      put: move,
      rank: fn _n -> Native.member_list_rank(list, random.(many)) end,
      slice: fn _n -> Native.member_list_slice(list, random.(many), 100) end,
      groups: fn _n -> Native.member_list_groups(list) end,
      subscribe: fn n -> Native.member_list_subscribe(list, n, [0, 100]) end,
      updates: fn _n -> Native.member_list_updates(list, 0) end,
      put_many: fn _n -> Native.member_list_put_many(list, thousand) end,
      set_roles: fn n ->
        Native.member_list_set_roles(list, if(rem(n, 2) == 0, do: [5, 6], else: [6, 5]))
      end
    ] do
  report.("member_list #{name}, #{many}", calls, [busy: busy], fun)
end

## Ordered set

filled_set = fn bytes, count ->
  set = OrderedSet.new(max_bytes: bytes)

  for keys <- Stream.chunk_every(1..count, 1_000),
      do: OrderedSet.put_many(set, Enum.map(keys, &{&1, "payload"}))

  set
end

set = filled_set.(4_000_000_000, many)

change = fn _n ->
  key = random.(many)
  Native.ordered_set_delete(set, key)
  Native.ordered_set_put(set, key, "payload")
end

pairs = for _ <- 1..5_000, do: {random.(many), "payload"}
{:ok, middle} = Native.ordered_set_key(div(many, 2))

busy = [
  fn -> change.(0) end,
  fn -> Native.ordered_set_put_many(set, pairs, true) end,
  fn -> Native.ordered_set_slice(set, random.(many), 1_000_000, true) end
]

for {name, fun} <- [
      change: change,
      rank: fn _n -> Native.ordered_set_rank(set, random.(many)) end,
      slice: fn _n -> Native.ordered_set_slice(set, random.(many), 1_000_000, true) end,
      scan: fn _n -> Native.ordered_set_scan(set, middle, nil, 1_000_000, true) end,
      put_many: fn _n -> Native.ordered_set_put_many(set, pairs, true) end,
      snapshot: fn _n -> Native.ordered_set_snapshot(set, middle, 1) end,
      key_of_8_kb: fn _n -> Native.ordered_set_key({1, String.duplicate("\0", 8_000)}) end
    ] do
  report.("ordered_set #{name}, #{many}", calls, [busy: busy], fun)
end

whole = set |> OrderedSet.snapshot() |> IO.iodata_to_binary()

# A piece a call, and from the beginning again.
restore = fn _n ->
  {into, place} = Process.get(:restored) || {OrderedSet.new(max_bytes: 4_000_000_000), 0}
  {:ok, next} = Native.ordered_set_restore(into, whole, place)
  Process.put(:restored, next && {into, next})
end

report.("ordered_set restore, #{many}", calls, [], restore)

## Audience

{:ok, audience} =
  Audience.new(
    id: 1,
    max_bytes: 4_000_000_000,
    roles: for(id <- 1..50, do: {id, 1024}),
    channels: for(id <- 100..150, do: {id, :text, []})
  )

for key <- 1..many,
    do:
      {:ok, true} =
        Native.audience_attach(
          audience,
          {key, key, 0xFFFF, 0, false},
          [rem(key, 50) + 1],
          nil,
          self()
        )

item = {{:channel, 101}, nil, nil, {1, 1024, false, nil}, nil}

busy = [
  fn -> Native.audience_count(audience, item, 0) end,
  fn -> Native.audience_change(audience, [{:member, random.(many), [random.(50)]}]) end,
  fn -> Native.audience_change(audience, [{:role, random.(50), 1024 * random.(2) - 1024}]) end
]

for {name, fun} <- [
      attach: fn n ->
        Native.audience_attach(audience, {many + n, n, 0xFFFF, 0, false}, [1, 2, 3], nil, self())
      end,
      detach: fn n -> Native.audience_detach(audience, many + n) end,
      sees: fn _n -> Native.audience_sees(audience, random.(many), 100 + random.(50)) end,
      member_changed: fn _n ->
        Native.audience_change(audience, [{:member, random.(many), [random.(50)]}])
      end,
      role_changed: fn n ->
        Native.audience_change(audience, [{:role, random.(50), 1024 * rem(n, 2)}])
      end,
      overwrites_changed: fn n ->
        Native.audience_change(audience, [
          {:channel, {101, :text, [{1, :role, 0, 1024 * rem(n, 2)}]}}
        ])
      end,
      count: fn _n -> Native.audience_count(audience, item, 0) end,
      recipients: fn _n -> Native.audience_recipients(audience, item, 0) end,
      watch: fn n ->
        Native.audience_watch(audience, [101], [{:role, random.(50), 1024 * rem(n, 2)}])
      end,
      of_user: fn _n -> Native.audience_of_user(audience, random.(many)) end,
      ids: fn _n -> Native.audience_ids(audience) end
    ] do
  report.("audience #{name}, #{many}", calls, [busy: busy], fun)
end

# Sets and seats grow beneath these.
attach = fn n ->
  Native.audience_attach(audience, {2 * many + n, n, 0xFFFF, 0, false}, [1, 2, 3], nil, self())
end

report.("audience attach of ever more, #{many}", calls * 100, [collect: false], attach)

{:ok, room} = Audience.new(id: 1, roles: [{1, 1024}], channels: [{10, :text, []}])
crowd = if Bench.quick?(), do: 100, else: 200_000

outboxes =
  for key <- 1..crowd do
    outbox = Native.outbox_new(1_000_000, 4_000_000_000)
    {:ok, true} = Native.audience_attach(room, {key, key, 512, 0, false}, [], outbox, self())
    outbox
  end

told = Outbox.event("MESSAGE_CREATE", ~s({"content":"#{String.duplicate("hello ", 40)}"}))
message = Audience.Pieces.terms(%Audience.Item{to: {:channel, 10}, intents: 512, body: told})
queue = Outbox.Queue.new()

# The next piece of a dispatch, or the first of another.
dispatch = fn items ->
  fn _n ->
    {from, plan} = Process.get(:plan) || {0, items}

    case Native.audience_dispatch(room, plan, from, queue) do
      {next, plan, {_count, _wake, _full}} -> Process.put(:plan, {next, plan})
      _done -> Process.delete(:plan)
    end
  end
end

busy = [
  fn -> Native.audience_change(room, [{:role, 1, 1024 * random.(2)}]) end,
  fn -> Native.outbox_push_many(Enum.slice(outboxes, random.(crowd), 100), [told], 0) end
]

for items <- [1, 16] do
  list = List.duplicate(message, items)
  report.("audience dispatch of #{items}, #{crowd}", calls, [busy: busy], dispatch.(list))
end

## Permissions

overwrites = for id <- 1..100, do: {id, :role, 1024, 0}

{:ok, guild} =
  Native.permissions_new(
    1,
    2,
    for(id <- 1..250, do: {id, 1024}),
    for(id <- 1..500, do: {id, :text, overwrites}),
    largest
  )

roles = Enum.to_list(1..250)

for {name, fun} <- [
      in_channel: fn _n -> Native.permissions_in_channel(guild, random.(500), 7, roles, false) end,
      visible: fn _n -> Native.permissions_visible(guild, 7, Enum.take(roles, 20)) end,
      overwritten: fn _n -> Native.permissions_overwritten(guild, random.(500), 7, roles) end
    ] do
  report.("permissions #{name}, 500 channels, 250 roles", calls, [], fun)
end

## Ring

ring =
  for(n <- 1..450, do: {"chat-#{n}@guildhall", 512}) |> Native.ring_new(100_000_000) |> elem(1)

loads = :binary.copy(<<1::little-64>>, 450)

for {name, fun} <- [
      owner: fn n -> Native.ring_owner_of_integer(ring, n) end,
      owners: fn n -> Native.ring_owners(ring, "key #{n}", 64) end,
      pick: fn n -> Native.ring_pick(ring, "key #{n}", loads, 1.25) end
    ] do
  report.("ring #{name}, 450 nodes", calls, [], fun)
end

## Outbox

body = fn size ->
  ~s({"content":"#{Base.encode64(:crypto.strong_rand_bytes(div(size * 3, 4)))}"})
end

small = Native.outbox_event("MESSAGE_CREATE", body.(1_000), 0)
item_of = &%Audience.Item{to: {:channel, 10}, intents: 512, body: &1}
outbox = Native.outbox_new(100_000, 4_000_000_000)
taker = Native.outbox_transport_new(:plain, :json, :shared, 0)
outboxes = for _ <- 1..4_096, do: Native.outbox_new(100_000, 4_000_000_000)
busy = [fn -> Native.outbox_push(outbox, small) end]

report.("outbox push, beside another", calls, [busy: busy], fn _n ->
  Native.outbox_push(outbox, small)
end)

for count <- [1, 16, 1_000] do
  events = List.duplicate(small, count)

  report.("outbox push_many of #{count} to 4,096", calls, [busy: busy], fn _n ->
    Native.outbox_push_many(outboxes, events, 0)
  end)
end

# About as much as a call may take, in events of many sizes.
waiting = fn n ->
  data = body.(Enum.at([100, 1_000, 10_000, 15_000, 15_500, 30_000, 60_000, 500_000], rem(n, 8)))
  outbox = Native.outbox_new(1_000, largest)

  for _ <- 1..max(div(20_000, byte_size(data)), 1),
      do: Native.outbox_push(outbox, Native.outbox_event("E", data, 0))

  outbox
end

for kind <- [:plain, :zlib_stream, :zstd_stream],
    encoding <- [:json, :etf],
    policy <- [:shared, :context] do
  transport = Native.outbox_transport_new(kind, encoding, policy, largest)

  report.(
    "outbox take, #{kind} #{encoding} #{policy}",
    calls,
    [prepare: waiting],
    fn outbox ->
      Native.outbox_take(outbox, transport, 1_000_000)
    end
  )
end

sent = fn _n ->
  outbox = Native.outbox_new(100_000, largest)
  for _ <- 1..10, do: Native.outbox_push_many([outbox], List.duplicate(small, 1_000), 0)
  {:ok, _frames, _more} = Native.outbox_take_dirty(outbox, taker, 1_000_000_000)
  outbox
end

report.("outbox acknowledge of 10,000 events", calls, [prepare: sent], fn outbox ->
  Native.outbox_acknowledge(outbox, 10_000)
end)

report.("outbox resume of 10,000 events", calls, [prepare: sent], fn outbox ->
  Native.outbox_resume(outbox, 1)
end)

frame = ~s({"op":11,"d":#{body.(15_000)}})

for kind <- [:plain, :zlib_stream, :zstd_stream] do
  transport = Native.outbox_transport_new(kind, :json, :context, largest)

  report.("outbox transport frame of 15 KB, #{kind}", calls, [], fn _n ->
    Native.outbox_transport_frame(transport, frame)
  end)
end

report.("outbox event of 500 KB", calls, [prepare: fn _n -> body.(500_000) end], fn data ->
  Native.outbox_event("E", data, 0)
end)

## Sockets

# Clients that read as fast as they can, in another process.
connected = fn transport ->
  options = [:binary, active: false, ip: {127, 0, 0, 1}]
  {:ok, listener} = :gen_tcp.listen(0, options)
  {:ok, number} = :inet.port(listener)
  {:ok, client} = :gen_tcp.connect({127, 0, 0, 1}, number, active: false)
  {:ok, port} = :gen_tcp.accept(listener)
  {:ok, socket} = Outbox.Socket.adopt(port, 1_000_000_000)
  :gen_tcp.close(listener)
  outbox = Outbox.new(max_events: 1_000_000, max_bytes: 1_000_000_000)
  Outbox.connect(outbox, socket, transport)

  reader =
    spawn_link(fn ->
      receive(do: (:go -> for(_ <- Stream.cycle([1]), do: :gen_tcp.recv(client, 0))))
    end)

  :ok = :gen_tcp.controlling_process(client, reader)
  send(reader, :go)
  {outbox, socket}
end

for kind <- [:plain, :zstd_stream] do
  transports = for _ <- 1..64, do: Outbox.Transport.new(kind)
  pairs = Enum.map(transports, connected)
  {:ok, room} = Audience.new(id: 1, roles: [{1, 1024}], channels: [{10, :text, []}])

  for {{outbox, _socket}, key} <- Enum.with_index(pairs) do
    {:ok, true} = Native.audience_attach(room, {key, key, 512, 0, false}, [], outbox, self())
  end

  queue = Outbox.Queue.new()

  fill = fn _n ->
    for {outbox, socket} <- pairs do
      Outbox.Socket.resume(socket)
      Native.outbox_acknowledge(outbox, Outbox.info(outbox).sequence)
    end

    Audience.dispatch(room, List.duplicate(item_of.(small), 16), queue)
  end

  busy = [fn -> Outbox.push(elem(hd(pairs), 0), small) end]

  report.(
    "outbox queue flush, #{kind}, 64 of 16 events",
    calls,
    [busy: busy, prepare: fill],
    fn _n ->
      Native.outbox_queue_flush(queue, 1_000)
    end
  )

  report.("outbox flush, #{kind}, 16 events", calls, [busy: busy, prepare: fill], fn _n ->
    Native.outbox_flush(elem(List.last(pairs), 0))
  end)
end

## Payload

numbers = for _ <- 1..3_000, do: :rand.uniform() * 1.0e100
keys = Map.new(1..3_000, &{"key #{&1}", &1})
big = List.duplicate(Integer.pow(10, 1_000), 60)

for {name, term} <- [floats: numbers, keys: keys, bigs: big, text: String.duplicate("é", 30_000)] do
  text = Payload.encode!(term)

  report.("payload encode, 64 KB of #{name}", calls, [], fn _n ->
    Native.payload_encode(term, 65_536)
  end)

  report.(
    "payload decode, #{div(byte_size(text), 1_000)} KB of #{name}",
    calls,
    [],
    fn _n -> Native.payload_decode(text) end
  )
end

## What is freed: a collection that takes the last reference

filled_list = fn bytes, count ->
  %MemberList{handle: handle} = list = MemberList.new(max_bytes: bytes)

  for ids <- Stream.chunk_every(1..count, 1_000),
      do: MemberList.put_many(list, Enum.map(ids, member))

  handle
end

filled_audience = fn count ->
  audience = Native.audience_new(1, nil, largest)

  for key <- 1..count,
      do: Native.audience_attach(audience, {key, key, 1, 0, false}, [rem(key, 50)], nil, self())

  audience
end

# Those that are just small enough not to be given to the thread that frees, too.
for {name, make} <- [
      {"an ordered set of #{many}", fn -> filled_set.(4_000_000_000, many) end},
      {"an ordered set of 1 MB", fn -> filled_set.(1_040_000, 40_000) end},
      {"a member list of #{many}", fn -> filled_list.(4_000_000_000, many) end},
      {"a member list of 1 MB", fn -> filled_list.(1_040_000, 40_000) end},
      {"an audience of 10,000", fn -> filled_audience.(10_000) end},
      {"an audience of 1,000", fn -> filled_audience.(1_000) end},
      {"an outbox of 10,000 events", fn -> sent.(1) end},
      {"an outbox of 250 events of 4 KB",
       fn ->
         outbox = Native.outbox_new(1_000, largest)

         for _ <- 1..250,
             do: Native.outbox_push(outbox, Native.outbox_event("E", body.(4_000), 0))

         outbox
       end}
    ] do
  prepare = fn _n -> Process.put(:held, make.()) end

  report.("freeing #{name}", if(Bench.quick?(), do: 1, else: 5), [prepare: prepare], fn _n ->
    Process.delete(:held)
    :erlang.garbage_collect()
    # The VM may leave what is to be freed to the scheduler, for when it has left the process.
    for _ <- 1..3, do: :erlang.yield()
  end)
end
