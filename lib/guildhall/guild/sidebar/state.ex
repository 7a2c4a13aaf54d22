defmodule Guildhall.Guild.Sidebar.State do
  @moduledoc false

  # The member lists of a guild, and who looks at them: the whole behaviour of a sidebar, without a
  # process. The lists themselves are native and mutable; members are read from a `Source`.

  alias Guildhall.Guild.Sidebar
  alias Guildhall.Guild.Sidebar.{Body, Class, Evaluation, Roll, Source, Telling, Watcher}
  alias Guildhall.Table
  alias Guildhall.{MemberList, Outbox, Permissions}
  alias Guildhall.Model.{Guild, Hierarchy}

  # From so many entries on, who is offline is not shown: members, hoisted roles, and two.
  @large 1_000
  # Operations beyond which a view is sent its windows whole.
  @many 64
  # Sessions that one step evaluates.
  @step 50

  @enforce_keys [:id, :source, :limits]
  defstruct [
    :id,
    :source,
    :limits,
    :facts,
    epoch: 0,
    number: 0,
    classes: %{},
    rolls: %{},
    watchers: Table.new(),
    users: Table.new(),
    all: 0,
    cuts: %{},
    queue: %{},
    changed: %{},
    json: %{},
    syncs: %{}
  ]

  @type id :: pos_integer()
  @type t :: %__MODULE__{
          id: id(),
          source: Source.t(),
          limits: %{bytes: pos_integer(), lists: pos_integer(), watchers: pos_integer()},
          # No other sidebar's.
          epoch: non_neg_integer(),
          # Known from the first feed on.
          facts: Roll.facts() | nil,
          # Of the last feed.
          number: non_neg_integer(),
          # Of each channel.
          classes: %{optional(id()) => Class.t()},
          rolls: %{optional(Class.t()) => Roll.t()},
          # session_id() => Watcher.t(), user_id() => [session_id()]
          watchers: Table.t(),
          users: Table.t(),
          # The feeds that cut all and single channels last.
          all: non_neg_integer(),
          cuts: %{optional(id()) => non_neg_integer()},
          # Sessions to be evaluated, and why.
          queue: %{optional(String.t()) => Evaluation.why()},
          # Users who have changed since the last flush.
          changed: %{optional(id()) => true},
          json: Body.members(),
          # Windows as they are sent to who begins to look at them, since something changed last.
          syncs: %{optional({Class.t(), Roll.windows()}) => Outbox.event()}
        }

  @type command ::
          {:feed, number :: pos_integer(), members :: non_neg_integer(),
           {Guild.t(), Permissions.t()} | nil, [Sidebar.item()]}
          | {:flush, counts? :: boolean()}
          | :work

  @typedoc """
  What is to be done, in order.

    * `{:publish, channel_id, topic, event}` - to the followers of the topic, who look by way of the channel
    * `{:send, session_id, user_id, channel_id, event}` - to a session that has looked by way of the channel
    * `{:follow, session_id, user_id, channel_ids, topics, events}` - the session gets the events, and
      follows the topics in the place of others
    * `{:watched, pid}` - the session is known
    * `{:built | :dropped, list_id, members}`, `{:refused, reason}` - for telemetry
  """
  @type effect ::
          {:publish, channel_id :: id(), topic :: binary(), Outbox.event()}
          | {:send, session_id :: String.t(), user_id :: id(), channel_id :: id(), Outbox.event()}
          | {:follow, session_id :: String.t(), user_id :: id(), channel_ids :: [id()],
             topics :: [binary()], [Outbox.event()]}
          | {:watched, pid()}
          | {:built | :dropped, list_id :: String.t(), members :: non_neg_integer()}
          | {:refused, reason()}
  @type reason :: :lists | :watchers | :windows | :memory_limit

  @spec new(id(), Source.t(), map()) :: t()
  def new(id, source, limits), do: %__MODULE__{id: id, source: source, limits: limits}

  @doc "How many lists there are, and sessions that look at them."
  @spec size(t()) :: {lists :: non_neg_integer(), watchers :: non_neg_integer()}
  def size(%__MODULE__{} = state), do: {map_size(state.rolls), Table.size(state.watchers)}

  @doc "Whether `:work` has something to do."
  @spec work?(t()) :: boolean()
  def work?(%__MODULE__{queue: queue} = state), do: queue != %{} or unfinished(state) != nil

  defp unfinished(state) do
    Enum.find_value(state.rolls, fn {class, roll} -> if roll.state != :ready, do: class end)
  end

  @doc "How many users have changed since the last flush."
  @spec changed(t()) :: non_neg_integer()
  def changed(%__MODULE__{changed: changed}), do: map_size(changed)

  @doc "Whether some were last told other counts than there are now."
  @spec miscounted?(t()) :: boolean()
  def miscounted?(%__MODULE__{} = state) do
    Enum.any?(state.rolls, fn {class, roll} ->
      roll.state == :ready and Telling.miscounted(state, class) != []
    end)
  end

  @doc "Writes down who looks; see `Guildhall.Table`."
  @spec settle(t()) :: t()
  def settle(%__MODULE__{} = state) do
    %{state | watchers: Table.settle(state.watchers), users: Table.settle(state.users)}
  end

  @doc "Does something for each, and puts the effects together."
  @spec reduce(Enumerable.t(), t(), (term(), t() -> {t(), [effect()]})) :: {t(), [effect()]}
  def reduce(things, state, fun) do
    {state, effects} =
      Enum.reduce(things, {state, []}, fn thing, {state, effects} ->
        {state, more} = fun.(thing, state)
        {state, Enum.reverse(more, effects)}
      end)

    {state, Enum.reverse(effects)}
  end

  @spec apply(t(), command()) :: {t(), [effect()]}
  def apply(%__MODULE__{} = state, {:feed, number, members, guild, items}) do
    state = if guild, do: restructure(state, guild), else: state
    state = count(%{state | number: number}, members)
    reduce(items, state, &item(&2, &1))
  end

  def apply(%__MODULE__{} = state, {:flush, counts?}) do
    ids = Map.keys(state.changed)
    rows = state.source.fetch.(ids, state.facts.offline?)
    facts = %{state.facts | online: state.source.online.()}
    state = %{state | facts: facts, changed: %{}, json: Map.drop(state.json, ids), syncs: %{}}
    reduce(Map.keys(state.rolls), state, &flush(&2, &1, rows, counts?))
  end

  def apply(%__MODULE__{} = state, :work) do
    case unfinished(state) do
      nil -> evaluate_some(state)
      class -> build(state, class)
    end
  end

  # What the guild is now. Lists whose roles are others are built anew.
  defp restructure(state, {%Guild{roles: roles} = guild, rights}) do
    classes = Map.new(guild.channels, fn {id, channel} -> {id, Class.of(guild, channel)} end)
    channel_of = Map.new(classes, fn {id, class} -> {class, id} end)
    rolls = Map.new(state.rolls, fn {c, roll} -> {c, %{roll | channel: channel_of[c]}} end)
    before = state.facts || %{hoisted: nil, members: 0, online: 0, offline?: true}
    online = state.source.online.()
    now = %{hoisted: hoisted(guild), roles: roles, rights: rights, online: online}
    facts = Map.merge(before, now)
    state = %{state | classes: classes, rolls: rolls, facts: facts, json: %{}, syncs: %{}}
    if facts.hoisted == before.hoisted, do: state, else: rebuild(state, fn _class -> true end)
  end

  defp hoisted(%Guild{id: everyone, roles: roles}) do
    roles = for {id, %{hoist: true} = role} <- roles, id != everyone, do: role
    roles |> Enum.sort_by(&Hierarchy.rank/1, :desc) |> Enum.map(& &1.id)
  end

  # Whether who is offline is shown depends on how many members there are.
  defp count(%__MODULE__{facts: %{offline?: before} = facts} = state, members) do
    offline? = members + length(facts.hoisted) + 2 < @large
    syncs = if members == facts.members, do: state.syncs, else: %{}
    facts = %{facts | members: members, offline?: offline?}
    state = %{state | facts: facts, syncs: syncs}
    if offline? == before, do: state, else: rebuild(state, fn _class -> true end)
  end

  defp rebuild(%__MODULE__{source: source, limits: limits} = state, which?) do
    rolls =
      Map.new(state.rolls, fn {class, roll} ->
        {class, if(which?.(class), do: Roll.rebuild(roll, limits.bytes, source), else: roll)}
      end)

    %{state | rolls: rolls, syncs: %{}}
  end

  defp item(state, {:user, id}), do: {%{state | changed: Map.put(state.changed, id, true)}, []}

  # Who sees what is another thing now, but for the list of those channels that all see.
  defp item(state, {:cut, :all}) do
    state = rebuild(%{state | all: state.number, cuts: %{}}, &(&1 != :everyone))
    {enqueue(state, Table.keys(state.watchers)), []}
  end

  defp item(state, {:cut, {:channel, id}}) do
    sessions = for {s, %{channels: %{^id => _}}} <- Table.to_list(state.watchers), do: s
    {enqueue(%{state | cuts: Map.put(state.cuts, id, state.number)}, sessions), []}
  end

  defp item(state, {:cut, {:user, id}}), do: {enqueue(state, Table.get(state.users, id, [])), []}
  defp item(state, {:gone, session_id}), do: Evaluation.forget(state, session_id)

  defp item(state, {:watch, session_id, user_id, pid, channels}) do
    known = Table.get(state.watchers, session_id)

    cond do
      known == nil and channels == %{} ->
        {state, []}

      known == nil and Table.size(state.watchers) >= state.limits.watchers ->
        {state, [{:refused, :watchers}]}

      true ->
        watcher = %{(known || %Watcher{user_id: user_id}) | channels: channels}
        {state, effects} = Evaluation.run(state, session_id, watcher, :asked)
        {state, [{:watched, pid} | effects]}
    end
  end

  defp enqueue(state, sessions) do
    %{state | queue: Enum.reduce(sessions, state.queue, &Map.put(&2, &1, :cut))}
  end

  defp evaluate_some(state) do
    {some, queue} = take(:maps.next(:maps.iterator(state.queue)), state.queue, @step)

    reduce(some, %{state | queue: queue}, fn {session_id, why}, state ->
      case Table.fetch(state.watchers, session_id) do
        {:ok, watcher} -> Evaluation.run(state, session_id, watcher, why)
        :error -> {state, []}
      end
    end)
  end

  defp take({session_id, why, iterator}, queue, left) when left > 0 do
    {some, queue} = take(:maps.next(iterator), queue, left - 1)
    {[{session_id, why} | some], Map.delete(queue, session_id)}
  end

  defp take(_end_or_enough, queue, _left), do: {[], queue}

  defp build(state, class) do
    case Roll.build(state.rolls[class], state.facts, state.source) do
      {:ok, %{state: :ready} = roll} -> built(put_in(state.rolls[class], roll), class)
      {:ok, roll} -> {put_in(state.rolls[class], roll), []}
      {:error, reason} -> give_up(state, class, reason)
    end
  end

  # Those who have it as it was are sent it anew, and those who waited for it are evaluated.
  defp built(state, class) do
    %{^class => roll} = state.rolls
    state = put_in(state.rolls[class], %{roll | waiting: [], again?: false})
    queue = Enum.reduce(roll.waiting, state.queue, &Map.put_new(&2, &1, :built))
    state = %{state | queue: queue, syncs: %{}}
    views = if roll.again?, do: Map.keys(roll.views), else: []
    updates = for windows <- views, do: {windows, Roll.sync(roll, [], windows)}
    {state, effects} = Telling.tell(state, class, updates)
    {state, [{:built, Class.id(class), MemberList.counts(roll.list).members} | effects]}
  end

  defp flush(state, class, rows, counts?) do
    %{^class => roll} = state.rolls

    case Roll.put(roll, state.facts, rows) do
      {:ok, _untold} when roll.state != :ready -> {state, []}
      {:ok, updates} -> tell(state, class, updates ++ Roll.count(roll, state.facts), counts?)
      {:error, reason} -> give_up(state, class, reason)
    end
  end

  # The updates of a view in their order; and to the other views, that there are other counts.
  defp tell(state, class, updates, counts?) do
    views = Enum.uniq(for {windows, _ops} <- updates, do: windows)
    updates = for view <- views, do: {view, whole(state, class, view, updates)}
    others = if counts?, do: Telling.miscounted(state, class) -- views, else: []
    Telling.tell(state, class, updates ++ for(windows <- others, do: {windows, []}))
  end

  defp whole(state, class, view, updates) do
    ops = for {^view, ops} <- updates, op <- ops, do: op
    if length(ops) > @many, do: Roll.sync(state.rolls[class], [], view), else: ops
  end

  # Too much for it: those who look at it see nothing, until one of them asks anew.
  defp give_up(state, class, reason) do
    state = Evaluation.abandon(state, class)
    {state, [{:refused, reason}, {:dropped, Class.id(class), 0}]}
  end
end
