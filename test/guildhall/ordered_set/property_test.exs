defmodule Guildhall.OrderedSet.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.OrderedSet
  alias Guildhall.OrderedSet.Reference

  property "answers every command as the reference does" do
    forall commands <- map(list(list(command())), &Enum.concat/1) do
      set = OrderedSet.new()
      reference = Enum.reduce(commands, Reference.new(), &run(&1, set, &2))
      entries = Reference.entries(reference, 0, 1_000)
      assert OrderedSet.entries(set, 0, 1_000) === entries
      assert OrderedSet.to_list(set) === for({key, _payload} <- entries, do: key)

      {:ok, restored} = OrderedSet.restore(OrderedSet.snapshot(set))
      assert OrderedSet.entries(restored, 0, 1_000) === entries
    end
  end

  defp run({:put, key, payload}, set, reference) do
    {expected, reference} = Reference.put(reference, key, payload)
    assert OrderedSet.put(set, key, payload) == expected
    reference
  end

  defp run({:put_many, entries}, set, reference) do
    {:ok, new} = OrderedSet.put_many(set, entries)
    before = length(reference)

    reference =
      for {key, payload} <- entries, reduce: reference, do: (set -> put(set, key, payload))

    assert new == length(reference) - before
    reference
  end

  defp run({:delete, key}, set, reference) do
    {expected, reference} = Reference.delete(reference, key)
    assert OrderedSet.delete(set, key) == expected
    reference
  end

  defp run({:look, key}, set, reference) do
    assert OrderedSet.rank(set, key) == Reference.rank(reference, key)
    assert OrderedSet.get(set, key) == Reference.get(reference, key)
    reference
  end

  defp run({:slice, from, count}, set, reference) do
    assert OrderedSet.entries(set, from, count) === Reference.entries(reference, from, count)
    reference
  end

  defp run({:range, from, until}, set, reference) do
    assert OrderedSet.range(set, from: from, until: until, payloads: true) ===
             Reference.range(reference, from, until)

    reference
  end

  defp put(reference, key, payload), do: reference |> Reference.put(key, payload) |> elem(1)

  defp command do
    rank = range(0, 20)

    frequency([
      {6, {:put, key(), payload()}},
      {2, {:put_many, list({key(), payload()})}},
      {3, {:delete, key()}},
      {2, {:look, key()}},
      {1, {:slice, rank, rank}},
      {1, {:range, key(), key()}}
    ])
  end

  defp payload, do: oneof(["", binary()])

  # Few keys, so that they meet again, and some of any kind.
  defp key, do: frequency([{4, small()}, {1, nested()}])

  defp small do
    oneof([
      range(-2, 2),
      oneof([-1.5, -1.0, 0.5, 1.0, 1.5]),
      oneof([:a, :b, :"", :é]),
      oneof(["", "a", "a\0", "b"]),
      {oneof([1, 1.0, :a]), oneof([:a, "a"])}
    ])
  end

  defp nested, do: nested(3)

  defp nested(0), do: oneof([integer(), nonzero(), binary(), small()])

  defp nested(depth) do
    inner = lazy(nested(depth - 1))
    few = resize(4, list(inner))

    oneof([
      nested(0),
      few,
      map(few, &List.to_tuple/1),
      map({inner, binary()}, &improper/1)
    ])
  end

  defp improper({head, tail}), do: [head | tail]

  # The set keeps -0.0 as 0.0.
  defp nonzero, do: such_that(float(), &(&1 != 0.0))
end
