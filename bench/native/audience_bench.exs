# Who of a room's sessions gets an event, what keeps that up to date, and what does the delivery cost?
#
#     mix guildhall.bench audience
#
# The sessions have three of 50 roles each; a channel is open to two roles and closed to one. The baseline
# is the best that a guild process in Elixir does: the permission algorithm once for each set of roles. The
# contender `in_rust` runs it for each session, in one call of `Guildhall.Permissions`.

alias Guildhall.{Audience, Outbox, Permissions}
alias Guildhall.Audience.{Item, Session}

view = Permissions.bit(:view_channel)
messages = 512
roles = [{1, view} | for(id <- 2..51, do: {id, 0})]
roles_of = fn key -> [2 + rem(key, 10), 12 + rem(key, 7), 22 + rem(key, 30)] end

channel = fn open ->
  {10, :text,
   [{1, :role, 0, view}, {open, :role, view, 0}, {13, :role, view, 0}, {14, :role, 0, view}]}
end

room = fn n ->
  {:ok, audience} = Audience.new(id: 1, roles: roles, channels: [channel.(2)])
  sessions = for key <- 1..n, do: {key, roles_of.(key), 1 + messages}

  for {key, roles, intents} <- sessions do
    :ok =
      Audience.attach(audience, %Session{key: key, user_id: key, roles: roles, intents: intents})
  end

  packed = Permissions.pack(for {key, roles, _intents} <- sessions, do: {key, roles, false})
  %{n: n, audience: audience, sessions: sessions, packed: packed}
end

guild = fn channel ->
  {:ok, guild} = Permissions.new(id: 1, roles: roles, channels: [channel])
  guild
end

by_roles = fn guild, sessions ->
  {count, _memo} =
    Enum.reduce(sessions, {0, %{}}, fn {key, roles, intents}, {count, memo} ->
      {sees?, memo} =
        case memo do
          %{^roles => sees?} ->
            {sees?, memo}

          %{} ->
            mask = Permissions.in_channel(guild, 10, {key, roles})
            sees? = Bitwise.band(mask, view) != 0
            {sees?, Map.put(memo, roles, sees?)}
        end

      wants? = Bitwise.band(intents, messages) != 0
      {if(sees? and wants?, do: count + 1, else: count), memo}
    end)

  count
end

in_rust = fn guild, packed ->
  masks = Permissions.in_channel_many(guild, 10, packed)
  for <<mask::little-64 <- masks>>, Bitwise.band(mask, view) != 0, reduce: 0, do: (n -> n + 1)
end

sizes = [{"1,000 sessions", 1_000}, {"100k sessions", 100_000}, {"1M sessions", 1_000_000}]
sizes = if Bench.quick?(), do: Enum.take(sizes, 1), else: sizes
rooms = for {name, n} <- sizes, do: {name, room.(n)}
item = %Item{to: {:channel, 10}, intents: messages}
first = guild.(channel.(2))

# Time of one session. The goal is half a nanosecond.
Bench.compare(
  "audience: recipients of an event, by session",
  rooms,
  [
    elixir: fn room -> by_roles.(first, room.sessions) end,
    in_rust: fn room -> in_rust.(first, room.packed) end,
    audience: fn room -> Audience.count(room.audience, item) end
  ],
  per: & &1.n,
  goal: {:at_most, 0.0005}
)

# Between two states, so that every call has work to do; both are seen by as many.
change = fn audience ->
  open = 2 + rem(Process.get(:turn, 0), 2)
  Process.put(:turn, Process.get(:turn, 0) + 1)
  :ok = Audience.change(audience, [{:channel, channel.(open)}])
end

unless Bench.quick?() do
  {_name, %{audience: audience}} = List.last(rooms)

  median = fn fun ->
    times = for _ <- 1..200, do: elem(:timer.tc(fun), 0)
    Enum.at(Enum.sort(times), 100)
  end

  count = fn -> Audience.count(audience, item) end
  asked = median.(count)
  anew = median.(fn -> change.(audience) && count.() end)
  goal = {:at_most, 50}
  Bench.figure("one channel worked out anew, 1M sessions", max(anew - asked, 1), "us", goal)

  bytes = Audience.bytes(audience) / Audience.size(audience)
  Bench.figure("memory of a session, 1M sessions, 50 roles", Float.round(bytes, 1), "bytes", nil)
end

with_outboxes = fn n ->
  {:ok, audience} = Audience.new(id: 1, roles: [{1, view}], channels: [{10, :text, []}])

  outboxes =
    for key <- 1..n do
      outbox = Outbox.new(max_events: 1_000_000_000, max_bytes: 4_000_000_000)
      session = %Session{key: key, user_id: key, intents: messages, outbox: outbox}
      :ok = Audience.attach(audience, session)
      outbox
    end

  # The same as a list of a room's own: who sees the channel is in it, who asked for what is compared.
  list = for outbox <- outboxes, do: %{outbox: outbox, intents: messages, sees: [10], pid: self()}
  %{n: n, audience: audience, outboxes: outboxes, list: list}
end

# Sessions that get the same events are pushed them together.
push_list = fn list, items ->
  by_events =
    Enum.group_by(list, fn session ->
      for %Item{to: {:channel, channel}, intents: intents, body: body} <- items,
          Bitwise.band(session.intents, intents) != 0 and channel in session.sees,
          do: body
    end)

  for {events, sessions} <- by_events, reduce: 0 do
    count ->
      {wake, []} = Outbox.push_many(Enum.map(sessions, & &1.outbox), events)
      if wake != [], do: Enum.map(wake, &Enum.at(sessions, &1).pid)
      count + length(events) * length(sessions)
  end
end

event = Outbox.event("MESSAGE_CREATE", ~s({"content":"#{String.duplicate("hello ", 40)}"}))

# Rings grow by eight bytes a delivery while this runs, so it does not run for long.
milliseconds = min(Bench.milliseconds(), 150)

for burst <- [1, 16] do
  sizes = [
    {"1 session", 1},
    {"4 sessions", 4},
    {"16 sessions", 16},
    {"32 sessions", 32},
    {"50 sessions", 50},
    {"1,000 sessions", 1_000},
    {"100k sessions", 100_000}
  ]

  sizes = if Bench.quick?(), do: Enum.take(sizes, 6), else: sizes
  events = List.duplicate(event, burst)
  items = for event <- events, do: %Item{to: {:channel, 10}, intents: messages, body: event}

  # Time of one delivery. `push_many` and `push_each` are told whom, the others find out. The goal is 5 million a second, 200 ns each.
  Bench.compare(
    "audience: dispatch of #{burst}, by delivery",
    for({name, n} <- sizes, do: {name, with_outboxes.(n)}),
    [
      push_each: fn room ->
        for outbox <- room.outboxes, event <- events, do: Outbox.push(outbox, event)
        room.n * burst
      end,
      push_many: fn room ->
        {_wake, []} = Outbox.push_many(room.outboxes, events)
        room.n * burst
      end,
      list: fn room -> push_list.(room.list, items) end,
      audience: fn room ->
        {count, _wake, []} = Audience.dispatch(room.audience, items)
        count
      end
    ],
    per: &(&1.n * burst),
    goal: %{"1,000 sessions" => {:at_most, 0.2}, "100k sessions" => {:at_most, 0.2}},
    milliseconds: milliseconds
  )
end
