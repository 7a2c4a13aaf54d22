defmodule Guildhall.AudienceTest do
  use ExUnit.Case, async: true

  doctest Guildhall.Audience

  alias Guildhall.{Audience, Frames, Outbox, Payload, Permissions}
  alias Guildhall.Audience.{Item, Session}

  @view Permissions.bit(:view_channel)
  @secret {11, :text, [{1, :role, 0, @view}, {2, :role, @view, 0}]}

  setup do
    {:ok, audience} =
      Audience.new(
        id: 1,
        owner_id: 99,
        roles: [{1, @view}, {2, 0}],
        channels: [{10, :text, []}, @secret]
      )

    %{audience: audience}
  end

  test "an event goes to those who see its channel", %{audience: audience} do
    for {key, roles} <- [{1, []}, {2, [2]}, {3, <<2::little-64>>}],
        do: attach(audience, key, roles)

    attach(audience, 4, [], user_id: 99)
    assert keys(audience, %Item{to: {:channel, 10}}) == [1, 2, 3, 4]
    assert keys(audience, %Item{to: {:channel, 11}}) == [2, 3, 4]
    assert keys(audience, %Item{to: {:channel, 12}}) == []
    assert keys(audience, %Item{to: :room, except: [2]}) == [1, 3, 4]
    assert Audience.count(audience, %Item{to: {:channel, 11}}) == 3
    assert Audience.visible?(audience, 2, 11) and not Audience.visible?(audience, 1, 11)
    assert Audience.sessions(audience, 99) == [4]
    assert Audience.size(audience) == 4
  end

  test "a dispatch says who must be woken, once, and whose outbox is full", %{audience: audience} do
    outboxes = for key <- 1..3, do: attach(audience, key, [], outbox: Outbox.new(max_events: 1))
    events = for n <- 1..2, do: Outbox.event("E", "#{n}")
    items = for event <- events, do: %Item{body: event}

    assert Audience.dispatch(audience, items) == {6, List.duplicate(self(), 3), []}

    assert Audience.dispatch(audience, [%Item{to: {:users, [2]}, body: hd(events)}]) ==
             {1, [self()], [2]}

    assert for(outbox <- outboxes, do: Outbox.info(outbox).sequence) == [2, 3, 2]
    assert for(key <- 1..4, do: Audience.outbox(audience, key)) == outboxes ++ [nil]
  end

  test "a large dispatch is done in pieces", %{audience: audience} do
    outbox = Outbox.new(max_events: 1_000_000)
    for key <- 1..10_000, do: attach(audience, key, [], outbox: outbox)
    items = for _ <- 1..3, do: %Item{to: {:channel, 10}, body: Outbox.event("E", "1")}
    assert {30_000, [_pid], []} = Audience.dispatch(audience, items)
    assert Outbox.info(outbox).sequence == 30_000
    all = Audience.recipients(audience, %Item{})
    assert Enum.sort(for <<key::little-64 <- all>>, do: key) == Enum.to_list(1..10_000)
    assert Audience.count(audience, %Item{}) == 10_000
  end

  test "a thousand events for a small room come once and in order", %{audience: audience} do
    outboxes = for key <- 1..9, do: attach(audience, key, [], outbox: Outbox.new())
    numbers = Enum.to_list(1..1_000)
    items = for number <- numbers, do: %Item{body: Outbox.event("E", "#{number}")}

    assert Audience.dispatch(audience, items) == {9_000, List.duplicate(self(), 9), []}

    for outbox <- outboxes do
      {:ok, frames, false} = Outbox.take(outbox, Outbox.Transport.new(:plain), 1_000_000)
      payloads = for {:text, payload} <- Frames.messages(frames), do: Payload.decode!(payload)
      assert for(%{"d" => number} <- payloads, do: number) == numbers
    end
  end

  test "items that name many users are dispatched all the same", %{audience: audience} do
    outbox = attach(audience, 7, [])
    names = Enum.to_list(1..1_500)
    items = for n <- 1..3, do: %Item{to: {:users, names}, body: Outbox.event("E", "#{n}")}
    assert Audience.dispatch(audience, items) == {3, [self()], []}
    assert Outbox.info(outbox).sequence == 3
  end

  test "a long burst comes in its order", %{audience: audience} do
    outboxes = for key <- 1..3, do: attach(audience, key, [], outbox: Outbox.new())
    items = for n <- 1..50, do: %Item{body: Outbox.event("E", "#{n}")}
    assert Audience.dispatch(audience, items) == {150, List.duplicate(self(), 3), []}

    for outbox <- outboxes do
      {:ok, frames, false} = Outbox.take(outbox, Outbox.Transport.new(:plain), 65_536)
      numbers = for [_, n] <- Regex.scan(~r/"d":(\d+)}/, frames), do: String.to_integer(n)
      assert numbers == Enum.to_list(1..50)
    end
  end

  test "a change tells who gained and who lost a channel", %{audience: audience} do
    for {key, roles} <- [{1, []}, {2, [2]}], do: attach(audience, key, roles)
    moved = fn moves, kind -> keys(audience, %Item{to: {kind, moves, 11}}) end

    {:ok, moves} = Audience.change(audience, [{:member, 1, [2]}, {:member, 2, []}], [11])
    assert {moved.(moves, :gained), moved.(moves, :lost), moved.(moves, :kept)} == {[1], [2], []}

    {:ok, moves} = Audience.change(audience, [{:channel, {11, :text, []}}], <<11::little-64>>)
    assert {moved.(moves, :gained), moved.(moves, :lost), moved.(moves, :kept)} == {[2], [], [1]}

    {:ok, moves} = Audience.change(audience, [{:channel_deleted, 11}], [11])

    assert {moved.(moves, :gained), moved.(moves, :lost), moved.(moves, :kept)} ==
             {[], [1, 2], []}
  end

  test "passive sessions get what is for them", %{audience: audience} do
    for key <- 1..3, do: attach(audience, key, [])
    attach(audience, 4, [], passive?: true)
    assert Audience.set_passive(audience, 3, true)
    refute Audience.set_passive(audience, 77, true)
    assert keys(audience, %Item{}) == [1, 2]
    assert keys(audience, %Item{passive?: true}) == [1, 2, 3, 4]
    assert keys(audience, %Item{always: [4]}) == [1, 2, 4]
    assert keys(audience, %Item{to: {:users, [1, 4]}}) == [1, 4]
  end

  test "an event may go to one shard", %{audience: audience} do
    for key <- 1..4, do: attach(audience, key, [], shard: rem(key, 2))
    assert keys(audience, %Item{shard: 1}) == [1, 3]
  end

  test "a session that is attached anew is another one", %{audience: audience} do
    first = attach(audience, 1, [])
    second = attach(audience, 1, [2], user_id: 7)
    assert Audience.size(audience) == 1
    item = %Item{to: {:channel, 11}, body: Outbox.event("E", "1")}
    assert {1, [_pid], []} = Audience.dispatch(audience, [item])
    assert {Outbox.info(first).sequence, Outbox.info(second).sequence} == {0, 1}
    assert Audience.detach(audience, 1)
    refute Audience.detach(audience, 1)
  end

  test "a change beyond the limits is refused and makes no difference" do
    {:ok, audience} = Audience.new(id: 1, roles: [{1, @view}], max_bytes: 20_000)
    assert {:error, :memory_limit} = fill(audience, 1)
    before = {Audience.size(audience), Audience.bytes(audience)}
    session = %Session{key: 1_000_000, user_id: 1}
    assert Audience.attach(audience, session) == {:error, :memory_limit}
    assert {Audience.size(audience), Audience.bytes(audience)} == before
    assert Audience.bytes(audience) <= 20_000
    assert Audience.detach(audience, 1)
    assert Audience.attach(audience, session) == :ok

    roles = for id <- 1..4_000, do: {id, 0}
    {:ok, audience} = Audience.new(id: 1, roles: roles)
    more = for id <- 5_000..6_000, do: {:role, id, 0}
    assert Audience.change(audience, more) == {:error, :too_many}
  end

  test "memory is counted, and given back", %{audience: audience} do
    %{count: count, bytes: bytes} = Audience.memory()
    assert count >= 1 and bytes >= Audience.bytes(audience)
    empty = Audience.bytes(audience)
    for key <- 1..1_000, do: attach(audience, key, [key])
    assert Audience.bytes(audience) > empty + 1_000 * 50
    for key <- 1..1_000, do: Audience.detach(audience, key)
    assert Audience.bytes(audience) == empty
  end

  defp fill(audience, key) do
    with :ok <- Audience.attach(audience, %Session{key: key, user_id: key}),
         do: fill(audience, key + 1)
  end

  defp attach(audience, key, roles, attributes \\ []) do
    session =
      struct!(%Session{key: key, user_id: key, roles: roles, outbox: Outbox.new()}, attributes)

    :ok = Audience.attach(audience, session)
    session.outbox
  end

  defp keys(audience, item) do
    Enum.sort(for <<key::little-64 <- Audience.recipients(audience, item)>>, do: key)
  end
end
