# How many deliveries a second does a relay make, without sockets?
#
#     mix guildhall.bench relay
#
# One room of 10 to 10,000 sessions on one relay. *In bursts of 64 events* a session takes what waits and
# is done; what a socket write costs comes on top. The baseline is the usual way in Elixir: the room
# sends every event to every session.

alias Guildhall.{Outbox, Relay}
alias Guildhall.Model.{Channel, Guild, Intents, Member, Role, User}
alias Guildhall.Permissions
alias Guildhall.Relay.{Event, Subscriber, View}

defmodule Bench.Fanout do
  alias Guildhall.Outbox.Transport

  def session(room, outbox) do
    spawn_link(fn -> loop(room, outbox, Transport.new(:plain), {0, 0}, :infinity) end)
  end

  # Counts what was sent one by one and what was taken. A session answers when it has had `wanted`
  # events in all.
  defp loop(room, outbox, plain, {sent, taken}, wanted) when sent + taken >= wanted do
    send(room, {:had, sent + taken})
    loop(room, outbox, plain, {sent, taken}, :infinity)
  end

  defp loop(room, outbox, plain, {sent, taken} = had, wanted) do
    receive do
      {Relay, :wake} -> loop(room, outbox, plain, {sent, take(outbox, plain)}, wanted)
      {:event, _event} -> loop(room, outbox, plain, {sent + 1, taken}, wanted)
      {:want, wanted} -> loop(room, outbox, plain, had, wanted)
      {Relay, :attached, _room_id} -> loop(room, outbox, plain, had, wanted)
    end
  end

  defp take(outbox, plain) do
    with {:ok, _frames, true} <- Outbox.take(outbox, plain, 65_536), do: take(outbox, plain)
    %{sequence: sequence, pending_events: pending} = Outbox.info(outbox)
    Outbox.acknowledge(outbox, sequence - pending)
    sequence - pending
  end

  @doc "Waits until each session has had `wanted` events; returns by how many the sum differs."
  def await(sessions, wanted) do
    Enum.each(sessions, &send(&1, {:want, wanted}))
    for(_ <- sessions, do: receive(do: ({:had, had} -> had - wanted))) |> Enum.sum()
  end
end

view = Permissions.bit(:view_channel)
everyone = %Role{id: 1, name: "@everyone", permissions: view}

guild = %Guild{
  id: 1,
  owner_id: 2,
  roles: %{1 => everyone},
  channels: %{3 => %Channel{id: 3, type: 0}}
}

body = Outbox.event("MESSAGE_CREATE", ~s({"content":"#{String.duplicate("hello ", 40)}"}))

message = %Event{
  type: "MESSAGE_CREATE",
  body: body,
  to: {:channel, 3},
  intents: Intents.bit(:guild_messages)
}

burst = 64

{:ok, relays} = Relay.start_link(instance: Bench.Fanout, count: 1)
[relay] = Relay.all(Bench.Fanout)

inputs =
  for {n, room_id} <- Enum.with_index([10, 1_000, 10_000], 1) do
    Relay.open(relay, room_id, %View{guild: %{guild | id: 1}})

    sessions =
      for user_id <- 1..n do
        outbox = Outbox.new()
        pid = Bench.Fanout.session(self(), outbox)

        Relay.attach(
          relay,
          room_id,
          %Subscriber{
            session_id: "#{room_id}-#{user_id}",
            pid: pid,
            relay: relay,
            outbox: outbox,
            user_id: user_id,
            intents: Intents.known(),
            member: %Member{user: %User{id: user_id, username: "user"}}
          },
          []
        )

        pid
      end

    {"#{n} sessions, #{n * burst} deliveries", %{room_id: room_id, sessions: sessions}}
  end

# The contenders share the sessions, so what they have had is counted over both.
wanted = fn room_id ->
  Process.put(room_id, Process.get(room_id, 0) + burst)
  Process.get(room_id)
end

Bench.compare("relay: #{burst} events to a room", inputs,
  one_send_each: fn %{room_id: room_id, sessions: sessions} ->
    for _ <- 1..burst, pid <- sessions, do: send(pid, {:event, body})
    Bench.Fanout.await(sessions, wanted.(room_id))
  end,
  relay: fn %{room_id: room_id, sessions: sessions} ->
    for _ <- 1..burst, do: Relay.publish([relay], room_id, message)
    Bench.Fanout.await(sessions, wanted.(room_id))
  end
)

Supervisor.stop(relays)
