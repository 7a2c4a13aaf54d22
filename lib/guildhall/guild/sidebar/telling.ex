defmodule Guildhall.Guild.Sidebar.Telling do
  @moduledoc false

  # Operations of lists as events, and to whom they go.
  #
  # A topic is a view of a list by way of a channel. It holds the number of the last cut of the channel,
  # so that those who have been cut hear nothing, also before they are evaluated. And it holds the number
  # of the sidebar: who follows what one that died has told must ask the next one.

  alias Guildhall.Guild.Sidebar.{Body, Class, Roll, State}
  alias Guildhall.{MemberList, Outbox}

  # Members whose JSON is kept, and sets of windows; beyond it is begun anew.
  @kept 4_096
  @syncs 32

  @doc "Tells the views of a list."
  @spec tell(State.t(), Class.t(), [{Roll.windows(), [MemberList.op()]}]) ::
          {State.t(), [State.effect()]}
  def tell(state, _class, []), do: {state, []}

  def tell(state, class, updates) do
    counts = counts(state, state.rolls[class])

    State.reduce(updates, state, fn {windows, ops}, state ->
      {event, state} = say(state, class, counts, ops)
      %{^class => %Roll{views: %{^windows => view}}} = state.rolls
      state = put_in(state.rolls[class].views[windows], %{view | told: counts})

      {state,
       for {channel, _count} <- view.channels do
         {:publish, channel, topic(state, channel, windows), event}
       end}
    end)
  end

  @doc "What who looks is sent alone: that he has these windows no more, and those as they are."
  @spec sync(State.t(), Class.t(), has :: Roll.windows(), Roll.windows()) ::
          {Outbox.event(), State.t()}
  def sync(state, class, has, windows) do
    %{^class => %Roll{views: views} = roll} = state.rolls
    {event, state} = windows(state, class, has -- windows, windows)

    case views do
      %{^windows => %{told: nil} = view} ->
        told = %{view | told: counts(state, roll)}
        {event, put_in(state.rolls[class].views[windows], told)}

      %{} ->
        {event, state}
    end
  end

  # Many who come at once are sent the same event, until something changes.
  defp windows(%State{syncs: syncs} = state, class, [], windows) do
    case syncs do
      %{{^class, ^windows} => event} ->
        {event, state}

      %{} ->
        {event, state} = say(state, class, Roll.sync(state.rolls[class], [], windows))
        syncs = if map_size(syncs) < @syncs, do: syncs, else: %{}
        {event, %{state | syncs: Map.put(syncs, {class, windows}, event)}}
    end
  end

  defp windows(state, class, gone, windows) do
    say(state, class, Roll.sync(state.rolls[class], gone, windows))
  end

  defp say(state, class, ops), do: say(state, class, counts(state, state.rolls[class]), ops)

  defp say(state, class, counts, ops) do
    state = know(state, Enum.uniq(Body.ids(ops)))
    {Body.event(state.id, Class.id(class), counts, ops, state.json), state}
  end

  @doc "The views of a list that were last told other counts than there are now."
  @spec miscounted(State.t(), Class.t()) :: [Roll.windows()]
  def miscounted(state, class) do
    %{^class => %Roll{views: views} = roll} = state.rolls
    counts = counts(state, roll)
    for {windows, view} <- views, view.told != counts, do: windows
  end

  @doc "The topic of the followers of a view."
  @spec topic(State.t(), channel_id :: pos_integer(), Roll.windows()) :: binary()
  def topic(state, channel, windows) do
    cut = max(state.all, Map.get(state.cuts, channel, 0))
    packed = for window <- windows, into: <<>>, do: <<window::32>>
    # Topics are short.
    <<"list", state.epoch::64, channel::64, cut::64, :erlang.md5(packed)::binary>>
  end

  defp counts(state, roll) do
    {state.facts.members, state.facts.online, MemberList.groups(roll.list)}
  end

  defp know(state, ids) do
    kept = if map_size(state.json) > @kept, do: %{}, else: state.json

    json =
      for {id, member, shown} <- read(state, Enum.reject(ids, &is_map_key(kept, &1))),
          into: kept do
        {id, Body.member(id, member && known(state, member), shown)}
      end

    %{state | json: json}
  end

  defp read(_state, []), do: []
  defp read(state, ids), do: state.source.fetch.(ids, true)

  # Roles that were deleted are still in rows.
  defp known(%State{facts: %{roles: roles}}, member) do
    %{member | roles: Enum.filter(member.roles, &is_map_key(roles, &1))}
  end
end
