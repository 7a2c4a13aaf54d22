# What does it cost to put an event into many outboxes, and to write out what waits, by transport?
#
#     mix guildhall.bench outbox

alias Guildhall.Model.{Json, Member, Message, User}
alias Guildhall.{Outbox, Payload}
alias Guildhall.Outbox.{Reference, Transport}

# Messages, all different, of some 1,260 bytes with their head.
words =
  ~w(a the is it that and you for we on have not with this are was just like my so what all
  can be me your get do now one out up they think if go good how there no yeah would know time really)

id = fn n -> 1_100_000_000_000_000_000 + :erlang.phash2(n, 1_000_000_000) * 1_000_000 + n end

user = fn n ->
  avatar = Base.encode16(:crypto.hash(:md5, "#{n}"), case: :lower)
  %User{id: id.(n), username: "user#{n}", global_name: "User #{n}", avatar: avatar}
end

message = fn n ->
  author = user.(rem(n, 50))
  roles = for role <- 1..6, do: id.(rem(n, 50) + 50 * role)

  member = %Member{
    user: author,
    joined_at: 1_600_000_000_000 + rem(n, 50) * 7_777_777,
    roles: roles
  }

  content = for k <- 1..36, do: Enum.at(words, :erlang.phash2({n, k}, length(words)))

  message = %Message{
    id: id.(n),
    channel_id: id.(9_000),
    guild_id: id.(9_001),
    author: author,
    member: member,
    content: Enum.join(content, " ")
  }

  message |> Json.message() |> Payload.encode!()
end

bodies = Enum.map(1..200, message)
body = hd(bodies)
limits = [max_events: 1_000_000_000, max_bytes: 4_000_000_000]

Bench.compare(
  "outbox: push one event and take it, plain",
  [{"#{byte_size(body)} bytes", body}],
  reference: fn body ->
    {:wake, outbox} = Reference.push(Reference.new(), Reference.event("MESSAGE_CREATE", body))
    {{:ok, frames, false}, _outbox} = Reference.take(outbox, :plain, 65_536)
    frames
  end,
  nif: fn body ->
    outbox = Outbox.new()
    :wake = Outbox.push(outbox, Outbox.event("MESSAGE_CREATE", body))
    {:ok, frames, false} = Outbox.take(outbox, Transport.new(:plain), 65_536)
    frames
  end
)

many = fn n ->
  outboxes = for _ <- 1..n, do: Outbox.new(limits)
  %{n: n, outboxes: outboxes, event: Outbox.event("MESSAGE_CREATE", body)}
end

# The rings grow while this runs; entries are 8 bytes, the event is shared.
Bench.compare(
  "outbox: push an event to all",
  for(n <- [64, 1_000, 10_000], do: {"#{n} outboxes", many.(n)}),
  [
    one_by_one: fn %{outboxes: outboxes, event: event, n: n} ->
      Enum.each(outboxes, &Outbox.push(&1, event))
      n
    end,
    push_many: fn %{outboxes: outboxes, event: event, n: n} ->
      Outbox.push_many(outboxes, event)
      n
    end
  ],
  per: & &1.n
)

# Sessions that all get the same two new events and write them out: everything that an event costs is in
# it, once, and everything that a connection costs, so many times.
connections = fn n, kind, options ->
  sessions =
    for _ <- 1..n do
      {Outbox.new(limits), Transport.new(kind, options)}
    end

  # HELLO, which carries the primer.
  for {_outbox, transport} <- sessions, do: Transport.frame(transport, ~s({"op":10,"d":null}))
  {sessions, Enum.map(sessions, &elem(&1, 0)), :counters.new(1, [])}
end

event = fn counter ->
  :counters.add(counter, 1, 1)
  Outbox.event("MESSAGE_CREATE", Enum.at(bodies, rem(:counters.get(counter, 1), length(bodies))))
end

deliver = fn {sessions, outboxes, counter} ->
  Outbox.push_many(outboxes, [event.(counter), event.(counter)])

  for {outbox, transport} <- sessions do
    {:ok, _frames, false} = Outbox.take(outbox, transport, 65_536)
    Outbox.acknowledge(outbox, 2 * :counters.get(counter, 1))
  end

  length(sessions)
end

# What a session would do with OTP alone.
streams = fn n ->
  for _ <- 1..n do
    stream = :zlib.open()
    :ok = :zlib.deflateInit(stream)
    stream
  end
end

otp = fn {streams, counter} ->
  bodies =
    for _ <- 1..2 do
      :counters.add(counter, 1, 1)
      Enum.at(bodies, rem(:counters.get(counter, 1), length(bodies)))
    end

  for stream <- streams, body <- bodies do
    number = Integer.to_string(:counters.get(counter, 1))
    payload = [~s({"s":), number, ~s(,"t":"MESSAGE_CREATE","op":0,"d":), body, "}"]
    :zlib.deflate(stream, payload, :sync)
  end

  length(streams)
end

n = if Bench.quick?(), do: 4, else: 1_000

policies = [
  plain: {:plain, []},
  zlib_context: {:zlib_stream, compression: :context},
  zlib_shared: {:zlib_stream, compression: :shared},
  zstd_context: {:zstd_stream, compression: :context},
  zstd_shared: {:zstd_stream, compression: :shared}
]

sessions = for {name, {kind, options}} <- policies, do: {name, connections.(n, kind, options)}
input = Map.new([{:otp_zlib, {streams.(n), :counters.new(1, [])}} | sessions])

Bench.compare(
  "outbox: two new events to each of #{n} connections",
  [{"#{byte_size(body)} bytes, an event and a connection", input}],
  [{:otp_zlib, fn input -> otp.(input.otp_zlib) end}] ++
    for({name, _policy} <- policies, do: {name, fn input -> deliver.(input[name]) end}),
  per: 2 * n
)

Bench.compare(
  "outbox: what zstd-stream costs beside none",
  [{"#{byte_size(body)} bytes, an event and a connection", input}],
  [
    plain: fn input -> deliver.(input.plain) end,
    zstd_shared: fn input -> deliver.(input.zstd_shared) end
  ],
  per: 2 * n,
  goal: {:times, 1 / 1.3}
)

# Bytes on the wire of a message, over a thousand of them, and what a connection holds.
for {name, {kind, options}} <- policies do
  before = Outbox.memory()
  outbox = Outbox.new(limits)
  transport = Transport.new(kind, options)
  hello = Transport.frame(transport, ~s({"op":10,"d":null}))
  rounds = if Bench.quick?(), do: 1, else: 1_000

  bytes =
    for k <- 1..rounds, reduce: byte_size(hello) do
      sum ->
        Outbox.push(outbox, Outbox.event("MESSAGE_CREATE", Enum.at(bodies, rem(k, 200))))
        {:ok, frames, false} = Outbox.take(outbox, transport, 65_536)
        sum + byte_size(frames)
    end

  held = Outbox.memory()
  held = for kind <- [:transports, :contexts], do: held[kind].bytes - before[kind].bytes
  goal = if name == :zstd_shared, do: {:at_most, 310}
  Bench.figure("outbox: a message of #{byte_size(body)}, #{name}", bytes / rounds, "bytes", goal)
  Bench.figure("outbox: a connection, #{name}", Enum.sum(held), "bytes")
  Transport.frame(transport, "{}")
end
