defmodule Guildhall.Relay.Round do
  @moduledoc false

  # What one round of a relay does and will have done: it performs the effects of
  # `Guildhall.Relay.State`, and keeps back what is said once at the end, to each session a wake
  # and to each room the sessions that left it.
  #
  # Events to the same sessions are pushed together, which is several times cheaper in a busy room:
  # a push waits until one to other sessions, or anything else, is to be done.

  alias Guildhall.{Outbox, Relay, Telemetry}
  alias Guildhall.Relay.{Audience, State}

  @enforce_keys [:started, :mailbox, :shed?]
  defstruct [
    :started,
    :mailbox,
    :shed?,
    waiting: [],
    wakes: [],
    detached: %{},
    overflowed: [],
    commands: 0,
    pushes: 0,
    flushes: 0,
    deliveries: 0,
    overflows: 0,
    dropped: 0
  ]

  @typep batch :: {[Outbox.item()], [Outbox.t()], [Audience.seat()], length :: non_neg_integer()}
  @type t :: %__MODULE__{
          started: integer(),
          mailbox: non_neg_integer(),
          shed?: boolean(),
          waiting: [batch()],
          wakes: [pid()],
          detached: %{optional(pid()) => [{Relay.session_id(), pos_integer()}]},
          overflowed: [{Relay.session_id(), pid()}],
          commands: non_neg_integer(),
          pushes: non_neg_integer(),
          flushes: non_neg_integer(),
          deliveries: non_neg_integer(),
          overflows: non_neg_integer(),
          dropped: non_neg_integer()
        }

  @doc "Begins a round with so many messages in the mailbox."
  @spec new(non_neg_integer(), boolean()) :: t()
  def new(mailbox, shed?) do
    %__MODULE__{started: System.monotonic_time(), mailbox: mailbox, shed?: shed?}
  end

  @doc "Counts a command that was left out."
  @spec drop(t()) :: t()
  def drop(round), do: %{round | commands: round.commands + 1, dropped: round.dropped + 1}

  @doc "Performs the effects of one command."
  @spec perform(t(), [State.effect()]) :: t()
  def perform(round, effects) do
    Enum.reduce(effects, %{round | commands: round.commands + 1}, &effect/2)
  end

  @doc "Does the pushes that wait, and takes out the sessions whose outboxes have overflowed."
  @spec flush(t()) :: {[{Relay.session_id(), pid()}], t()}
  def flush(round) do
    case push(round) do
      %{overflowed: []} = round ->
        {[], round}

      %{overflowed: sessions} = round ->
        # A session may be in several pushes.
        sessions = Enum.uniq(sessions)
        overflows = round.overflows + length(sessions)
        {sessions, %{round | overflowed: [], overflows: overflows}}
    end
  end

  @doc "Says what was kept back, and what the round was like."
  @spec finish(t(), Guildhall.Instance.t()) :: :ok
  def finish(round, instance) do
    # One push names a session once; several may name it again if it took in between.
    wakes = if round.flushes > 1, do: :lists.usort(round.wakes), else: round.wakes
    Enum.each(wakes, &send(&1, {Relay, :wake}))

    Enum.each(round.detached, fn {room, sessions} ->
      send(room, {Relay, :detached, self(), Enum.reverse(sessions)})
    end)

    measurements = %{
      mailbox: round.mailbox,
      commands: round.commands,
      events: round.pushes,
      deliveries: round.deliveries,
      wakes: length(wakes),
      overflows: round.overflows,
      dropped: round.dropped,
      duration: System.monotonic_time() - round.started
    }

    Telemetry.emit([:relay, :round], measurements, %{instance: instance, relay: self()})
  end

  defp effect({:push, parts, instead}, %{waiting: waiting} = round) do
    case merge(parts, instead, waiting, []) do
      {:ok, waiting} -> count(%{round | waiting: waiting})
      :others -> count(%{push(round) | waiting: Enum.map(parts, &batch(&1, instead))})
    end
  end

  defp effect({:send, pid, message}, round) do
    round = push(round)
    send(pid, message)
    round
  end

  defp effect({:detached, room, session}, round) do
    %{round | detached: Map.update(round.detached, room, [session], &[session | &1])}
  end

  defp effect({:monitor, pid}, round) do
    Process.monitor(pid)
    round
  end

  # The lists of a selection are shared, so that this compares pointers, or first keys.
  defp merge(
         [{event, _, seats} | parts],
         instead,
         [{events, outboxes, seats, n} | waiting],
         merged
       ) do
    merge(parts, instead, waiting, [{[{event, instead} | events], outboxes, seats, n} | merged])
  end

  defp merge([], _instead, [], [_ | _] = merged), do: {:ok, Enum.reverse(merged)}
  defp merge(_parts, _instead, _waiting, _merged), do: :others

  defp batch({event, outboxes, seats}, instead) do
    {[{event, instead}], outboxes, seats, length(seats)}
  end

  defp count(%{waiting: waiting} = round) do
    deliveries = for {_events, _outboxes, _seats, n} <- waiting, reduce: 0, do: (sum -> sum + n)
    %{round | pushes: round.pushes + 1, deliveries: round.deliveries + deliveries}
  end

  defp push(round), do: Enum.reduce(round.waiting, %{round | waiting: []}, &push/2)

  defp push({events, outboxes, seats, _length}, round) do
    {wake, overflow} = Outbox.push_many(outboxes, Enum.reverse(events))

    %{
      round
      | flushes: round.flushes + 1,
        wakes: at(wake, seats, 0, & &1.pid, round.wakes),
        overflowed: at(overflow, seats, 0, &{&1.session_id, &1.pid}, round.overflowed)
    }
  end

  # Adds what `field` makes of the subscribers at ascending positions.
  defp at([], _seats, _position, _field, found), do: found

  defp at([position | positions], [{_key, subscriber} | seats], position, field, found) do
    at(positions, seats, position + 1, field, [field.(subscriber) | found])
  end

  defp at(positions, [_seat | seats], position, field, found) do
    at(positions, seats, position + 1, field, found)
  end
end
