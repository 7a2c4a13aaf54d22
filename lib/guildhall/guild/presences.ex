defmodule Guildhall.Guild.Presences do
  @moduledoc false

  # Who is online in a room, and how: what each of a user's sessions says, and what others are shown
  # of it, which is one presence a user.
  #
  # A change is shown at once while changes are few. Beyond `@burst` in a window they wait for its
  # end, where each user is shown as he is by then, `@most` users a window. Whoever came and went in
  # between is not shown at all.

  alias Guildhall.Model.Presence
  alias Guildhall.Table

  @burst 20
  @most 1_000
  # Of several sessions the most active one counts.
  @rank %{online: 3, dnd: 2, idle: 1}

  defstruct users: Table.new(), shown: Table.new(), json: %{}, waiting: %{}, spent: 0

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
          # What is shown, encoded, of those who were in a snapshot since it changed.
          json: %{optional(user_id()) => binary()},
          waiting: %{optional(user_id()) => true},
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
        json: Map.delete(presences.json, user_id),
        waiting: Map.delete(presences.waiting, user_id)
    }
  end

  @doc "What is shown of a user now."
  @spec shown(t(), user_id()) :: shown()
  def shown(%__MODULE__{shown: shown}, user_id), do: Table.get(shown, user_id, @offline)

  @doc "Some of those who are shown as anything but offline, as far as they are so many."
  @spec online(t(), most :: non_neg_integer()) :: [user_id()]
  def online(%__MODULE__{shown: shown}, most),
    do: for({user_id, _shown} <- Table.take(shown, most), do: user_id)

  @doc "How many are shown as anything but offline."
  @spec count(t()) :: non_neg_integer()
  def count(%__MODULE__{shown: shown}), do: Table.size(shown)

  @doc "What is shown of a user as `encode` makes it of his id and that; once for each change."
  @spec encoded(t(), user_id(), (user_id(), shown() -> binary())) :: {binary(), t()}
  def encoded(%__MODULE__{json: json} = presences, user_id, encode) do
    case json do
      %{^user_id => encoded} ->
        {encoded, presences}

      %{} ->
        encoded = encode.(user_id, shown(presences, user_id))
        {encoded, %{presences | json: Map.put(json, user_id, encoded)}}
    end
  end

  @doc """
  Returns what may be shown right now. The rest waits for `tick/1`, at the end of the window.
  """
  @spec flush(t()) :: {[{user_id(), shown()}], t()}
  def flush(%__MODULE__{spent: spent} = presences) when spent < @burst do
    {updates, presences} = show(presences, @burst - spent)
    {updates, %{presences | spent: presences.spent + length(updates)}}
  end

  def flush(presences), do: {[], presences}

  @doc "A window has ended: returns what may be shown in the next one, and whether that is all."
  @spec tick(t()) :: {[{user_id(), shown()}], t()}
  def tick(%__MODULE__{} = presences) do
    {updates, presences} = show(presences, @most)
    {updates, %{presences | spent: length(updates)}}
  end

  @doc "Writes down what changed; see `Guildhall.Table`."
  @spec settle(t()) :: t()
  def settle(%__MODULE__{users: users, shown: shown} = presences) do
    %{presences | users: Table.settle(users), shown: Table.settle(shown)}
  end

  @doc "Whether a window is open, which `tick/1` must end."
  @spec ticking?(t()) :: boolean()
  def ticking?(%__MODULE__{spent: spent, waiting: waiting}), do: spent > 0 or waiting != %{}

  @spec waiting(t()) :: non_neg_integer()
  def waiting(%__MODULE__{waiting: waiting}), do: map_size(waiting)

  defp changed(presences, user_id) do
    if aggregate(presences, user_id) == shown(presences, user_id),
      do: %{presences | waiting: Map.delete(presences.waiting, user_id)},
      else: %{presences | waiting: Map.put(presences.waiting, user_id, true)}
  end

  defp show(presences, most) do
    user_ids = presences.waiting |> :maps.iterator() |> some(most)
    updates = for user_id <- user_ids, do: {user_id, aggregate(presences, user_id)}
    shown = Enum.reduce(updates, presences.shown, &note/2)
    waiting = Map.drop(presences.waiting, user_ids)
    json = Map.drop(presences.json, user_ids)
    {updates, %{presences | shown: shown, json: json, waiting: waiting}}
  end

  # Not by a list of all keys: in a storm many more wait than are shown at once.
  defp some(_iterator, 0), do: []

  defp some(iterator, left) do
    case :maps.next(iterator) do
      {user_id, true, iterator} -> [user_id | some(iterator, left - 1)]
      :none -> []
    end
  end

  defp note({user_id, %{status: :offline}}, shown), do: Table.delete(shown, user_id)
  defp note({user_id, presence}, shown), do: Table.put(shown, user_id, presence)

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
          activities: sorted |> Enum.flat_map(& &1.activities) |> Enum.uniq(),
          client_status: sorted |> Enum.reverse() |> Map.new(&{&1.client, &1.status})
        }
    end
  end
end
