defmodule Guildhall.OutboxTest do
  use ExUnit.Case, async: true

  alias Guildhall.{Frames, Outbox}
  alias Guildhall.Outbox.Transport

  doctest Outbox
  doctest Transport

  @kinds [:plain, :zlib_stream, :zstd_stream]

  test "an event is numbered by each outbox for itself" do
    event = Outbox.event("A", "1")
    {one, two} = {Outbox.new(), Outbox.new()}
    Outbox.push(one, event)
    Outbox.push(two, Outbox.event("B", "2"))
    Outbox.push(two, event)

    assert payloads(one) == [~s({"s":1,"t":"A","op":0,"d":1})]
    assert payloads(two) == [~s({"s":1,"t":"B","op":0,"d":2}), ~s({"s":2,"t":"A","op":0,"d":1})]
  end

  test "push_many says whom to wake and whom to relieve, by position" do
    event = Outbox.event("A", "1")
    outboxes = for _ <- 1..10_000, do: Outbox.new(max_events: 2)
    full = Enum.map([1, 4_096, 9_999], &Enum.at(outboxes, &1))
    for outbox <- full, _ <- 1..4, do: Outbox.push(outbox, event)

    {wake, fulls} = Outbox.push_many(outboxes, event)
    assert fulls == [1, 4_096, 9_999]
    assert wake == Enum.to_list(0..9_999) -- fulls

    {wake, fulls} = Outbox.push_many(outboxes, event)
    assert {wake, fulls} == {[], [1, 4_096, 9_999]}
    assert Outbox.push_many([], event) == {[], []}

    # More pushes than one piece holds, and in order.
    outboxes = for _ <- 1..500, do: Outbox.new()
    events = for n <- 1..20, do: Outbox.event("A", "#{n}")
    assert Outbox.push_many(outboxes, events) == {Enum.to_list(0..499), []}
    expected = for n <- 1..20, do: ~s({"s":#{n},"t":"A","op":0,"d":#{n}})
    for outbox <- outboxes, do: assert(payloads(outbox) == expected)
  end

  test "push_many gives some outboxes something else, or nothing" do
    outboxes = [one, two, three] = for _ <- 1..3, do: Outbox.new()
    [a, b, c] = for type <- ~w(A B C), do: Outbox.event(type, "1")
    stranger = Outbox.new()

    items = [a, {b, [{two, c}, {three, nil}, {stranger, c}]}, {c, []}]
    assert Outbox.push_many(outboxes, items) == {[0, 1, 2], []}
    assert Outbox.push_many([three], {a, [{three, nil}]}) == {[], []}

    types = for outbox <- outboxes, do: Enum.map(payloads(outbox), &String.at(&1, 12))
    assert types == [["A", "B", "C"], ["A", "C", "C"], ["A", "C"]]
    assert Outbox.info(one).sequence == 3
    assert Outbox.info(stranger).sequence == 0

    for strange <- [
          {a, nil},
          {a, [two]},
          {a, [{two, 1}]},
          {a, [{1, a}]},
          {a, [{two, a} | 1]},
          {a}
        ] do
      assert_raise ArgumentError, fn -> Outbox.push_many(outboxes, [strange]) end
    end
  end

  test "large bodies pass through every transport" do
    for kind <- @kinds do
      body = [?", List.duplicate("a body beyond a block, and beyond 64 KB ", 20_000), ?"]
      outbox = Outbox.new()
      transport = Transport.new(kind)
      Outbox.push(outbox, Outbox.event("A", body))
      Outbox.push(outbox, Outbox.event("A", "2"))

      assert {:ok, frames, true} = Outbox.take(outbox, transport, 10_000)
      assert [{_kind, payload}] = Frames.messages(frames)
      assert {:ok, _frames, false} = Outbox.take(outbox, transport, 10_000)

      if kind == :plain,
        do: assert(payload == IO.iodata_to_binary([~s({"s":1,"t":"A","op":0,"d":), body, ?}])),
        else: assert(byte_size(payload) < 50_000)

      frame = Transport.frame(transport, body)
      assert [{_kind, _payload}] = Frames.messages(frame)
    end
  end

  test "compressed messages are binary, plain ones are text" do
    for kind <- @kinds do
      expected = if kind == :plain, do: :text, else: :binary

      assert [{^expected, _}] =
               kind |> Transport.new() |> Transport.frame("{}") |> Frames.messages()
    end
  end

  test "a primer is JSON that repeats itself, and not another one than connections build upon" do
    for unfit <- ["", "[", "7", <<?", 0xFF, ?">>, ~s(["#{String.duplicate("a", 16_384)}"])] do
      assert Transport.prime(unfit) == {:error, :unfit}
    end

    # The first connection decides.
    "" <> _frame = :zstd_stream |> Transport.new() |> Transport.frame("{}")
    assert Transport.prime(~s(["one event","one event"])) == {:error, :in_use}
    assert_raise FunctionClauseError, fn -> Transport.prime(~c"[]") end
  end

  test "beyond the bytes for contexts, connections share" do
    for {kind, policy} <- [zlib_stream: :context, zlib_stream: :auto, zstd_stream: :context] do
      refused = Transport.without_context()
      none = Transport.new(kind, compression: policy, context_bytes: 1_000)
      assert Transport.without_context() > refused

      # As small the tenth time as the first: nothing is remembered.
      sizes = for _ <- 1..10, do: byte_size(Transport.frame(none, once()))
      assert sizes |> Enum.drop(1) |> Enum.uniq() |> length() == 1

      # And one that has a context remembers.
      some = Transport.new(kind, compression: policy, context_bytes: 0xFFFF_FFFF_FFFF_FFFF)
      [first | more] = for _ <- 1..10, do: byte_size(Transport.frame(some, once()))
      assert Enum.max(more) < first / 2
    end
  end

  # Others make and free theirs meanwhile: what there is, is at least ours.
  test "memory is counted" do
    event = Outbox.event("A", :binary.copy("x", 60_000_000))
    zstd = Transport.new(:zstd_stream)
    held = Outbox.memory()

    assert held.events.bytes > 50_000_000
    assert held.transports.count > 0 and held.transports.bytes > 0
    assert is_reference(event) and is_reference(zstd)
  end

  # Text that has nothing in common with itself or the primer.
  defp once, do: ~s({"op":0,"d":"#{Base.encode64(:crypto.hash(:sha512, "once"))}"})

  defp payloads(outbox) do
    {:ok, frames, false} = Outbox.take(outbox, Transport.new(:plain), 1_000_000)
    for {:text, payload} <- Frames.messages(frames), do: payload
  end
end
