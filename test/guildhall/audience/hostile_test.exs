defmodule Guildhall.Audience.HostileTest do
  use ExUnit.Case, async: true

  alias Guildhall.{Audience, Native, Outbox}
  alias Guildhall.Audience.{Item, Session}

  @large 0xFFFF_FFFF_FFFF_FFFF

  # No term kills the VM: each of these, wherever a term is taken, raises or is refused.
  @strange [
    -1,
    0x1_0000_0000_0000_0000,
    1.5,
    :atom,
    "text",
    <<255, 254>>,
    <<1::7>>,
    %{},
    {},
    {:role, 1},
    [1 | 2],
    [:a],
    [{1, 2, 3, 4, 5}],
    {:channel, {1, :text, [{1, :role, 1.0, 2}]}}
  ]

  setup do
    {:ok, audience} = Audience.new(id: 1, roles: [{1, 1024}], channels: [{10, :text, []}])
    :ok = Audience.attach(audience, %Session{key: 1, user_id: 2, outbox: Outbox.new()})
    %{audience: audience}
  end

  test "no field of an item takes a strange term", %{audience: audience} do
    item = %Item{body: Outbox.event("E", "1"), author: Outbox.event("E", "2"), author_id: 2}

    for term <- strange(), field <- Map.keys(item), field != :__struct__ do
      refused(fn -> Audience.dispatch(audience, [Map.put(item, field, term)]) end)
      refused(fn -> Audience.recipients(audience, Map.put(item, field, term)) end)
    end

    for term <- strange(), do: refused(fn -> Native.audience_dispatch(audience, term, 0) end)
    assert {1, _wake, []} = Audience.dispatch(audience, [item])
  end

  test "no field of a session takes a strange term", %{audience: audience} do
    session = %Session{key: 2, user_id: 2, outbox: Outbox.new()}

    for term <- strange(), field <- Map.keys(session), field != :__struct__ do
      refused(fn -> Audience.attach(audience, Map.put(session, field, term)) end)
    end

    for term <- strange() do
      refused(fn -> Audience.detach(audience, term) end)
      refused(fn -> Audience.follow(audience, 1, term) end)
      refused(fn -> Audience.follow(audience, 1, [term]) end)
      refused(fn -> Audience.count(audience, %Item{to: {:topic, term}}) end)
      refused(fn -> Audience.visible?(audience, term, term) end)
      refused(fn -> Audience.sessions(audience, term) end)
      refused(fn -> Audience.size(term) end)
    end
  end

  test "no change is a strange term", %{audience: audience} do
    for term <- strange() do
      refused(fn -> Audience.change(audience, [term]) end)
      refused(fn -> Audience.change(audience, [{:owner, term}]) end)
      refused(fn -> Audience.change(audience, [{:role, 1, term}]) end)
      refused(fn -> Audience.change(audience, [{:member, 2, term}]) end)
      refused(fn -> Audience.change(audience, [{:channel, {1, :text, term}}]) end)
      refused(fn -> Audience.change(audience, [{:channel, {1, term, []}}]) end)
      refused(fn -> Audience.change(audience, [], term) end)
      refused(fn -> Audience.change(audience, [{:owner, 1} | term]) end)
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
    assert {nil, 0} = Native.audience_count(audience, Audience.terms(%Item{}), @large)
    assert {nil, <<>>} = Native.audience_recipients(audience, Audience.terms(%Item{}), @large)
    assert {nil, _items, 0, [], []} = Native.audience_dispatch(audience, [], @large)
  end

  test "moves of another audience do no harm", %{audience: audience} do
    {:ok, other} = Audience.new(id: 1, roles: [{1, 1024}], channels: [{10, :text, []}])
    for key <- 1..300, do: :ok = Audience.attach(other, %Session{key: key, user_id: key})
    {:ok, moves} = Audience.change(other, [{:channel_deleted, 10}], [10])
    assert Audience.recipients(audience, %Item{to: {:kept, moves, 10}}) == <<1::little-64>>
    assert Audience.recipients(audience, %Item{to: {:gained, moves, 11}}) == <<>>
  end

  defp strange, do: [deep(10_000, []), List.duplicate(0, 100_000) ++ [:end], self() | @strange]

  defp deep(0, term), do: term
  defp deep(n, term), do: deep(n - 1, [term])

  # Some of the terms are right in some places; nothing but an answer or an error may come of them.
  defp refused(fun) do
    fun.()
  rescue
    error in [ArgumentError, FunctionClauseError, Protocol.UndefinedError] -> error
  end
end
