defmodule Guildhall.Audience.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise

  alias Guildhall.{Audience, Frames, Outbox, Permissions}
  alias Guildhall.Audience.{Item, Reference, Session}

  @view Permissions.bit(:view_channel)
  @channels 10..14
  @room [id: 1, owner_id: 90, roles: [{1, @view}, {2, 0}]]

  # Whatever came before, each session's outbox gets what the permission algorithm, run for it alone, says.
  property "an audience and its twin deliver the same" do
    forall commands <- list(command()) do
      {:ok, audience} = Audience.new(@room)
      {:ok, twin} = Reference.new(@room)
      Enum.reduce(commands, {audience, twin, %{}}, &run/2)
    end
  end

  defp run({:attach, session}, {audience, twin, outboxes}) do
    outbox = Outbox.new()
    :ok = Audience.attach(audience, %{session | outbox: outbox})
    {audience, Reference.attach(twin, session), Map.put(outboxes, session.key, outbox)}
  end

  # A crowd makes the sets longer than a word.
  defp run({:crowd, count}, state) do
    Enum.reduce(1_000..(1_000 + count), state, fn key, state ->
      roles = [rem(key, 4), rem(key, 3)]
      run({:attach, %Session{key: key, user_id: key, roles: roles, intents: key &&& 513}}, state)
    end)
  end

  defp run({:detach, key}, {audience, twin, outboxes}) do
    assert Audience.detach(audience, key) == is_map_key(twin.sessions, key)
    {audience, Reference.detach(twin, key), Map.delete(outboxes, key)}
  end

  defp run({:passive, key, passive?}, {audience, twin, outboxes}) do
    assert Audience.set_passive(audience, key, passive?) == is_map_key(twin.sessions, key)
    {audience, Reference.set_passive(twin, key, passive?), outboxes}
  end

  defp run({:follow, key, topics}, {audience, twin, outboxes}) do
    assert Audience.follow(audience, key, topics) == is_map_key(twin.sessions, key)
    {audience, Reference.follow(twin, key, topics), outboxes}
  end

  # Some topics have many followers.
  defp run({:fashion, topic}, {_audience, twin, _outboxes} = state) do
    Enum.reduce(Map.keys(twin.sessions), state, &run({:follow, &1, [topic]}, &2))
  end

  defp run({:change, changes, items}, {audience, twin, outboxes}) do
    {:ok, moves} = Audience.change(audience, changes, Enum.to_list(@channels))
    {twin, before} = Reference.change(twin, changes)
    moved = for id <- @channels, kind <- [:gained, :lost, :kept], do: {kind, id}

    same(
      audience,
      twin,
      outboxes,
      fn moves ->
        items ++ for {kind, id} <- moved, do: %Item{body: "#{kind}#{id}", to: {kind, moves, id}}
      end,
      {moves, before}
    )

    for {key, _session} <- twin.sessions, id <- @channels do
      assert Audience.visible?(audience, key, id) == Reference.visible?(twin, key, id)
    end

    {audience, twin, outboxes}
  end

  defp same(audience, twin, outboxes, items, {moves, before}) do
    expected = Reference.dispatch(twin, items.(before))
    events = Enum.map(items.(moves), &events/1)
    {count, wake, []} = Audience.dispatch(audience, events)

    assert Map.new(outboxes, fn {key, outbox} -> {key, Frames.data(outbox)} end) ==
             Map.new(outboxes, fn {key, _outbox} -> {key, Map.get(expected, key, [])} end)

    assert length(wake) == map_size(expected)
    assert count == expected |> Map.values() |> Enum.map(&length/1) |> Enum.sum()

    for {item, of_twin} <- Enum.zip(events, items.(before)) do
      keys = Enum.sort(for <<key::little-64 <- Audience.recipients(audience, item)>>, do: key)
      assert keys == Reference.recipients(twin, of_twin)
      assert Audience.count(audience, item) == length(keys)
    end
  end

  defp events(item) do
    event = fn name -> name && Outbox.event("E", name) end
    %{item | body: event.(item.body), content: event.(item.content), author: event.(item.author)}
  end

  # Few users, roles and channels, so that runs meet each other.
  defp command do
    frequency([
      {8, map(session(), &{:attach, &1})},
      {1, map(range(1, 150), &{:crowd, &1})},
      {3, map(range(0, 15), &{:detach, &1})},
      {1, map({range(0, 15), boolean()}, fn {key, passive?} -> {:passive, key, passive?} end)},
      {8,
       map({list(change()), list(item())}, fn {changes, items} -> {:change, changes, items} end)}
    ])
  end

  defp session do
    map({range(0, 15), roles(), intents(), range(0, 1), oneof([true, false, false])}, fn
      {key, roles, intents, shard, passive?} ->
        %Session{
          key: key,
          user_id: user_of(key),
          roles: roles,
          intents: intents,
          shard: shard,
          passive?: passive?
        }
    end)
  end

  defp topic, do: oneof(["", "a", <<0, 255>>])
  defp user_of(key), do: 90 + div(key, 3)
  defp user, do: range(90, 95)
  defp roles, do: oneof([[], [2], [3], [2, 3], [1, 3]])
  defp intents, do: oneof([0, 1, 512, 513, 513 ||| 1 <<< 15])
  defp mask, do: oneof([0, @view, 4, 8])

  defp change do
    oneof([
      map(oneof([nil, user()]), &{:owner, &1}),
      map({range(1, 3), mask()}, fn {id, mask} -> {:role, id, mask} end),
      map(range(1, 3), &{:role_deleted, &1}),
      map({range(10, 14), list(overwrite())}, fn {id, overwrites} ->
        {:channel, {id, :text, Enum.uniq_by(overwrites, &{elem(&1, 0), elem(&1, 1)})}}
      end),
      map({range(10, 14), range(10, 14)}, fn {id, parent} ->
        {:channel, {id, {:thread, parent}, []}}
      end),
      map(range(10, 14), &{:channel_deleted, &1}),
      map({user(), roles()}, fn {id, roles} -> {:member, id, roles} end)
    ])
  end

  defp overwrite do
    whom = oneof([{range(1, 3), :role}, {user(), :member}])
    map({whom, mask(), mask()}, fn {{id, target}, allow, deny} -> {id, target, allow, deny} end)
  end

  defp item do
    users = oneof([[], [], [91], [90, 92]])

    to =
      oneof([:room, {:users, users}, {:topic, topic()}, {:channel, range(10, 14)}, {:channel, 15}])

    bodies = {oneof([nil, "content"]), oneof([nil, "author"])}
    masks = {oneof([0, 1, 512]), oneof([0, 0, @view, 4])}

    map({to, bodies, masks, {users, users, users}, boolean(), oneof([nil, nil, 1])}, fn
      {to, {content, author}, {intents, permissions}, {always, except, content_for}, passive?,
       shard} ->
        %Item{
          to: to,
          body: "body",
          content: content,
          content_for: content_for,
          author: author,
          author_id: 92,
          intents: intents,
          permissions: permissions,
          always: always,
          except: except,
          passive?: passive?,
          shard: shard
        }
    end)
  end
end
