defmodule Guildhall.Audience.HostileTest do
  use ExUnit.Case, async: true

  import Guildhall.Hostile

  # Whatever a caller passes, it is refused, and the VM lives.

  alias Guildhall.{Audience, Native, Outbox}
  alias Guildhall.Audience.{Item, Pieces, Session}

  @large 0xFFFF_FFFF_FFFF_FFFF

  setup do
    {:ok, audience} = Audience.new(id: 1, roles: [{1, 1024}], channels: [{10, :text, []}])
    :ok = Audience.attach(audience, %Session{key: 1, user_id: 2, outbox: Outbox.new()})
    %{audience: audience}
  end

  test "no field of an item takes a strange term", %{audience: audience} do
    event = Outbox.event("E", "1")
    item = %Item{body: event, content: event, author: event, author_id: 2}

    for term <- terms(), {field, _value} <- Map.from_struct(item) do
      changed = Map.put(item, field, term)

      unless term == nil and field in [:content, :author, :shard],
        do: refused(fn -> Audience.dispatch(audience, [changed]) end)

      # Bodies do not matter here.
      unless (term == nil and field == :shard) or field in [:body, :content, :author],
        do: refused(fn -> Audience.recipients(audience, changed) end)
    end

    for term <- terms(), do: refused(fn -> Native.audience_dispatch(audience, term, 0, nil) end)
    assert {1, _wake, []} = Audience.dispatch(audience, [item])
  end

  test "no field of a session takes a strange term", %{audience: audience} do
    session = %Session{key: 2, user_id: 2, outbox: Outbox.new()}

    for term <- terms(), {field, _value} <- Map.from_struct(session) do
      unless {field, term} in [outbox: nil, pid: nil, pid: self()],
        do: refused(fn -> Audience.attach(audience, Map.put(session, field, term)) end)
    end

    for term <- terms() do
      refused(fn -> Audience.detach(audience, term) end)
      refused(fn -> Audience.follow(audience, 1, term) end)
      refused(fn -> Audience.follow(audience, term, []) end)
      refused(fn -> Audience.visible?(audience, term, 10) end)
      refused(fn -> Audience.visible?(audience, 1, term) end)
      refused(fn -> Audience.sessions(audience, term) end)
      refused(fn -> Audience.size(term) end)
      unless is_binary(term), do: refused(fn -> Audience.follow(audience, 1, [term]) end)
    end
  end

  test "no change is a strange term", %{audience: audience} do
    for term <- terms() do
      refused(fn -> Audience.change(audience, [term]) end)
      refused(fn -> Audience.change(audience, [{:role, 1, term}]) end)
      refused(fn -> Audience.change(audience, [{:role, term, 1}]) end)
      refused(fn -> Audience.change(audience, role_deleted: term) end)
      refused(fn -> Audience.change(audience, [{:member, 2, term}]) end)
      refused(fn -> Audience.change(audience, [{:channel, {1, :text, term}}]) end)
      refused(fn -> Audience.change(audience, [{:channel, {1, term, []}}]) end)
      refused(fn -> Audience.change(audience, [{:channel, {term, :text, []}}]) end)
      refused(fn -> Audience.change(audience, [{:owner, 1} | term]) end)
      refused(fn -> Audience.change(audience, [], term) end)
      unless term == nil, do: refused(fn -> Audience.change(audience, owner: term) end)
    end

    assert Audience.visible?(audience, 1, 10)
  end

  test "counts beyond the limits are refused", %{audience: audience} do
    many = Enum.to_list(1..5_000)
    packed = for id <- many, into: <<>>, do: <<id::little-64>>
    overwrites = for id <- 1..1_001, do: {id, :role, 1024, 0}

    for ids <- [many, packed] do
      assert_raise ArgumentError, fn ->
        Audience.attach(audience, %Session{key: 3, user_id: 3, roles: ids})
      end

      assert_raise ArgumentError, fn ->
        Audience.recipients(audience, %Item{to: {:users, ids}})
      end
    end

    assert_raise ArgumentError, fn ->
      Audience.change(audience, [{:channel, {1, :text, overwrites}}])
    end
  end

  test "topics beyond the limits are refused", %{audience: audience} do
    assert Audience.follow(audience, 1, for(n <- 1..64, do: <<n>>))
    assert_raise ArgumentError, fn -> Audience.follow(audience, 1, for(n <- 1..65, do: <<n>>)) end

    assert_raise ArgumentError, fn ->
      Audience.follow(audience, 1, [String.duplicate("a", 65)])
    end

    assert Audience.count(audience, %Item{to: {:topic, <<64>>}}) == 1
  end

  test "the largest numbers are ids like others", %{audience: audience} do
    :ok = Audience.attach(audience, %Session{key: @large, user_id: @large, roles: [@large]})
    :ok = Audience.change(audience, [{:role, @large, @large}, {:channel, {@large, :text, []}}])
    assert Audience.visible?(audience, @large, @large)
    assert Audience.sessions(audience, @large) == [@large]
    assert {nil, 0} = Native.audience_count(audience, Pieces.terms(%Item{}), @large)
    assert {nil, <<>>} = Native.audience_recipients(audience, Pieces.terms(%Item{}), @large)
    assert {0, [], []} = Native.audience_dispatch(audience, [], @large, nil)
  end

  test "moves of another audience do no harm", %{audience: audience} do
    {:ok, other} = Audience.new(id: 1, roles: [{1, 1024}], channels: [{10, :text, []}])
    for key <- 1..300, do: :ok = Audience.attach(other, %Session{key: key, user_id: key})
    {:ok, moves} = Audience.change(other, [{:channel_deleted, 10}], [10])
    assert Audience.recipients(audience, %Item{to: {:kept, moves, 10}}) == <<1::little-64>>
    assert Audience.recipients(audience, %Item{to: {:gained, moves, 11}}) == <<>>
  end

  defp terms, do: [deep(), List.duplicate(0, 100_000) ++ [:end] | strange()]
end
