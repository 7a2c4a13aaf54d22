defmodule Guildhall.MemberList.Reference do
  @moduledoc """
  The member list in plain Elixir: the oracle of `Guildhall.MemberList` and a contender in its benchmark.

  A value that is sorted anew whenever it is asked, in `O(n log n)`. It tells of a change by sending every
  window in which something is different as it is now, which is always right. Its functions are those of
  `Guildhall.MemberList`, but those that change it return it as well.

      iex> alias Guildhall.MemberList.Reference
      iex> {:ok, list} = Reference.set_roles(Reference.new(), [5])
      iex> {:ok, list} = Reference.put(list, 1, "Wumpus", 5)
      iex> Reference.slice(list, 0, 100)
      [{:group, 5, 1}, 1]

  Names are in the order of their letters as CLDR's root has them, as far as they are Latin; others are
  in the order of their code points.
  """

  alias Guildhall.MemberList

  @window 100
  @large 1_000

  # What ASCII has, in CLDR's order, and the accents of Latin letters in theirs.
  @letters " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
           |> String.to_charlist()
           |> Enum.with_index()
           |> Map.new()
  @accents [
             0x301,
             0x300,
             0x306,
             0x302,
             0x30C,
             0x30A,
             0x308,
             0x30B,
             0x303,
             0x307,
             0x328,
             0x327,
             0x304
           ]
           |> Enum.with_index(1)
           |> Map.new()

  defstruct members: %{}, roles: [], absent: 0, subscribers: %{}, told: %{}

  @type t :: %__MODULE__{
          members: %{optional(MemberList.id()) => {name :: String.t(), MemberList.group()}},
          roles: [MemberList.id()],
          absent: non_neg_integer(),
          subscribers: %{optional(MemberList.id()) => [MemberList.range()]},
          told: %{optional(MemberList.range()) => [MemberList.item()]}
        }

  @doc "Makes an empty list without roles."
  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc "Puts a member into a group under a name, or changes either."
  @spec put(t(), MemberList.id(), String.t(), MemberList.group()) ::
          {:ok, t()} | {:error, :unknown_role}
  def put(%__MODULE__{} = list, id, name, group) do
    if group in [:online, :offline | list.roles],
      do: {:ok, put_in(list.members[id], {name, group})},
      else: {:error, :unknown_role}
  end

  @doc "Removes a member."
  @spec delete(t(), MemberList.id()) :: {:ok, t()} | {:error, :not_found}
  def delete(%__MODULE__{} = list, id) do
    case Map.pop(list.members, id) do
      {nil, _members} -> {:error, :not_found}
      {_member, members} -> {:ok, %{list | members: members}}
    end
  end

  @doc "Makes these the hoisted roles. Members of others become `:online`."
  @spec set_roles(t(), [MemberList.id()]) :: {:ok, t()}
  def set_roles(%__MODULE__{} = list, roles) do
    members =
      Map.new(list.members, fn {id, {name, group}} ->
        {id, {name, if(group in [:offline | roles], do: group, else: :online)}}
      end)

    {:ok, %{list | roles: roles, members: members}}
  end

  @doc "Says how many members there are who are not put."
  @spec set_absent(t(), non_neg_integer()) :: {:ok, t()}
  def set_absent(%__MODULE__{} = list, count), do: {:ok, %{list | absent: count}}

  @doc "Makes a subscriber look at these windows and no others, and returns what he is sent."
  @spec subscribe(t(), MemberList.id(), [MemberList.range()]) :: {:ok, [MemberList.op()], t()}
  def subscribe(%__MODULE__{} = list, subscriber, ranges) do
    ranges = ranges |> Enum.map(&window/1) |> Enum.uniq() |> Enum.sort()
    before = Map.get(list.subscribers, subscriber, [])
    told = Map.new(ranges, &{&1, page(list, &1)})

    ops =
      for(range <- before -- ranges, do: {:invalidate, range}) ++
        for range <- ranges, do: {:sync, range, told[range]}

    subscribers = Map.put(list.subscribers, subscriber, ranges)
    {:ok, ops, %{list | subscribers: subscribers, told: Map.merge(list.told, told)}}
  end

  @doc "Returns an update for each set of windows in which something is not as it was told last."
  @spec updates(t()) :: {[MemberList.update()], t()}
  def updates(%__MODULE__{} = list) do
    sets = list.subscribers |> Map.values() |> Enum.uniq()
    now = for range <- Enum.concat(sets), into: %{}, do: {range, page(list, range)}

    updates =
      for set <- sets,
          ops = for(range <- set, now[range] != list.told[range], do: {:sync, range, now[range]}),
          ops != [],
          do: {set, ops}

    {updates, %{list | told: now}}
  end

  @doc "Returns the index of a member."
  @spec rank(t(), MemberList.id()) :: {:ok, non_neg_integer()} | {:error, :hidden | :not_found}
  def rank(%__MODULE__{} = list, id) do
    case Enum.find_index(items(list), &(&1 == id)) do
      nil when is_map_key(list.members, id) -> {:error, :hidden}
      nil -> {:error, :not_found}
      index -> {:ok, index}
    end
  end

  @doc "Returns what stands at the indexes from `from` on."
  @spec slice(t(), non_neg_integer(), non_neg_integer()) :: [MemberList.item()]
  def slice(%__MODULE__{} = list, from, count), do: list |> items() |> Enum.slice(from, count)

  @doc "Returns the groups that are shown, in order, and how many members each has."
  @spec groups(t()) :: [{MemberList.group(), pos_integer()}]
  def groups(%__MODULE__{} = list), do: for({:group, key, count} <- items(list), do: {key, count})

  @doc "Returns how many members there are, how many of them are online, and how many indexes."
  @spec counts(t()) :: map()
  def counts(%__MODULE__{members: members} = list) do
    online = Enum.count(members, fn {_id, {_name, group}} -> group != :offline end)
    %{members: map_size(members) + list.absent, online: online, indexes: length(items(list))}
  end

  defp items(list) do
    entries = map_size(list.members) + list.absent + length(list.roles) + 2
    last = if entries < @large, do: [:online, :offline], else: [:online]
    groups = Enum.group_by(list.members, fn {_id, {_name, group}} -> group end)

    for group <- list.roles ++ last, members = groups[group], item <- shown(group, members) do
      item
    end
  end

  defp shown(group, members) do
    sorted = Enum.sort_by(members, fn {id, {name, _group}} -> {sort_key(name), id} end)
    [{:group, group, length(members)} | Enum.map(sorted, &elem(&1, 0))]
  end

  # The letters, and then for each letter the accents on it.
  defp sort_key(name) do
    chars = name |> String.downcase() |> :unicode.characters_to_nfd_list()
    {letters, accents} = Enum.reduce(chars, {[], []}, &collect/2)
    {Enum.reverse(letters), Enum.reverse(accents)}
  end

  defp collect(char, {letters, [on_last | accents]}) when is_map_key(@accents, char) do
    {letters, [on_last ++ [@accents[char]] | accents]}
  end

  defp collect(char, {letters, accents}) do
    {[Map.get(@letters, char, 0x1000 + char) | letters], [[] | accents]}
  end

  defp page(list, {first, _last}), do: slice(list, first, @window)
  defp window({first, _last}), do: {first, first + @window - 1}
end
