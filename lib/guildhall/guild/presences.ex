defmodule Guildhall.Guild.Presences do
  @moduledoc false

  # Who is online in a room, and how: what each of a user's sessions says, and what others are shown
  # of it, which is one presence a user.
  #
  # A change is shown at once while changes are few. Others wait for their window's end, where each
  # user is shown as he is by then. Whoever came and went in between is not shown at all. How many are
  # few, and how many a window shows, `Guildhall.Guild.Pace` says.

  alias Guildhall.Guild.Pace
  alias Guildhall.Model.Presence
  alias Guildhall.Table

  # Of how many who are online GUILD_CREATE can tell: what fits an outbox.
  @sample 2_000
  # Of several sessions the most active one counts.
  @rank %{online: 3, dnd: 2, idle: 1}

  defstruct users: Table.new(),
            shown: Table.new(),
            sample: %{},
            turn: Table.new(),
            later: Table.new(),
            spent: 0

  @type user_id :: pos_integer()
  @typedoc "What others see. A user who is not shown is offline."
  @type shown :: %{
          status: :online | :idle | :dnd | :offline,
          activities: [map()],
          client_status: %{optional(:desktop | :mobile | :web) => atom()}
        }
  @type t :: %__MODULE__{
          # user_id() => %{optional(session_id :: String.t()) => Presence.t()}
          users: Table.t(),
          # user_id() => shown()
          shown: Table.t(),
          # Some of those who are shown, and what is, encoded, if it was asked for since it changed.
          sample: %{optional(user_id()) => binary() | nil},
          # Who waits to be shown: those whose turn it is, and those who have come since, so that
          # nobody is passed over for ever while more come than are shown. user_id() => true
          turn: Table.t(),
          later: Table.t(),
          spent: non_neg_integer()
        }

  @offline %{status: :offline, activities: [], client_status: %{}}

  @doc "Notes what a session says of its user."
  @spec put(t(), user_id(), String.t(), Presence.t()) :: t()
  def put(%__MODULE__{} = presences, user_id, session_id, %Presence{} = presence) do
    sessions = presences |> sessions(user_id) |> Map.put(session_id, presence)
    changed(%{presences | users: Table.put(presences.users, user_id, sessions)}, user_id)
  end

  @doc "Forgets a session."
  @spec delete(t(), user_id(), String.t()) :: t()
  def delete(%__MODULE__{} = presences, user_id, session_id) do
    case presences |> sessions(user_id) |> Map.delete(session_id) do
      none when none == %{} ->
        drop(presences, user_id)

      sessions ->
        changed(%{presences | users: Table.put(presences.users, user_id, sessions)}, user_id)
    end
  end

  defp drop(presences, user_id) do
    changed(%{presences | users: Table.delete(presences.users, user_id)}, user_id)
  end

  defp sessions(%__MODULE__{users: users}, user_id), do: Table.get(users, user_id, %{})

  @doc "Forgets a user who is no member any more; nobody is told."
  @spec forget(t(), user_id()) :: t()
  def forget(%__MODULE__{} = presences, user_id) do
    %{
      presences
      | users: Table.delete(presences.users, user_id),
        shown: Table.delete(presences.shown, user_id),
        sample: Map.delete(presences.sample, user_id),
        turn: Table.delete(presences.turn, user_id),
        later: Table.delete(presences.later, user_id)
    }
  end

  @doc "What is shown of a user now."
  @spec shown(t(), user_id()) :: shown()
  def shown(%__MODULE__{shown: shown}, user_id), do: Table.get(shown, user_id, @offline)

  @doc "How many are shown as anything but offline."
  @spec count(t()) :: non_neg_integer()
  def count(%__MODULE__{shown: shown}), do: Table.size(shown)

  @doc """
  Some of those who are shown as anything but offline, `most` of them or 2,000 if there are as many,
  and what `encode` makes of each; once for each change.
  """
  @spec sample(t(), most :: non_neg_integer(), (user_id(), shown() -> binary())) ::
          {[{user_id(), binary()}], t()}
  def sample(%__MODULE__{} = presences, most, encode) do
    presences = fill(presences, min(most, @sample))
    taken = presences.sample |> :maps.iterator() |> some(most)
    made = for {id, nil} <- taken, into: %{}, do: {id, encode.(id, shown(presences, id))}
    sample = if made == %{}, do: presences.sample, else: Map.merge(presences.sample, made)
    {for({id, _json} <- taken, do: {id, Map.fetch!(sample, id)}), %{presences | sample: sample}}
  end

  # Whoever comes while it is full is not in it, so that it may run short when others go.
  defp fill(%__MODULE__{sample: sample, shown: shown} = presences, most) do
    if map_size(sample) < min(most, Table.size(shown)),
      do: %{
        presences
        | sample: for({id, _shown} <- Table.take(shown, @sample), into: %{}, do: {id, sample[id]})
      },
      else: presences
  end

  @doc """
  Returns what is shown to so many watchers right now. The rest waits for `tick/2`, at the end of the window.
  """
  @spec flush(t(), watchers :: non_neg_integer()) :: {[{user_id(), shown()}], t()}
  def flush(%__MODULE__{spent: spent} = presences, watchers) do
    case waiting(presences) > 0 && Pace.at_once(watchers) - spent do
      left when is_integer(left) and left > 0 ->
        {updates, presences} = show(presences, left)
        {updates, %{presences | spent: spent + length(updates)}}

      _none ->
        {[], presences}
    end
  end

  @doc "A window has ended: returns what is shown now, at the cost of the next one."
  @spec tick(t(), watchers :: non_neg_integer()) :: {[{user_id(), shown()}], t()}
  def tick(%__MODULE__{} = presences, watchers) do
    {updates, presences} = show(presences, Pace.at_end(watchers))
    {updates, %{presences | spent: length(updates)}}
  end

  @doc "Writes down what changed; see `Guildhall.Table`."
  @spec settle(t()) :: t()
  def settle(%__MODULE__{users: users, shown: shown, turn: turn, later: later} = presences) do
    %{
      presences
      | users: Table.settle(users),
        shown: Table.settle(shown),
        turn: Table.settle(turn),
        later: Table.settle(later)
    }
  end

  @doc "Whether a window is open, which `tick/2` must end."
  @spec ticking?(t()) :: boolean()
  def ticking?(%__MODULE__{spent: spent} = presences), do: spent > 0 or waiting(presences) > 0

  @spec waiting(t()) :: non_neg_integer()
  def waiting(%__MODULE__{turn: turn, later: later}), do: Table.size(turn) + Table.size(later)

  defp changed(%__MODULE__{turn: turn, later: later} = presences, user_id) do
    cond do
      aggregate(presences, user_id) == shown(presences, user_id) ->
        %{presences | turn: Table.delete(turn, user_id), later: Table.delete(later, user_id)}

      Table.has_key?(turn, user_id) ->
        presences

      true ->
        %{presences | later: Table.put(later, user_id, true)}
    end
  end

  # An empty table is changed for the other, so that there are two in all.
  defp show(%__MODULE__{turn: %{size: 0} = turn, later: later} = presences, most) do
    if Table.size(later) == 0,
      do: {[], presences},
      else: show(%{presences | turn: later, later: turn}, most)
  end

  defp show(%__MODULE__{turn: turn} = presences, most) do
    user_ids = for {user_id, true} <- Table.take(turn, most), do: user_id
    updates = for user_id <- user_ids, do: {user_id, aggregate(presences, user_id)}
    turn = Enum.reduce(user_ids, turn, &Table.delete(&2, &1))
    presences = Enum.reduce(updates, %{presences | turn: turn}, &note/2)

    case most - length(updates) do
      0 ->
        {updates, presences}

      left ->
        {more, presences} = show(presences, left)
        {updates ++ more, presences}
    end
  end

  # Not by a list of all keys: in a storm many more wait than are shown at once.
  defp some(_iterator, 0), do: []

  defp some(iterator, left) do
    case :maps.next(iterator) do
      {user_id, value, iterator} -> [{user_id, value} | some(iterator, left - 1)]
      :none -> []
    end
  end

  defp note({user_id, %{status: :offline}}, %__MODULE__{shown: shown, sample: sample} = presences) do
    %{presences | shown: Table.delete(shown, user_id), sample: Map.delete(sample, user_id)}
  end

  defp note({user_id, presence}, %__MODULE__{shown: shown, sample: sample} = presences) do
    room? = map_size(sample) < @sample or is_map_key(sample, user_id)
    sample = if room?, do: Map.put(sample, user_id, nil), else: sample
    %{presences | shown: Table.put(shown, user_id, presence), sample: sample}
  end

  # Those of one session fit already.
  defp activities([%Presence{activities: activities}]), do: Enum.uniq(activities)

  defp activities(presences) do
    case Enum.flat_map(presences, & &1.activities) do
      [] -> []
      activities -> activities |> Enum.uniq() |> Presence.fit()
    end
  end

  defp aggregate(presences, user_id) do
    visible =
      for {_id, %Presence{status: status} = presence} <- sessions(presences, user_id),
          is_map_key(@rank, status),
          do: presence

    case Enum.sort_by(visible, &(-@rank[&1.status])) do
      [] ->
        @offline

      [first | _rest] = sorted ->
        %{
          status: first.status,
          activities: activities(sorted),
          client_status: sorted |> Enum.reverse() |> Map.new(&{&1.client, &1.status})
        }
    end
  end
end
