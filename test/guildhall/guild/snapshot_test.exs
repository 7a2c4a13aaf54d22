defmodule Guildhall.Guild.SnapshotTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.{Audience, Presences, Roster, Sessions, Snapshot, State}
  alias Guildhall.Model.{Guild, Intents, Member, Presence, Role, User}
  alias Guildhall.Payload
  alias Guildhall.Relay.Subscriber

  # A guild of so many members, of whom 300 are online.
  defp state(members) do
    everyone = %Role{id: 1, name: "@everyone", permissions: 0}
    guild = %Guild{id: 1, name: "guild", owner_id: 2, roles: %{1 => everyone}}
    state = State.new(%{guild | member_count: members})
    Enum.reduce(1..300, state, &come/2)
  end

  defp come(id, state) do
    presences = Presences.put(state.presences, id, "#{id}", %Presence{status: :idle})
    {_updates, presences} = Presences.tick(presences, 1)
    audience = Audience.put(state.audience, subscriber(id))
    roster = Roster.online(state.roster, subscriber(id).member)
    %{state | presences: presences, roster: roster, audience: audience}
  end

  defp subscriber(id) do
    %Subscriber{
      session_id: "#{id}",
      pid: self(),
      relay: self(),
      outbox: nil,
      user_id: id,
      intents: Intents.known(),
      member: %Member{user: %User{id: id, username: "user#{id}"}, joined_at: 1}
    }
  end

  defp shown(state, id, threshold) do
    bounds = {threshold, Sessions.watchers(state)}
    {%{content: {:json, json}}, state} = Snapshot.event(state, subscriber(id), bounds)
    data = json |> IO.iodata_to_binary() |> Payload.decode!()
    ids = &Enum.map(data[&1], fn %{"user" => %{"id" => id}} -> String.to_integer(id) end)
    {ids.("members"), ids.("presences"), state}
  end

  test "shows who is online, and itself first" do
    {members, presences, state} = shown(state(1_000), 7, 50)
    assert hd(members) == 7
    assert Enum.sort(members) == Enum.to_list(1..300)
    assert Enum.sort(presences) == Enum.to_list(1..300)
    assert Sessions.window(state) == 60
  end

  test "shows as many as the client calls large while very many come" do
    state = state(1_000)
    {members, _presences, state} = shown(%{state | snapshot: %Snapshot{spent: 1_200}}, 7, 50)
    assert 7 in members and length(members) in 50..51
    assert length(Enum.uniq(members)) == length(members)
    assert state.snapshot.cut == 1

    # What is shown of that is not counted, so that the next window shows everybody again.
    {state, _effects} = Sessions.tick(state)
    {members, _presences, state} = shown(state, 7, 50)
    assert length(members) == 300
    assert {state.snapshot.spent, state.snapshot.cut} == {250, 0}
  end

  test "shows of a huge guild nobody but itself" do
    assert {[7], [], _state} = shown(state(75_001), 7, 50)
  end
end
