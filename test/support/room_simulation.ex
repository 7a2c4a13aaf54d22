defmodule Guildhall.RoomSimulation do
  @moduledoc false

  # A room without processes: the store is a map, writes finish when the test says so, and they may
  # fail. Callers read rows as `Guildhall.Guild.Rooms` has them do.

  alias Guildhall.Guild.{Command, Keys, Request, Room, Rows, State}
  alias Guildhall.Model.{Channel, Guild, Member, Role, Row, User}
  alias Guildhall.Permissions

  import Bitwise

  defstruct [
    :room,
    rows: %{},
    submitted: [],
    outcomes: [],
    next_id: 1_000 <<< 22,
    fail: MapSet.new(),
    refuse: nil
  ]

  @everyone Permissions.all() - Permissions.bit(:administrator)

  @doc "A guild (1) of one channel (2) in which everyone may do everything; users are 11, 12, ..."
  def new(users \\ 3) do
    everyone = %Role{id: 1, name: "@everyone", permissions: @everyone}
    channel = %Channel{id: 2, type: 0, guild_id: 1}
    guild = %Guild{id: 1, owner_id: 10, roles: %{1 => everyone}, channels: %{2 => channel}}

    rows =
      for n <- 1..users, into: %{} do
        id = 10 + n
        member = %Member{user: %User{id: id, username: "user"}}
        {{:members, Keys.members(1, id), Keys.id(id)}, Row.encode(member)}
      end

    %__MODULE__{room: Room.new(State.new(guild, epoch: 1), 1_000), rows: rows}
  end

  @doc "What a caller reads now, and the stamp that he read before it."
  def read(simulation, actor, command, more \\ []) do
    keys = [{:member, actor} | Command.facts(1, actor, command)] ++ more
    facts = Map.new(keys, &{&1, row(simulation, &1)})
    %{stamp: simulation.room.pipeline.released, facts: facts, keys: keys}
  end

  @doc "A caller's command comes to the room, with what he read."
  def enter(simulation, tag, actor, command, read) do
    request = %Request{
      actor: actor,
      command: command,
      from: tag,
      stamp: read.stamp,
      facts: read.facts
    }

    admit(simulation, [request])
  end

  @doc "The store finishes its oldest write; it fails if the index is in `fail`."
  def finish(%{submitted: []} = simulation), do: simulation

  def finish(%{submitted: [{index, ops} | submitted]} = simulation) do
    result = if index in simulation.fail, do: {:error, :storage_full}, else: :ok

    rows =
      if result == :ok, do: Enum.reduce(ops, simulation.rows, &apply_op/2), else: simulation.rows

    {room, outcomes, waiters} = Room.settle(simulation.room, index, result)
    outcomes = simulation.outcomes ++ outcomes

    admit(
      %{simulation | room: room, rows: rows, submitted: submitted, outcomes: outcomes},
      waiters
    )
  end

  def finish_all(%{submitted: []} = simulation), do: simulation
  def finish_all(simulation), do: simulation |> finish() |> finish_all()

  @doc "What happened since the last time, in order."
  def take(simulation), do: {simulation.outcomes, %{simulation | outcomes: []}}

  # Ports answer at once, so their effects are kept in the process's dictionary.
  @doc "Requests that come at once."
  def admit(simulation, requests) do
    Process.put(__MODULE__, {simulation.next_id, []})

    ports = %{
      now: 1_420_070_400_000 + (simulation.next_id >>> 22),
      next_id: &next_id/0,
      write: if(simulation.refuse, do: fn _ops, _index -> simulation.refuse end, else: &submit/2)
    }

    {room, outcomes} = Room.admit(simulation.room, requests, ports)
    {next_id, submitted} = Process.delete(__MODULE__)

    %{
      simulation
      | room: room,
        next_id: next_id,
        submitted: simulation.submitted ++ Enum.reverse(submitted),
        outcomes: simulation.outcomes ++ outcomes
    }
  end

  defp next_id do
    {id, submitted} = Process.get(__MODULE__)
    Process.put(__MODULE__, {id + (1 <<< 22), submitted})
    {:ok, id}
  end

  defp submit(ops, index) do
    {id, submitted} = Process.get(__MODULE__)
    Process.put(__MODULE__, {id, [{index, ops} | submitted]})
    :ok
  end

  defp apply_op({:put, table, partition, key, value}, rows),
    do: Map.put(rows, {table, partition, key}, value)

  defp apply_op({:delete, table, partition, key}, rows),
    do: Map.delete(rows, {table, partition, key})

  @doc "A row as it is stored."
  def row(simulation, {:member, id}),
    do: get(simulation, :members, Keys.members(1, id), Keys.id(id), nil, &Row.decode!/1)

  def row(_simulation, {:user, id}), do: %User{id: id, username: "user"}

  def row(simulation, {:message, channel, id}) do
    get(simulation, :messages, Keys.messages(channel, id), Keys.id(id), nil, &Row.decode!/1)
  end

  def row(simulation, {:counts, channel, id}) do
    get(
      simulation,
      :reaction_counts,
      Keys.messages(channel, id),
      Keys.id(id),
      [],
      &Rows.decode_counts/1
    )
  end

  def row(simulation, {:reaction, channel, id, emoji, user}) do
    key = Keys.reaction(id, emoji, user)
    get(simulation, :reactions, Keys.messages(channel, id), key, nil, &Rows.decode_since/1)
  end

  def row(simulation, {:pins, channel}) do
    partition = Keys.id(channel)
    for {{:pins, ^partition, <<id::64>>}, _row} <- simulation.rows, do: id
  end

  def row(_simulation, {:ban, _id}), do: nil

  defp get(simulation, table, partition, key, default, decode) do
    case simulation.rows do
      %{{^table, ^partition, ^key} => row} -> decode.(row)
      %{} -> default
    end
  end
end
