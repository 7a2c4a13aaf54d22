defmodule Guildhall.Guild.Execution do
  @moduledoc false

  # Carries out what `Guildhall.Guild.Room` and `Guildhall.Guild.Sessions` decided, in the room's
  # process and on the struct of `Guildhall.Guild.Server`.

  alias Guildhall.Guild.{
    Audience,
    Doubt,
    Effects,
    Gate,
    Gathering,
    Pipeline,
    Plan,
    Request,
    Room,
    Server,
    Sessions,
    State,
    Watching
  }

  alias Guildhall.{Store, Telemetry, User}

  # How long what is said in a direct message channel waits for sessions that were called.
  @gathering 1_000
  # Until what is in doubt is read again, if the store did not answer.
  @doubt_again 250

  @doc "Lets commands into the room."
  @spec admit(Server.t(), [Request.t()]) :: Server.t()
  def admit(server, []), do: server

  # The guild was deleted by what they waited for.
  def admit(%{stop?: true} = server, requests) do
    for request <- requests, do: GenServer.reply(request.from, {:error, :unknown_guild})
    server
  end

  def admit(server, requests) do
    ports = %{
      now: System.system_time(:millisecond),
      next_id: fn -> Store.next_id_now(server.instance) end,
      write: &write(server, &1, &2)
    }

    {room, outcomes} = Room.admit(server.room, requests, ports)
    carry_out(%{server | room: room}, outcomes)
  end

  # Without the lease a room only reads.
  defp write(%{room: %{state: %{epoch: nil}}}, _ops, _index), do: {:error, :storage_full}
  defp write(server, ops, index), do: Store.write_async(server.instance, ops, index)

  @doc """
  Takes in a write's result. What it releases is read by others from now on.

  If it failed and changes what the room itself knows, that is read first, in the background.
  """
  @spec settle(Server.t(), pos_integer(), :ok | {:error, atom()}) :: Server.t()
  def settle(server, index, :ok), do: release(server, index, :ok)

  def settle(server, index, {:error, reason} = error) do
    case Doubt.keys(Pipeline.keys(server.room.pipeline, index)) do
      [] -> release(server, index, error)
      keys -> doubt(%{server | doubts: server.doubts ++ [{index, reason, keys}]})
    end
  end

  @doc "Reads what writes that failed have left in doubt: one read at a time."
  @spec doubt(Server.t()) :: Server.t()
  def doubt(%{doubts: []} = server), do: server

  def doubt(%{doubts: doubts, instance: instance, room_id: room_id} = server) do
    if Enum.any?(server.background, &match?({_reference, {:doubts, _doubts}}, &1)) do
      server
    else
      keys = for {_index, _reason, keys} <- doubts, key <- keys, uniq: true, do: key
      read = fn -> Doubt.read(instance, room_id, keys) end
      Server.background(%{server | doubts: []}, {:doubts, doubts}, read)
    end
  end

  @doc "Takes in what was read of writes that failed."
  @spec resolve(Server.t(), [Server.doubt()], {:ok, Doubt.known()} | {:error, term()}) ::
          Server.t()
  def resolve(server, doubts, {:ok, known}) do
    Enum.reduce(doubts, server, fn {index, reason, keys}, server ->
      release(server, index, {:error, reason, Map.take(known, keys)})
    end)
    |> doubt()
  end

  # It was deleted after all.
  def resolve(server, doubts, {:error, :unknown_guild}) do
    server =
      Enum.reduce(doubts, server, fn {index, reason, _keys}, server ->
        release(server, index, {:error, reason})
      end)

    %{server | stop?: true}
  end

  # The store does not answer: nothing that depends on these writes is decided before it does.
  def resolve(server, doubts, {:error, _reason}) do
    Process.send_after(self(), :doubt, @doubt_again)
    %{server | doubts: doubts ++ server.doubts}
  end

  defp release(server, index, result) do
    {room, outcomes, waiters} = Room.settle(server.room, index, result)
    Gate.release(server.gate, room.pipeline.released)
    %{server | room: room} |> carry_out(outcomes) |> admit(waiters)
  end

  @doc "Changes what the room knows of its sessions, and does what follows from it."
  @spec update(Server.t(), (State.t() -> {State.t(), [Sessions.effect()]})) :: Server.t()
  def update(server, fun) do
    {state, effects} = fun.(Server.state(server))
    server |> Server.put_state(state) |> perform(effects)
  end

  defp carry_out(server, outcomes), do: Enum.reduce(outcomes, server, &carry_out_one/2)

  defp carry_out_one({:reply, from, {:error, {:throttled, wait}} = reply}, server) do
    Telemetry.emit([:guild, :throttle], %{count: 1, wait: wait}, Server.metadata(server))
    GenServer.reply(from, reply)
    server
  end

  defp carry_out_one({:reply, from, reply}, server) do
    GenServer.reply(from, reply)
    server
  end

  defp carry_out_one({:effects, effects}, server), do: perform(server, effects)

  defp carry_out_one({:released, _index, commands, started}, server) do
    measured = %{
      duration: System.system_time(:millisecond) - started,
      commands: commands,
      in_flight: Pipeline.depth(server.room.pipeline)
    }

    Telemetry.emit([:guild, :release], measured, Server.metadata(server))
    server
  end

  defp carry_out_one({:failed, reason, _keys}, server) do
    metadata = Map.put(Server.metadata(server), :reason, reason)
    Telemetry.emit([:guild, :failure], %{count: 1}, metadata)
    server
  end

  # Sessions stay; relays compute again which channels each of them sees.
  defp carry_out_one({:restored, keys, effects}, server) do
    server = if :guild in keys, do: reopen(server), else: server
    perform(server, effects)
  end

  defp reopen(server) do
    :ok = Effects.reopen(Server.state(server))
    Watching.restart(server)
  end

  defp perform(%{room: %{state: %{guild: %{kind: :dm}}}} = server, effects) do
    {events, others} = Enum.split_with(effects, &match?({:publish, _event}, &1))
    server = perform_now(server, others)
    if events == [], do: server, else: server |> gather() |> hold(events)
  end

  defp perform(server, effects), do: perform_now(server, effects)

  @spec perform_now(Server.t(), [Plan.effect()]) :: Server.t()
  defp perform_now(server, effects) do
    {state, stop} = Effects.perform(Server.state(server), server.instance, effects)
    server = server |> Server.put_state(state) |> tick()
    if stop == [], do: server, else: %{server | stop?: true}
  end

  defp tick(%{ticking?: true} = server), do: server

  defp tick(server) do
    case Sessions.window(Server.state(server)) do
      nil ->
        server

      window ->
        Process.send_after(self(), :tick, window)
        %{server | ticking?: true}
    end
  end

  defp gather(server) do
    [%{recipients: user_ids}] = Map.values(Server.state(server).guild.channels)
    sessions = Enum.flat_map(user_ids, &User.sessions(server.instance, &1))
    attached = Audience.pids(Server.state(server).audience)
    {call?, gathering} = Gathering.call(server.gathering, sessions, attached)

    if call? do
      for user_id <- user_ids,
          do: User.notify(server.instance, user_id, {:joined, server.room_id, :dm})

      Process.send_after(self(), :gathered, @gathering)
    end

    %{server | gathering: gathering}
  end

  defp hold(server, events) do
    speak(%{server | gathering: Gathering.hold(server.gathering, events)})
  end

  @doc "A session of a direct message channel that was called has come."
  @spec came(Server.t(), pid()) :: Server.t()
  def came(server, pid), do: speak(%{server | gathering: Gathering.came(server.gathering, pid)})

  @doc "The time for those who were called is over."
  @spec gathered(Server.t()) :: Server.t()
  def gathered(server), do: speak(%{server | gathering: Gathering.close(server.gathering)})

  defp speak(server) do
    if Gathering.waiting?(server.gathering) do
      server
    else
      {events, gathering} = Gathering.take(server.gathering)
      perform_now(%{server | gathering: gathering}, events)
    end
  end
end
