defmodule Guildhall.Guild.Sidebar.Server do
  @moduledoc false

  # The process around `Guildhall.Guild.Sidebar.State`: feeds of the room come in, what is for sessions
  # goes back to the room.
  #
  #   owns      the member lists of one guild, and the table of who looks at them
  #   started   by its room for the first who looks, restart: :temporary; ended when nobody does
  #   a crash   loses both: the sessions monitor it and ask again
  #   mailbox   off heap; a room that has sent too many feeds ends it
  #
  # Changes are told together: at once if the last time is a while ago, else when it is. The more
  # look, and the more has changed, the longer is the while.

  use GenServer, restart: :temporary

  alias Guildhall.Guild.Sidebar.State
  alias Guildhall.{Instance, PartitionedRegistry, Telemetry}

  # Milliseconds between two times, at least and at most, and the share of them that one who looks adds.
  @pause 100
  @long_pause 1_000
  @watchers_a_millisecond 100
  # With more changes than this it is the long pause.
  @storm 200
  # Counts alone are told this much more rarely.
  @counts 5
  # What the room does for one message of ours.
  @piece 50

  @enforce_keys [:instance, :room, :state]
  defstruct [
    :instance,
    :room,
    :state,
    working?: false,
    idle: nil,
    planned: nil,
    told_at: nil,
    pause: 0,
    counted_at: nil
  ]

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options), do: GenServer.start_link(__MODULE__, options)

  @doc "Tells what changed; see `Guildhall.Guild.Sidebar`."
  @spec feed(pid(), State.command()) :: :ok
  def feed(pid, feed) do
    send(pid, feed)
    :ok
  end

  @spec registry(Instance.t()) :: atom()
  def registry(instance), do: Instance.child(instance, :guild_sidebars)

  @doc "How many lists there are in an instance, and sessions that look at them."
  @spec size(Instance.t()) :: {lists :: non_neg_integer(), watchers :: non_neg_integer()}
  def size(instance) do
    sizes = for {_id, _pid, size} <- PartitionedRegistry.entries(registry(instance)), do: size

    {Enum.sum(for {lists, _} <- sizes, do: lists),
     Enum.sum(for {_, watchers} <- sizes, do: watchers)}
  end

  @impl GenServer
  def init(options) do
    Process.flag(:message_queue_data, :off_heap)
    %{instance: instance, room: room, room_id: room_id} = options = Map.new(options)
    _monitor = Process.monitor(room)
    :ok = PartitionedRegistry.register(registry(instance), room_id, {0, 0})
    state = State.new(room_id, options.source, options.limits)
    state = %{state | epoch: System.unique_integer([:positive])}
    {:ok, %__MODULE__{instance: instance, room: room, state: state}}
  end

  @impl GenServer
  def handle_info({:feed, _number, _members, _guild, items} = feed, server) do
    server = run(server, feed)
    if Enum.any?(items, &match?({:cut, _whose}, &1)), do: hear(server)
    server |> work() |> plan() |> noreply()
  end

  def handle_info(:work, server) do
    %{server | working?: false} |> run(:work) |> work() |> plan() |> noreply()
  end

  def handle_info(:flush, server) do
    server |> Map.put(:planned, nil) |> flush() |> plan() |> noreply()
  end

  def handle_info({:stop, _room}, server), do: {:stop, :normal, server}

  def handle_info({:DOWN, _monitor, :process, room, _reason}, %{room: room} = server) do
    {:stop, :normal, server}
  end

  defp noreply(%{state: state} = server) do
    size = State.size(state)

    :ok =
      PartitionedRegistry.update_value(registry(server.instance), state.id, fn _old -> size end)

    {:noreply, rest(%{server | state: State.settle(state)}, size)}
  end

  # The room says when it is over. It is asked once a feed.
  defp rest(%{state: %{number: number}, idle: asked} = server, {0, 0}) when asked != number do
    send(server.room, {__MODULE__, self(), number, [:idle]})
    %{server | idle: number}
  end

  defp rest(server, _size), do: server

  # So that the room knows what is known, also where there is nothing to say.
  defp hear(server), do: send(server.room, {__MODULE__, self(), server.state.number, []})

  defp work(%{working?: false, state: state} = server) do
    if State.work?(state) do
      send(self(), :work)
      %{server | working?: true}
    else
      server
    end
  end

  defp work(server), do: server

  # When to tell next, if there is something to tell: counts alone may wait, and not hold up a change.
  defp plan(%{state: state} = server) do
    cond do
      State.changed(state) > 0 -> flush_at(server, due(server.told_at, server.pause))
      State.miscounted?(state) -> flush_at(server, due(server.counted_at, counts_pause(state)))
      true -> server
    end
  end

  defp due(nil, _pause), do: now()
  defp due(last, pause), do: last + pause

  defp flush_at(%{planned: {at, _timer}} = server, due) when at <= due, do: server

  # Behind the feeds that are here already.
  defp flush_at(server, due) do
    with {_at, timer} <- server.planned, do: Process.cancel_timer(timer)
    timer = Process.send_after(self(), :flush, max(due - now(), 0))
    %{server | planned: {due, timer}}
  end

  defp pause(state) do
    {_lists, watchers} = State.size(state)
    min(@pause + div(watchers, @watchers_a_millisecond), @long_pause)
  end

  defp counts_pause(state), do: pause(state) * @counts

  defp flush(%{state: state} = server) do
    now = now()
    pause = if State.changed(state) > @storm, do: @long_pause, else: pause(state)
    counts? = now >= due(server.counted_at, counts_pause(state))
    server = run(%{server | told_at: now, pause: pause}, {:flush, counts?})
    hear(server)
    if counts?, do: %{server | counted_at: now}, else: server
  end

  defp run(server, command) do
    {state, effects} = decide(server, command)
    {told, others} = Enum.split_with(effects, &(elem(&1, 0) in [:publish, :send, :follow]))
    Enum.each(others, &perform(&1, server))

    for piece <- Enum.chunk_every(told, @piece),
        do: send(server.room, {__MODULE__, self(), state.number, piece})

    %{server | state: state}
  end

  # The tables went with the room.
  defp decide(server, command) do
    State.apply(server.state, command)
  rescue
    error in ArgumentError ->
      if Process.alive?(server.room), do: reraise(error, __STACKTRACE__), else: exit(:normal)
  end

  defp perform({:watched, pid}, server) do
    send(pid, {Guildhall.Guild, :watched, server.state.id, self()})
  end

  defp perform({:refused, reason}, server) do
    Telemetry.emit([:guild, :list, :refusal], %{count: 1}, metadata(server, reason: reason))
  end

  defp perform({:built, list_id, members}, server) do
    Telemetry.emit(
      [:guild, :list, :start],
      %{members: members},
      metadata(server, list_id: list_id)
    )
  end

  defp perform({:dropped, list_id, _members}, server) do
    Telemetry.emit([:guild, :list, :stop], %{count: 1}, metadata(server, list_id: list_id))
  end

  defp metadata(server, more) do
    Map.new([instance: server.instance, room_id: server.state.id] ++ more)
  end

  defp now, do: System.monotonic_time(:millisecond)
end
