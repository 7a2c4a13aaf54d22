# What does it cost to put an event into many outboxes, and to write out what waits?
#
#     mix guildhall.bench outbox

alias Guildhall.Outbox
alias Guildhall.Outbox.{Reference, Transport}

body = ~s({"id":"1","channel_id":"2","content":"#{String.duplicate("hello ", 30)}"})
limits = [max_events: 1_000_000_000, max_bytes: 4_000_000_000]

# A ring that is acknowledged after every push, so that it stays as short as a live session's.
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
  one_by_one: fn %{outboxes: outboxes, event: event, n: n} ->
    Enum.each(outboxes, &Outbox.push(&1, event))
    n
  end,
  push_many: fn %{outboxes: outboxes, event: event, n: n} ->
    Outbox.push_many(outboxes, event)
    n
  end
)

# One connection that takes 16 events at a time; ratios say what compression costs.
connection = fn kind ->
  %{kind: kind, outbox: Outbox.new(limits), transport: Transport.new(kind)}
end

events =
  for n <- 1..16, do: Outbox.event("MESSAGE_CREATE", String.replace(body, "1", "#{n * 7919}"))

Bench.compare(
  "outbox: push 16 events of #{byte_size(body)} bytes, take and acknowledge them",
  [
    {"one connection each", Map.new([:plain, :zlib_stream, :zstd_stream], &{&1, connection.(&1)})}
  ],
  for kind <- [:plain, :zlib_stream, :zstd_stream] do
    {kind,
     fn connections ->
       %{outbox: outbox, transport: transport} = connections[kind]
       Enum.each(events, &Outbox.push(outbox, &1))
       {:ok, _frames, false} = Outbox.take(outbox, transport, 65_536)
       Outbox.acknowledge(outbox, Outbox.info(outbox).sequence)
       Outbox.info(outbox).ring_events
     end}
  end
)
