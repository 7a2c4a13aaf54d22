defmodule Guildhall.Guild.Sidebar.Evaluation do
  @moduledoc false

  # What a session is to have of the lists, compared with what it has: whenever it asks, its rights
  # are others, or a list that it waits for is ready.
  #
  # What it is sent and what it follows from then on are one effect, for the room to carry out at one
  # place among the other events.

  alias Guildhall.Guild.Sidebar.{Class, Roll, State, Telling, Watcher}
  alias Guildhall.Table

  @typedoc """
  It asked; it was cut, and does not follow what it followed; or a list is ready, which does not
  matter to the others that it looks at.
  """
  @type why :: :asked | :cut | :built

  @spec run(State.t(), session_id :: String.t(), Watcher.t(), why()) ::
          {State.t(), [State.effect()]}
  def run(state, session_id, watcher, why) do
    member = member(state, watcher)
    {wanted, narrowed} = Watcher.wanted(watcher, member, state.classes, state.facts)
    {state, views, refused} = enter(state, watcher, wanted)
    old = Map.reject(watcher.views, fn {class, view} -> same?(view, wanted[class]) end)
    over = if why == :asked, do: Map.drop(old, Map.keys(wanted)), else: %{}
    {state, taken} = take_back(state, over, member)
    state = leave(state, old)
    {state, views, sent} = show(state, session_id, views, why)
    state = keep(state, session_id, %{watcher | views: views})
    followed = for {_class, %{follows?: true} = view} <- views, do: view

    taken =
      for {channel, event} <- taken, do: {:send, session_id, watcher.user_id, channel, event}

    follow =
      {:follow, session_id, watcher.user_id, Enum.map(followed, & &1.channel),
       Enum.map(followed, &Telling.topic(state, &1.channel, &1.windows)), sent}

    {state, dropped} = drop(state)
    {state, narrowed ++ refused ++ taken ++ [follow | dropped]}
  end

  @doc "The session is gone."
  @spec forget(State.t(), session_id :: String.t()) :: {State.t(), [State.effect()]}
  def forget(state, session_id) do
    case Table.fetch(state.watchers, session_id) do
      {:ok, watcher} ->
        state |> leave(watcher.views) |> keep(session_id, %{watcher | channels: %{}}) |> drop()

      :error ->
        {state, []}
    end
  end

  @doc "Gives up a list and takes it from those who look at it."
  @spec abandon(State.t(), Class.t()) :: State.t()
  def abandon(state, class) do
    {%Roll{cursor: cursor}, rolls} = Map.pop!(state.rolls, class)
    state.source.stop.(cursor)

    watchers =
      for {session, %{views: %{^class => _view}} = watcher} <- Table.to_list(state.watchers),
          reduce: state.watchers do
        watchers ->
          Table.put(watchers, session, %{watcher | views: Map.delete(watcher.views, class)})
      end

    %{state | watchers: watchers, rolls: rolls}
  end

  defp member(state, %Watcher{user_id: id}) do
    [{^id, member, _shown}] = state.source.fetch.([id], true)
    member
  end

  defp same?(view, wanted), do: {view.channel, view.windows} == wanted

  # Joins the views that are new to it.
  defp enter(state, watcher, wanted) do
    Enum.reduce(wanted, {state, %{}, []}, fn {class, place}, {state, views, refused} ->
      before = Map.get(watcher.views, class, %{channel: nil, windows: [], has: []})

      if same?(before, place) do
        {state, Map.put(views, class, before), refused}
      else
        case join(state, class, place) do
          {:ok, state} ->
            {channel, windows} = place
            view = %{channel: channel, windows: windows, has: before.has, follows?: false}
            {state, Map.put(views, class, view), refused}

          {:error, reason} ->
            {state, views, [{:refused, reason} | refused]}
        end
      end
    end)
  end

  defp join(state, class, {channel, windows}) do
    with {:ok, roll} <- roll(state, class, channel),
         {:ok, roll} <- Roll.join(roll, windows, channel),
         do: {:ok, put_in(state.rolls[class], roll)}
  end

  defp roll(%State{rolls: rolls, limits: limits}, class, channel) do
    case rolls do
      %{^class => roll} -> {:ok, roll}
      %{} when map_size(rolls) >= limits.lists -> {:error, :lists}
      %{} -> {:ok, %{Roll.new(class, limits.bytes) | channel: channel}}
    end
  end

  # Who does not look at a list any more is told to forget it, if he may still know of it.
  defp take_back(state, views, member) do
    views
    |> Enum.filter(fn {class, view} ->
      view.has != [] and member != nil and state.rolls[class].state == :ready and
        state.classes[view.channel] == class and
        Roll.sees?(class, view.channel, state.facts, member)
    end)
    |> Enum.reduce({state, []}, fn {class, view}, {state, events} ->
      {event, state} = Telling.sync(state, class, view.has, [])
      {state, [{view.channel, event} | events]}
    end)
  end

  defp leave(state, views) do
    Enum.reduce(views, state, fn {class, view}, state ->
      update_in(state.rolls[class], &Roll.leave(&1, view.windows, view.channel))
    end)
  end

  # Sends what it is to have of the lists that are ready; it waits for the others.
  defp show(state, session_id, views, why) do
    Enum.reduce(views, {state, %{}, []}, fn {class, view}, {state, views, events} ->
      %{^class => roll} = state.rolls

      cond do
        roll.state != :ready ->
          state = put_in(state.rolls[class].waiting, [session_id | roll.waiting])
          {state, Map.put(views, class, %{view | follows?: false}), events}

        why == :built and view.follows? ->
          {state, Map.put(views, class, view), events}

        true ->
          {event, state} = Telling.sync(state, class, view.has, view.windows)
          view = %{view | has: view.windows, follows?: true}
          {state, Map.put(views, class, view), [event | events]}
      end
    end)
  end

  defp keep(state, session_id, %Watcher{user_id: user_id, channels: none}) when none == %{} do
    users =
      case List.delete(Table.get(state.users, user_id, []), session_id) do
        [] -> Table.delete(state.users, user_id)
        sessions -> Table.put(state.users, user_id, sessions)
      end

    %{state | watchers: Table.delete(state.watchers, session_id), users: users}
  end

  defp keep(state, session_id, %Watcher{user_id: user_id} = watcher) do
    sessions = Table.get(state.users, user_id, [])
    sessions = if session_id in sessions, do: sessions, else: [session_id | sessions]

    %{
      state
      | watchers: Table.put(state.watchers, session_id, watcher),
        users: Table.put(state.users, user_id, sessions)
    }
  end

  # Lists that nobody looks at are not kept.
  defp drop(state) do
    case Enum.split_with(state.rolls, fn {_class, roll} -> roll.views == %{} end) do
      {[], _all} ->
        {state, []}

      {idle, rolls} ->
        Enum.each(idle, fn {_class, roll} -> state.source.stop.(roll.cursor) end)
        dropped = for {class, _roll} <- idle, do: {:dropped, Class.id(class), 0}
        {%{state | rolls: Map.new(rolls)}, dropped}
    end
  end
end
