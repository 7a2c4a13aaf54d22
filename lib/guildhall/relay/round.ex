defmodule Guildhall.Relay.Round do
  @moduledoc false

  # What one round of a relay does and will have done: it performs the effects of
  # `Guildhall.Relay.State`, and keeps back what is said once at the end: to each room the sessions that
  # left it, and to the server who must be woken.
  #
  # The events of a room wait until something changes who gets them, or the round ends, and are
  # dispatched together, which is several times cheaper in a busy room. Between rooms there is no order.

  alias Guildhall.{Audience, Outbox, Relay, Telemetry}
  alias Guildhall.Relay.{Items, State}

  # Events of a room that are dispatched together.
  @max_waiting 64

  @enforce_keys [:started, :mailbox, :shed?, :queue]
  defstruct [
    :started,
    :mailbox,
    :shed?,
    :queue,
    waiting: %{},
    wakes: [],
    detached: %{},
    overflowed: [],
    full: [],
    refused: [],
    commands: 0,
    events: 0,
    flushes: 0,
    load: 0,
    deliveries: 0,
    overflows: 0,
    dropped: 0
  ]

  @type t :: %__MODULE__{
          started: integer(),
          mailbox: non_neg_integer(),
          shed?: boolean(),
          # Where outboxes wait that write by themselves.
          queue: Outbox.Queue.t(),
          # The newest first.
          waiting: %{optional(Audience.t()) => {pos_integer(), [Audience.Item.t()]}},
          wakes: [pid()],
          detached: %{optional(pid()) => [{Relay.session_id(), pos_integer()}]},
          overflowed: [Audience.key()],
          # Whose outbox must be relieved.
          full: [{Audience.t(), Audience.key()}],
          # Audiences that refused a change.
          refused: [{Audience.t(), reason :: atom()}],
          commands: non_neg_integer(),
          events: non_neg_integer(),
          flushes: non_neg_integer(),
          # Deliveries, if every session got every event: what the round may become.
          load: non_neg_integer(),
          deliveries: non_neg_integer(),
          overflows: non_neg_integer(),
          dropped: non_neg_integer()
        }

  @doc "Begins a round with so many messages in the mailbox."
  @spec new(non_neg_integer(), boolean(), Outbox.Queue.t()) :: t()
  def new(mailbox, shed?, queue) do
    %__MODULE__{
      started: System.monotonic_time(),
      mailbox: mailbox,
      shed?: shed?,
      queue: queue
    }
  end

  @doc "Counts a command that was left out."
  @spec drop(t()) :: t()
  def drop(round), do: %{round | commands: round.commands + 1, dropped: round.dropped + 1}

  @doc "Performs the effects of one command."
  @spec perform(t(), [State.effect()]) :: t()
  def perform(round, effects) do
    Enum.reduce(effects, %{round | commands: round.commands + 1}, &effect/2)
  end

  @doc "Dispatches what waits, and returns the sessions that have no place and must end."
  @spec flush(t()) :: {[Audience.key()], t()}
  def flush(round) do
    case flush_all(round) do
      %{overflowed: []} = round ->
        {[], round}

      %{overflowed: keys} = round ->
        # A session may be in several rooms.
        keys = Enum.uniq(keys)
        {keys, %{round | overflowed: [], overflows: round.overflows + length(keys)}}
    end
  end

  @doc "Dispatches what waits, and returns the sessions whose outboxes must be relieved."
  @spec take_full(t()) :: {[{Audience.t(), Audience.key()}], t()}
  def take_full(round) do
    round = flush_all(round)
    {Enum.uniq_by(round.full, fn {_audience, key} -> key end), %{round | full: []}}
  end

  @doc "Says what was kept back and what the round was like; returns the sessions to be woken."
  @spec finish(t(), Guildhall.Instance.t()) :: [pid()]
  def finish(round, instance) do
    # One dispatch names a session once; several may name it again if it took in between.
    wakes = if round.flushes > 1, do: :lists.usort(round.wakes), else: round.wakes

    Enum.each(round.detached, fn {room, sessions} ->
      send(room, {Relay, :detached, self(), Enum.reverse(sessions)})
    end)

    measurements = %{
      mailbox: round.mailbox,
      commands: round.commands,
      events: round.events,
      deliveries: round.deliveries,
      wakes: length(wakes),
      overflows: round.overflows,
      dropped: round.dropped,
      duration: System.monotonic_time() - round.started
    }

    Telemetry.emit([:relay, :round], measurements, %{instance: instance, relay: self()})
    wakes
  end

  defp effect({:dispatch, audience, item}, round), do: wait(round, audience, [item])
  defp effect({:flush, audience}, round), do: flush(round, audience)

  defp effect({:attach, audience, session, events}, round) do
    round = flush(round, audience)
    round = Enum.reduce(events, round, &push(&2, audience, session, &1))

    # Without a seat it would miss events: it must end, as if it were too slow.
    case Audience.attach(audience, session) do
      :ok -> round
      {:error, _limit} -> %{round | overflowed: [session.key | round.overflowed]}
    end
  end

  defp effect({:push, outbox, event}, round) do
    _pushed = Outbox.push(outbox, event)
    %{round | events: round.events + 1, deliveries: round.deliveries + 1}
  end

  defp effect({:detach, audience, key}, round) do
    round = flush(round, audience)
    Audience.detach(audience, key)
    round
  end

  # Whether the session has left in the meantime does not matter.
  defp effect({:follow, audience, key, topics}, round) do
    round = flush(round, audience)

    case Audience.follow(audience, key, topics) do
      {:error, _limit} -> %{round | overflowed: [key | round.overflowed]}
      _here? -> round
    end
  end

  # A change that is only partly made would leave visibility wrong: the server closes the room.
  defp effect({:replace, audience, options}, round) do
    round = flush(round, audience)

    case Audience.replace(audience, options) do
      :ok -> round
      {:error, reason} -> refuse(round, audience, reason)
    end
  end

  defp effect({:change, audience, changes, channels, events}, round) do
    round = flush(round, audience)
    ids = for {id, _created, _deleted} <- channels, do: id

    case Audience.change(audience, changes, ids) do
      {:ok, moves} -> wait(round, audience, Items.change(audience, moves, channels, events))
      {:error, reason} -> refuse(round, audience, reason)
    end
  end

  defp effect({:refused, room, room_id, reason}, round) do
    send(room, {Relay, :refused, room_id, reason})
    round
  end

  defp effect({:send, pid, message}, round) do
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

  defp refuse(round, audience, reason) do
    %{round | refused: [{audience, reason} | round.refused]}
  end

  defp wait(round, audience, items) do
    {count, waiting} = Map.get(round.waiting, audience, {0, []})
    more = length(items)
    waiting = {count + more, Enum.reverse(items, waiting)}

    round = %{
      round
      | waiting: Map.put(round.waiting, audience, waiting),
        events: round.events + more,
        load: round.load + more * Audience.size(audience)
    }

    if count + more >= @max_waiting, do: flush(round, audience), else: round
  end

  defp flush_all(round), do: Enum.reduce(Map.keys(round.waiting), round, &flush(&2, &1))

  defp flush(round, audience) do
    case Map.pop(round.waiting, audience) do
      {nil, _waiting} ->
        round

      {{_count, items}, waiting} ->
        {count, wake, full} = Audience.dispatch(audience, Enum.reverse(items), round.queue)

        %{
          round
          | waiting: waiting,
            flushes: round.flushes + 1,
            deliveries: round.deliveries + count,
            wakes: Enum.reverse(wake, round.wakes),
            full: Enum.reduce(full, round.full, &[{audience, &1} | &2])
        }
    end
  end

  # An event for a session alone, before it has a seat. It is about to be told that it has one, and that
  # is wake enough.
  defp push(round, audience, session, event) do
    round = %{round | events: round.events + 1, deliveries: round.deliveries + 1}

    case Outbox.push(session.outbox, event) do
      :full -> %{round | full: [{audience, session.key} | round.full]}
      _wake_or_queued -> round
    end
  end
end
