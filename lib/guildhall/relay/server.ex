defmodule Guildhall.Relay.Server do
  @moduledoc false

  # The process around `Guildhall.Relay.State`: it works in rounds, each of which handles
  # everything that waits, up to a bound, before it writes to anyone. Then it writes to a few of those in
  # line, or wakes those who write themselves, before it begins the next round.
  #
  #   owns      one `State`, a queue of outboxes, monitors of its rooms and sessions
  #   started   by `Guildhall.Relay`, one per scheduler
  #   a crash   loses the subscribers; their sessions monitor the relay and attach again with the next
  #   mailbox   off heap; beyond `mailbox_limit` ephemeral events are left out

  @behaviour Guildhall.Fanout.Rounds

  alias Guildhall.Fanout.Rounds
  alias Guildhall.Outbox.Queue
  alias Guildhall.{Audience, Outbox, Relay, Telemetry}
  alias Guildhall.Relay.{Pass, Round, State, Wakes}

  # A round is short enough that the first event of it does not wait long.
  @max_commands 1_000
  @max_load 400_000

  @enforce_keys [:instance, :mailbox_limit, :state, :queue]
  defstruct @enforce_keys ++ [:round, wakes: %Wakes{}, pass: %Pass{}]

  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options) do
    %{id: __MODULE__, start: {__MODULE__, :start_link, [options]}}
  end

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    {name, options} = Keyword.pop!(options, :name)
    Rounds.start_link(__MODULE__, options, name: name)
  end

  @doc "Hands the relay a command. The order of one caller's commands is kept."
  @spec run(pid(), State.command()) :: :ok
  defdelegate run(relay, command), to: Rounds, as: :cast

  @impl true
  def init(options), do: struct!(__MODULE__, [state: State.new(), queue: Queue.new()] ++ options)

  @impl true
  def begin(server, waiting) do
    %{server | round: Round.new(waiting, waiting > server.mailbox_limit, server.queue)}
  end

  # The next of those in line: see `finish/1`.
  @impl true
  def handle(server, :wake), do: {:more, server}
  def handle(server, :pass), do: {:more, %{server | pass: Pass.reached(server.pass)}}

  def handle(server, command) do
    %{round: round} = server = server |> step(command) |> relieve()

    if round.commands < @max_commands and round.load < @max_load,
      do: {:more, server},
      else: {:enough, server}
  end

  @impl true
  def finish(server) do
    %{round: round} = server = cut_off(server)
    # A round that only goes on with the waking is none to tell of.
    wakes = if round.commands > 0, do: Round.finish(round, server.instance), else: []
    wake(%{server | round: nil, wakes: Wakes.add(server.wakes, wakes)})
  end

  defp wake(server) do
    {write?, tell, pass} = flush(server)
    {pids, wake?, wakes} = Wakes.next(server.wakes)
    Enum.each(tell, &send(&1, {Relay, :wake}))
    Enum.each(pids, &send(&1, {Relay, :wake}))

    # Behind what is in the mailbox, and behind those who were woken.
    if write? or wake? do
      Rounds.cast(self(), :wake)
      :erlang.yield()
    end

    %{server | wakes: wakes, pass: pass, state: State.settle(server.state)}
  end

  # Those who write by themselves, and among them those who cannot after all.
  defp flush(%{queue: queue} = server) do
    case Pass.turn(server.pass, Queue.size(queue), System.monotonic_time(:microsecond)) do
      :rest ->
        {false, [], server.pass}

      {:wait, milliseconds, pass} ->
        _timer = Process.send_after(self(), Rounds.message(:pass), milliseconds)
        {false, [], pass}

      {:write, most, pass} ->
        %{tell: tell, tried: tried, left: left} = flushed = Queue.flush(queue, most)
        emit(server, flushed)
        # Whoever is left is written in the next round, or waited for.
        {left > 0, tell, Pass.wrote(pass, tried, left)}
    end
  end

  defp emit(server, %{tried: tried, blocked: blocked, tell: tell, left: left}) do
    measurements = %{tried: tried, blocked: length(blocked), told: length(tell), left: left}
    Telemetry.emit([:relay, :flush], measurements, %{instance: server.instance, relay: self()})
    Enum.each(blocked, &busy(server, &1))
  end

  # As the owner of a WebSocket says it of what it writes itself.
  defp busy(server, bytes) do
    Telemetry.emit([:http, :websocket, :busy], %{bytes: bytes}, %{instance: server.instance})
  end

  defp step(
         %{round: %Round{shed?: true} = round} = server,
         {:publish, _, _, [%{ephemeral: true} | _]}
       ) do
    %{server | round: Round.drop(round)}
  end

  defp step(server, command) do
    {state, effects} = State.apply(server.state, command)
    close(%{server | state: state, round: Round.perform(server.round, effects)})
  end

  defp close(%{round: %Round{refused: []}} = server), do: server

  defp close(%{round: %Round{refused: [{audience, reason} | refused]} = round} = server) do
    step(%{server | round: %{round | refused: refused}}, {:refuse, audience, reason})
  end

  # Before the next command: it may push as much again.
  defp relieve(%{round: %Round{full: []}} = server), do: server

  defp relieve(%{round: round} = server) do
    {full, round} = Round.take_full(round)
    Enum.reduce(full, %{server | round: round}, &relieve/2)
  end

  defp relieve({audience, key}, server) do
    with outbox when outbox != nil <- Audience.outbox(audience, key),
         {dropped, full?} when dropped != [] or full? <- Outbox.relieve(outbox) do
      for {room_id, events, bytes} <- dropped do
        metadata = %{instance: server.instance, relay: self(), room_id: room_id}
        Telemetry.emit([:relay, :relief], %{events: events, bytes: bytes}, metadata)
      end

      room_ids = for {room_id, _events, _bytes} <- dropped, do: room_id
      step(server, if(full?, do: {:overflow, [key]}, else: {:relieved, key, outbox, room_ids}))
    else
      _space -> server
    end
  end

  defp cut_off(server) do
    case Round.flush(server.round) do
      {[], %{full: []} = round} -> %{server | round: round}
      {[], round} -> %{server | round: round} |> relieve() |> cut_off()
      {keys, round} -> %{server | round: round} |> step({:overflow, keys}) |> cut_off()
    end
  end
end
