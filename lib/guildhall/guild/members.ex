defmodule Guildhall.Guild.Members do
  @moduledoc false

  # Members: joining, changing, leaving. Their rows are in the store's directory with an index by name
  # (`Guildhall.Guild.Directory`), and their number is a row of its own, so that all who join at
  # once go in few writes.

  @behaviour Guildhall.Guild.Concern

  alias Guildhall.Guild.{
    Authority,
    Departure,
    Directory,
    Events,
    Facts,
    MemberChanges,
    Plan,
    Posting,
    State,
    VoiceMoves
  }

  alias Guildhall.Model.{Guild, Member, User}
  alias Guildhall.Permissions

  @invite Permissions.bit(:create_instant_invite)
  @kick Permissions.bit(:kick_members)
  @manage_roles Permissions.bit(:manage_roles)

  @impl true
  def facts(actor, {:add_member, user_id, _attrs}) do
    [{:member, actor}, {:member, user_id}, {:ban, user_id}, {:user, user_id}]
  end

  def facts(_actor, {:update_user, user}), do: [{:member, user.id}]
  def facts(actor, {:leave}), do: [{:member, actor}]
  def facts(actor, command), do: [{:member, actor}, {:member, elem(command, 1)}]

  @impl true
  def keys(_state, %{actor: actor, command: command}) do
    reads = [:guild, {:member, actor}]

    case command do
      {:add_member, id, _attrs} -> {reads, [:count, {:member, id}, {:ban, id}]}
      {:remove_member, id} -> {reads, [:count, {:member, id}]}
      {:leave} -> {reads, [:count, {:member, actor}]}
      {:update_user, user} -> {reads, [{:member, user.id}]}
      {_change, id, _what} -> {reads, [{:member, id}]}
    end
  end

  @impl true
  def decide(%State{} = state, %{command: {:add_member, user_id, attrs}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, @invite),
         {:ok, [nil, nil, %User{} = user]} <-
           Facts.fetch_all(state, request, [{:member, user_id}, {:ban, user_id}, {:user, user_id}]),
         member = new(user, attrs, request.now),
         :ok <- MemberChanges.addable(state, authority, member) do
      {:ok, join(state, request, member)}
    else
      {:ok, [%Member{}, _ban, _user]} -> Plan.answer(:exists)
      {:ok, [nil, nil, nil]} -> {:error, :unknown_user}
      {:ok, [nil, _ban, _user]} -> {:error, :banned}
      other -> other
    end
  end

  def decide(state, %{command: {:update_member, user_id, attrs}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, 0),
         {:ok, member} <- member(state, request, user_id),
         {:ok, changed} <- MemberChanges.apply(state, authority, member, attrs, request.now),
         {:ok, moves} <- VoiceMoves.effects(state, request, authority, {member, attrs}) do
      plan = update(state, member, changed)
      {:ok, %{plan | effects: plan.effects ++ moves}}
    end
  end

  def decide(state, %{command: {:update_user, user}} = request) do
    with {:ok, _authority} <- Authority.in_guild(state, request, Permissions.all()),
         {:ok, member} <- member(state, request, user.id) do
      {:ok, update(state, member, %{member | user: user})}
    end
  end

  def decide(state, %{command: {:add_role, user_id, role_id}} = request) do
    change_roles(state, request, user_id, role_id, &Enum.uniq(&1 ++ [role_id]))
  end

  def decide(state, %{command: {:remove_role, user_id, role_id}} = request) do
    change_roles(state, request, user_id, role_id, &List.delete(&1, role_id))
  end

  def decide(%State{guild: guild} = state, %{command: {:remove_member, user_id}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, @kick),
         {:ok, member} <- member(state, request, user_id),
         :ok <- replaceable(guild, member),
         :ok <- Authority.outranks(authority, guild, member) do
      {:ok, Departure.plan(state, member)}
    end
  end

  def decide(%State{guild: guild} = state, %{command: {:leave}} = request) do
    with {:ok, %Authority{member: %Member{} = member}} <- Authority.in_guild(state, request, 0),
         :ok <- replaceable(guild, member) do
      {:ok, Departure.plan(state, member)}
    end
  end

  @doc "The member's row, or that there is none."
  @spec member(State.t(), Guildhall.Guild.Request.t(), pos_integer()) ::
          {:ok, Member.t()} | {:need, [Facts.key()]} | {:error, :unknown_member}
  def member(state, request, user_id) do
    case Facts.fetch(state, request, {:member, user_id}) do
      {:ok, nil} -> {:error, :unknown_member}
      other -> other
    end
  end

  @doc "A guild is never without its owner."
  @spec replaceable(Guild.t(), Member.t()) :: :ok | {:error, :missing_permissions}
  def replaceable(%Guild{owner_id: id}, %Member{user: %{id: id}}),
    do: {:error, :missing_permissions}

  def replaceable(_guild, _member), do: :ok

  defp new(user, attrs, now) do
    fields =
      attrs
      |> Map.take([:nick, :roles, :mute, :deaf])
      |> Map.filter(fn {_field, value} -> value not in [nil, ""] end)

    struct(%Member{user: user, joined_at: now}, Map.update(fields, :roles, [], &Enum.uniq/1))
  end

  defp join(%State{guild: guild} = state, request, %Member{user: user} = member) do
    greeting = Posting.joined(state, request, member)
    count = guild.member_count + 1

    %Plan{
      reply: {:ok, member},
      ops:
        Directory.put_ops(guild.id, nil, member) ++
          [Directory.count_op(guild.id, count)] ++
          Guildhall.User.member_ops(user.id, guild.id, :join) ++ greeting.ops,
      changes: [{:member, member}, {:count, count} | greeting.changes],
      effects:
        [
          {:publish, Events.member_add(state, member)},
          {:notify, user.id, {:joined, guild.id, :guild}}
        ] ++
          greeting.effects
    }
  end

  defp change_roles(state, request, user_id, role_id, fun) do
    with {:ok, authority} <- Authority.in_guild(state, request, @manage_roles),
         :ok <- MemberChanges.roles(state, authority, [], [role_id]),
         {:ok, member} <- member(state, request, user_id) do
      {:ok, update(state, member, %{member | roles: fun.(member.roles)})}
    end
  end

  defp update(_state, same, same), do: %Plan{reply: {:ok, same}}

  defp update(%State{guild: guild} = state, old, member) do
    affected = MemberChanges.affected(state, old, member)
    event = Events.member_update(state, member)

    %Plan{
      reply: {:ok, member},
      ops: Directory.put_ops(guild.id, old, member),
      changes: [{:member, member}],
      effects: [{:change, [{:member, member}], affected, [event]}, {:voice, {:member, member}}]
    }
  end
end
