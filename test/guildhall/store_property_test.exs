defmodule Guildhall.StorePropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Store
  alias Guildhall.Store.Reference

  @moduletag :tmp_dir

  setup %{tmp_dir: path, test: store} do
    start_supervised!({Store, instance: store, path: path})
    %{store: store}
  end

  property "the embedded engine answers as the reference does", %{store: store} do
    forall {batches, questions} <- {list(list(op())), list(question())} do
      # Each run in partitions of its own, so that one store serves all of them.
      run = :binary.encode_unsigned(System.unique_integer([:positive]))

      reference =
        for batch <- batches, reduce: Reference.new() do
          reference ->
            ops = for op <- batch, do: put_elem(op, 2, run <> elem(op, 2))
            {expected, reference} = Reference.write(reference, ops)
            assert Store.write(store, ops) == expected
            reference
        end

      for {table, partition, key, range} <- questions do
        partition = run <> partition
        expected = Reference.get(reference, table, partition, key)
        assert Store.get_many(store, table, [{partition, key}]) == {:ok, [expected]}
        expected = Reference.scan(reference, table, partition, range)
        assert Store.scan(store, table, partition, options(range)) == {:ok, expected}
      end
    end
  end

  # Few names, so that operations meet.
  defp table, do: oneof([:users, :pins])
  defp partition, do: oneof(["", "a", "ab", <<0xFF>>])
  defp key, do: oneof(["", "a", "aa", "b", <<0xFF>>])
  defp value, do: oneof(["", "x", "y", :binary.copy("large", 2_000)])

  defp op do
    oneof([
      {:put, table(), partition(), key(), value()},
      {:put, table(), partition(), key(), value()},
      {:put_new, table(), partition(), key(), value()},
      {:put_if, table(), partition(), key(), oneof([nil, value()]), value()},
      {:delete, table(), partition(), key()},
      {:delete_if, table(), partition(), key(), value()},
      {:drop, table(), partition()}
    ])
  end

  defp question, do: {table(), partition(), key(), range()}
  defp range, do: {bound(), bound(), oneof([:asc, :desc]), range(1, 4)}
  defp bound, do: oneof([nil, {oneof([:included, :excluded]), key()}])

  defp options({lower, upper, direction, limit}) do
    [direction: direction, limit: limit] ++
      option(lower, included: :from, excluded: :after) ++
      option(upper, included: :to, excluded: :before)
  end

  defp option(nil, _names), do: []
  defp option({kind, key}, names), do: [{names[kind], key}]
end
