defmodule Guildhall.Guild.Room do
  @moduledoc false

  # The life of a command, as a value: what the room knows and what is on its way to the store.
  #
  # A command is decided at once on what is durable, unless a write that it depends on is under way:
  # then it waits for that one. What it changes is true, is answered and is told only when its write
  # is released. Commands that waited for the same write go together in the next one.
  #
  # The clock, ids and the store come in through `ports`; everything else is data.

  alias Guildhall.Guild.{Batch, Command, Doubt, Pipeline, Plan, Recent, Request, State, Throttle}

  @enforce_keys [:state, :pipeline]
  defstruct [:state, :pipeline, throttle: %Throttle{}]

  @type t :: %__MODULE__{state: State.t(), pipeline: Pipeline.t(), throttle: Throttle.t()}
  @type ports :: %{
          required(:now) => integer(),
          required(:next_id) => (() -> {:ok, pos_integer()} | {:error, atom()}),
          required(:write) =>
            ([Guildhall.Store.op()], index :: pos_integer() ->
               :ok | {:error, atom()})
        }

  @typedoc "What the server does, in order."
  @type outcome ::
          {:reply, GenServer.from() | nil, term()}
          | {:effects, [Plan.effect()]}
          | {:released, index :: pos_integer(), commands :: pos_integer(), started :: integer()}
          | {:failed, reason :: atom(), keys :: [term()]}
          | {:restored, keys :: [term()], [Plan.effect()]}

  @spec new(State.t(), limit :: pos_integer()) :: t()
  def new(state, limit), do: %__MODULE__{state: state, pipeline: Pipeline.new(limit)}

  @doc "Lets commands in, in their order."
  @spec admit(t(), [Request.t()], ports()) :: {t(), [outcome()]}
  def admit(%__MODULE__{} = room, requests, ports) do
    {room, batch, outcomes} =
      Enum.reduce(requests, {room, batch(room), []}, fn request, {room, batch, outcomes} ->
        request = %{request | now: ports.now}
        room = %{room | state: State.remember(room.state, request)}
        batch = if Batch.empty?(batch), do: batch(room), else: Batch.settle(batch, ports.now)
        {room, batch, outcomes} = enter(room, batch, outcomes, request, ports)

        if Batch.full?(batch),
          do: submit(room, batch, outcomes, ports),
          else: {room, batch, outcomes}
      end)

    {room, _batch, outcomes} = submit(room, batch, outcomes, ports)
    {room, Enum.reverse(outcomes)}
  end

  defp batch(room), do: Batch.new(room.state, room.pipeline.next)

  defp enter(room, batch, outcomes, request, ports) do
    request = %{request | index: batch.index}

    with {reads, writes} <- attempt(fn -> Command.keys(batch.scratch, request) end),
         nil <- Pipeline.blocker(room.pipeline, writes ++ reads) do
      attempt(fn -> decide(batch.scratch, request, ports) end)
      |> decided(room, batch, outcomes, {request, writes})
    else
      {:raise, _exception, _stacktrace} = raised ->
        {room, batch, [{:reply, request.from, raised} | outcomes]}

      index ->
        {%{room | pipeline: Pipeline.wait(room.pipeline, index, request)}, batch, outcomes}
    end
  end

  # A command that makes no sense is its caller's bug, and raises there.
  defp attempt(fun) do
    fun.()
  rescue
    exception -> {:raise, exception, __STACKTRACE__}
  end

  defp decide(state, request, ports) do
    if Command.creates?(request.command) do
      with {:ok, id} <- ports.next_id.(), do: Command.decide(state, %{request | id: id})
    else
      Command.decide(state, request)
    end
  end

  defp decided({:raise, _exception, _stacktrace} = raised, room, batch, outcomes, {request, _}) do
    {room, batch, [{:reply, request.from, raised} | outcomes]}
  end

  defp decided({:need, keys}, room, batch, outcomes, {request, _writes}) do
    {room, batch, [{:reply, request.from, {:need, keys}} | outcomes]}
  end

  defp decided({:error, reason}, room, batch, outcomes, context) do
    decided({:ok, %Plan{reply: {:error, reason}}}, room, batch, outcomes, context)
  end

  defp decided({:ok, plan}, room, batch, outcomes, {request, _writes} = context) do
    case Throttle.pay(room.throttle, batch.scratch, request, plan) do
      {:ok, throttle} -> planned(plan, %{room | throttle: throttle}, batch, outcomes, context)
      {:error, reason} -> planned(%Plan{reply: {:error, reason}}, room, batch, outcomes, context)
    end
  end

  defp planned(plan, room, batch, outcomes, {request, writes}) do
    # What was decided on a write that is not durable is not told before it is.
    if plan.ops == [] and Batch.empty?(batch) do
      outcomes = [{:effects, plan.effects}, {:reply, request.from, plan.reply} | outcomes]
      state = State.apply(room.state, plan.changes, room.pipeline.released, request.now)
      {%{room | state: state}, batch, outcomes}
    else
      keys = if plan.ops == [], do: [], else: writes
      {room, Batch.add(batch, request, plan, keys), outcomes}
    end
  end

  defp submit(room, %Batch{plans: []} = batch, outcomes, _ports), do: {room, batch, outcomes}

  defp submit(room, batch, outcomes, ports) do
    plans = Batch.plans(batch)

    case ports.write.(Batch.ops(batch), batch.index) do
      :ok ->
        payload = {plans, batch.keys, ports.now}
        room = %{room | pipeline: Pipeline.submit(room.pipeline, batch.keys, payload)}
        {room, batch(room), outcomes}

      {:error, reason} = error ->
        refused = refusals(plans, error) ++ [{:failed, reason, []}]
        {room, batch(room), Enum.reverse(refused) ++ outcomes}
    end
  end

  @doc """
  Takes in a write's result. Returns what is visible now, and the commands that waited for it, which
  must be let in next.

  A write that failed comes with what the store has of its keys: see `Guildhall.Guild.Doubt`.
  """
  @spec settle(
          t(),
          index :: pos_integer(),
          :ok | {:error, atom()} | {:error, atom(), Doubt.known()}
        ) ::
          {t(), [outcome()], [Request.t()]}
  def settle(%__MODULE__{} = room, index, result) do
    {released, pipeline} = Pipeline.settle(room.pipeline, index, result)

    {state, outcomes} =
      Enum.reduce(released, {room.state, []}, fn {index, payload, result, _waiters},
                                                 {state, outcomes} ->
        {state, more} = release(state, index, payload, result)
        {state, [more | outcomes]}
      end)

    waiters = for {_index, _payload, _result, waiters} <- released, waiter <- waiters, do: waiter

    {%{room | state: state, pipeline: pipeline}, outcomes |> Enum.reverse() |> Enum.concat(),
     waiters}
  end

  defp release(state, index, {plans, _keys, now}, :ok) do
    changes = for {_request, plan} <- plans, change <- plan.changes, do: change

    {State.apply(state, changes, index, now),
     [{:released, index, length(plans), now} | outcomes(plans, state.guild.kind)]}
  end

  defp release(state, index, payload, {:error, reason}) do
    release(state, index, payload, {:error, reason, %{}})
  end

  # Nothing was changed in memory, and what was read since is in the place of what is in doubt.
  defp release(state, index, {plans, keys, _now}, {:error, reason, known}) do
    rows = for {_request, plan} <- plans, change <- plan.changes, do: row(change)
    recent = Recent.doubt(state.recent, Enum.reject(rows, &is_nil/1), index)
    {state, effects} = Doubt.restore(%{state | recent: recent}, known)
    restored = if known == %{}, do: [], else: [{:restored, Map.keys(known), effects}]
    {state, refusals(plans, {:error, reason}) ++ [{:failed, reason, keys} | restored]}
  end

  # What was written together is told together; in a direct message channel it may have to wait.
  defp outcomes([{_request, %Plan{effects: [publish: event]}} | _more] = plans, :guild) do
    {told, others} = Enum.split_while(plans, &like?(&1, event))
    replies = for {request, plan} <- told, do: {:reply, request.from, plan.reply}
    events = for {_request, %Plan{effects: [publish: event]}} <- told, do: event
    effect = if match?([_one], events), do: {:publish, event}, else: {:publish_all, events}
    replies ++ [{:effects, [effect]} | outcomes(others, :guild)]
  end

  defp outcomes([{request, plan} | plans], kind) do
    [{:reply, request.from, plan.reply}, {:effects, plan.effects} | outcomes(plans, kind)]
  end

  defp outcomes([], _kind), do: []

  # Those who want the one want the other.
  defp like?({_request, %Plan{effects: [publish: other]}}, event) do
    {other.type, other.always} == {event.type, event.always}
  end

  defp like?(_plan, _event), do: false

  defp row({:row, key, _value}), do: key
  defp row({:member, member}), do: {:member, member.user.id}
  defp row({:member_removed, user_id}), do: {:member, user_id}
  defp row(_change), do: nil

  defp refusals(plans, error),
    do: for({request, _plan} <- plans, do: {:reply, request.from, error})
end
