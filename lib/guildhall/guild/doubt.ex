defmodule Guildhall.Guild.Doubt do
  @moduledoc false

  # Writes that failed, of which nobody knows whether they are in the store: what they would have
  # changed of the guild and its members is read again, and then is what the room knows. Until then the
  # write counts as under way, so that nothing is decided on what it changes.

  alias Guildhall.Guild.{
    Directory,
    Events,
    Loader,
    MemberChanges,
    Pipeline,
    Plan,
    Roster,
    State
  }

  alias Guildhall.Model.{Guild, Member}

  # Members that are read at once.
  @page 1_000

  @typedoc "What the store has of `:guild`, of `:count`, and of `{:member, id}`, nil for none."
  @type known :: %{optional(Pipeline.key()) => Guild.t() | non_neg_integer() | Member.t() | nil}

  @doc "Which of the keys that a write holds must be read again if it fails. Others are read by callers."
  @spec keys([Pipeline.key()]) :: [Pipeline.key()]
  def keys(held), do: held |> Enum.filter(&ours?/1) |> Enum.uniq()

  defp ours?(key), do: key in [:guild, :count] or match?({:member, id} when is_integer(id), key)

  @doc "Reads what the store has. Not for the room's process."
  @spec read(Guildhall.Instance.t(), room_id :: pos_integer(), [Pipeline.key()]) ::
          {:ok, known()} | {:error, term()}
  def read(instance, room_id, keys) do
    ids = for {:member, id} <- keys, do: id

    with {:ok, guild} <- Loader.load(instance, room_id),
         {:ok, members} <- members(instance, room_id, Enum.chunk_every(ids, @page), %{}) do
      whole = %{guild: guild, count: guild.member_count}
      {:ok, Map.merge(Map.take(whole, keys), Map.new(ids, &{{:member, &1}, members[&1]}))}
    end
  end

  defp members(_instance, _room_id, [], found), do: {:ok, found}

  defp members(instance, room_id, [ids | pages], found) do
    with {:ok, members} <- Directory.find(instance, room_id, ids) do
      found = Enum.reduce(members, found, &Map.put(&2, &1.user.id, &1))
      members(instance, room_id, pages, found)
    end
  end

  @doc "Takes in what was read. The effects tell the sessions; those about the guild are the server's."
  @spec restore(State.t(), known()) :: {State.t(), [Plan.effect()]}
  def restore(state, known) do
    Enum.reduce(known, {state, []}, fn {key, value}, {state, effects} ->
      {state, more} = restore_one(state, key, value)
      {state, effects ++ more}
    end)
  end

  defp restore_one(state, :guild, guild) do
    {State.reload(state, %{guild | member_count: state.guild.member_count}), []}
  end

  defp restore_one(state, :count, count) do
    {%{state | guild: %{state.guild | member_count: count}}, []}
  end

  defp restore_one(state, {:member, user_id}, nil) do
    case Roster.fetch(state.roster, user_id) do
      {:ok, %{user: user}} ->
        {%{state | roster: Roster.remove(state.roster, user_id)},
         [
           {:remove, user_id, Events.guild_delete(state)},
           {:publish, Events.member_remove(state, user)}
         ]}

      :error ->
        {state, []}
    end
  end

  defp restore_one(state, {:member, user_id}, row) do
    member = State.known(state, row)

    case Roster.fetch(state.roster, user_id) do
      {:ok, ^member} ->
        {state, []}

      {:ok, old} ->
        event = Events.member_update(state, member)

        change =
          {:change, [{:member, member}], MemberChanges.affected(state, old, member), [event]}

        {%{state | roster: Roster.update(state.roster, member)}, [change]}

      # A member who was added after all, or one of whom the room knows nothing.
      :error ->
        {state, [{:notify, user_id, {:joined, state.id, :guild}}]}
    end
  end
end
