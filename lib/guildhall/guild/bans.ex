defmodule Guildhall.Guild.Bans do
  @moduledoc false

  # Who may not come back.

  @behaviour Guildhall.Guild.Concern

  alias Guildhall.Guild.{Authority, Departure, Events, Facts, Keys, Members, Plan}
  alias Guildhall.Model.{Ban, Row, User}
  alias Guildhall.Permissions

  @ban Permissions.bit(:ban_members)

  @impl true
  def facts(actor, {:ban, user_id, _attrs}),
    do: [{:user, user_id} | facts(actor, {:unban, user_id})]

  def facts(actor, {:unban, user_id}) do
    [{:member, actor}, {:member, user_id}, {:ban, user_id}]
  end

  @impl true
  def keys(_state, %{actor: actor, command: {:ban, user_id, _attrs}}) do
    {[:guild, {:member, actor}], [:count, {:member, user_id}, {:ban, user_id}]}
  end

  def keys(_state, %{actor: actor, command: {:unban, user_id}}) do
    {[:guild, {:member, actor}], [{:ban, user_id}]}
  end

  @impl true
  def decide(state, %{command: {:ban, user_id, attrs}} = request) do
    keys = [{:member, user_id}, {:ban, user_id}, {:user, user_id}]

    with {:ok, authority} <- Authority.in_guild(state, request, @ban),
         {:ok, [member, nil, %User{} = user]} <- Facts.fetch_all(state, request, keys),
         :ok <- bannable(state, authority, member) do
      {:ok, ban(state, member, %Ban{user: user, reason: attrs[:reason]})}
    else
      {:ok, [_member, %Ban{}, _user]} -> {:ok, %Plan{}}
      {:ok, [_member, nil, nil]} -> {:error, :unknown_user}
      other -> other
    end
  end

  def decide(state, %{command: {:unban, user_id}} = request) do
    with {:ok, _authority} <- Authority.in_guild(state, request, @ban),
         {:ok, %Ban{user: user}} <- Facts.fetch(state, request, {:ban, user_id}) do
      {:ok,
       %Plan{
         ops: [{:delete, :bans, Keys.guild(state.id), Keys.id(user_id)}],
         changes: [{:row, {:ban, user_id}, nil}],
         effects: [publish: Events.ban_remove(state, user)]
       }}
    else
      {:ok, nil} -> {:error, :unknown_ban}
      other -> other
    end
  end

  defp bannable(_state, _authority, nil), do: :ok

  defp bannable(state, authority, member) do
    with :ok <- Members.replaceable(state.guild, member) do
      Authority.outranks(authority, state.guild, member)
    end
  end

  defp ban(state, member, %Ban{user: user} = ban) do
    departure = if member, do: Departure.plan(state, member), else: %Plan{}
    op = {:put, :bans, Keys.guild(state.id), Keys.id(user.id), Row.encode(ban)}

    %Plan{
      ops: [op | departure.ops],
      changes: [{:row, {:ban, user.id}, ban} | departure.changes],
      effects: departure.effects ++ [publish: Events.ban_add(state, user)]
    }
  end
end
