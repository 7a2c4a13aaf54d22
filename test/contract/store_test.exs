defmodule Guildhall.Contract.StoreTest do
  # What every engine promises. Each test runs against each engine.
  use ExUnit.Case, async: true

  alias Guildhall.Store

  for engine <- [:embedded, :memory] do
    describe "#{engine}" do
      @describetag engine: engine
      @describetag :tmp_dir
      setup :start

      test "a row that was written can be read", %{store: store} do
        assert Store.get(store, :users, "p", "k") == :none
        assert Store.write(store, [{:put, :users, "p", "k", "v"}]) == :ok
        assert Store.get(store, :users, "p", "k") == {:ok, "v"}
        assert Store.write(store, [{:put, :users, "p", "k", ""}]) == :ok
        assert Store.get(store, :users, "p", "k") == {:ok, ""}
      end

      test "tables, partitions and keys are apart", %{store: store} do
        :ok = Store.write(store, [{:put, :users, "ab", "c", "1"}, {:put, :users, "a", "bc", "2"}])
        assert Store.get(store, :users, "ab", "c") == {:ok, "1"}
        assert Store.get(store, :users, "a", "bc") == {:ok, "2"}
        assert Store.get(store, :bans, "ab", "c") == :none
        assert Store.scan(store, :users, "a") == {:ok, [{"bc", "2"}]}
        assert Store.get(store, :users, "", "") == :none
        :ok = Store.write(store, [{:put, :users, "", "", "3"}])
        assert Store.scan(store, :users, "") == {:ok, [{"", "3"}]}
      end

      test "many who read at once are each answered", %{store: store} do
        :ok = Store.write(store, for(n <- 1..100, do: {:put, :users, "p#{n}", "k", "#{n}"}))

        reads =
          for n <- 1..100 do
            Task.async(fn ->
              {Store.get(store, :users, "p#{n}", "k"),
               Store.scan(store, :users, "p#{n}", limit: 8),
               Store.get_many(store, :bans, [{"p#{n}", "k"}]), Store.scan(store, :users, "p#{n}")}
            end)
          end

        for {read, n} <- Enum.with_index(reads, 1) do
          rows = {:ok, [{"k", "#{n}"}]}
          assert Task.await(read) == {{:ok, "#{n}"}, rows, {:ok, [nil]}, rows}
        end
      end

      test "what is asked wrongly is at most the caller's error", %{store: store} do
        for rows <- [[{1, "k"}], [{"p", :k}], [:row]] do
          try do
            Store.get_many(store, :users, rows)
          rescue
            ArgumentError -> :ok
          end
        end

        assert Store.get(store, :users, "p", "k") == :none
      end

      test "a deleted row is gone, and deleting nothing is no error", %{store: store} do
        :ok = Store.write(store, [{:put, :users, "p", "k", "v"}, {:delete, :users, "p", "none"}])
        :ok = Store.write(store, [{:delete, :users, "p", "k"}])
        assert Store.get(store, :users, "p", "k") == :none
      end

      test "the operations of a batch are done in their order", %{store: store} do
        :ok =
          Store.write(store, [
            {:put, :users, "p", "a", "1"},
            {:put, :users, "p", "a", "2"},
            {:put, :users, "p", "b", "1"},
            {:delete, :users, "p", "b"},
            {:put, :users, "q", "c", "1"},
            {:drop, :users, "q"},
            {:put, :users, "q", "d", "1"}
          ])

        assert Store.scan(store, :users, "p") == {:ok, [{"a", "2"}]}
        assert Store.scan(store, :users, "q") == {:ok, [{"d", "1"}]}
      end

      test "put_new writes only where nothing is", %{store: store} do
        assert Store.write(store, [{:put_new, :users, "p", "k", "1"}]) == :ok
        assert Store.write(store, [{:put_new, :users, "p", "k", "2"}]) == {:error, :conflict}
        assert Store.get(store, :users, "p", "k") == {:ok, "1"}
      end

      test "put_if writes only over what is expected", %{store: store} do
        assert Store.write(store, [{:put_if, :users, "p", "k", "0", "1"}]) == {:error, :conflict}
        assert Store.write(store, [{:put_if, :users, "p", "k", nil, "1"}]) == :ok
        assert Store.write(store, [{:put_if, :users, "p", "k", nil, "2"}]) == {:error, :conflict}
        assert Store.write(store, [{:put_if, :users, "p", "k", "1", "2"}]) == :ok
        assert Store.get(store, :users, "p", "k") == {:ok, "2"}
      end

      test "delete_if removes only what is expected", %{store: store} do
        :ok = Store.write(store, [{:put, :users, "p", "k", "1"}])
        assert Store.write(store, [{:delete_if, :users, "p", "k", "2"}]) == {:error, :conflict}
        assert Store.write(store, [{:delete_if, :users, "p", "k", "1"}]) == :ok
        assert Store.write(store, [{:delete_if, :users, "p", "k", "1"}]) == {:error, :conflict}
      end

      test "a condition that fails leaves nothing of its batch", %{store: store} do
        :ok = Store.write(store, [{:put, :users, "p", "k", "1"}])

        batch = [
          {:put, :users, "p", "other", "x"},
          {:drop, :users, "p"},
          {:put_new, :users, "p", "k", "2"}
        ]

        assert Store.write(store, batch) == {:error, :conflict}
        assert Store.scan(store, :users, "p") == {:ok, [{"k", "1"}]}
      end

      test "conditions are about what was there before the batch", %{store: store} do
        batch = [{:put, :users, "p", "k", "1"}, {:put_new, :users, "p", "k", "2"}]
        assert Store.write(store, batch) == :ok
        assert Store.get(store, :users, "p", "k") == {:ok, "2"}
      end

      test "a conflict fails its own batch alone", %{store: store} do
        :ok = Store.write_async(store, [{:put_new, :users, "p", "k", "1"}], 1)
        :ok = Store.write_async(store, [{:put_new, :users, "p", "k", "2"}], 2)
        :ok = Store.write_async(store, [{:put_new, :users, "p", "l", "3"}], 3)
        assert_receive {Store, 1, :ok}
        assert_receive {Store, 2, {:error, :conflict}}
        assert_receive {Store, 3, :ok}
        assert Store.scan(store, :users, "p") == {:ok, [{"k", "1"}, {"l", "3"}]}
      end

      test "results come in the order of the writes, with any tag", %{store: store} do
        tags = for n <- 1..500, do: {make_ref(), [n], %{self: self()}}
        for tag <- tags, do: :ok = Store.write_async(store, [{:put, :users, "p", "k", "v"}], tag)

        answered =
          for _tag <- tags do
            assert_receive {Store, tag, :ok}
            tag
          end

        assert answered == tags
      end

      test "an empty batch is written like any other", %{store: store} do
        assert Store.write(store, []) == :ok
      end

      test "get_many answers in the order of the question", %{store: store} do
        :ok = Store.write(store, [{:put, :users, "p", "a", "1"}, {:put, :users, "q", "b", "2"}])
        rows = [{"q", "b"}, {"p", "none"}, {"p", "a"}, {"q", "b"}]
        assert Store.get_many(store, :users, rows) == {:ok, ["2", nil, "1", "2"]}
        assert Store.get_many(store, :users, []) == {:ok, []}
      end

      test "get_many is of one moment: a batch is seen whole or not at all", %{store: store} do
        rows = [{"p", "a"}, {"q", "b"}]
        batch = fn n -> for {partition, key} <- rows, do: {:put, :users, partition, key, n} end
        :ok = Store.write(store, batch.("0"))

        writer =
          Task.async(fn ->
            for n <- 1..200, do: :ok = Store.write(store, batch.(Integer.to_string(n)))
          end)

        seen = read_until(writer, fn -> Store.get_many(store, :users, rows) end, [])
        for {:ok, values} <- seen, do: assert([same, same] = values)
        assert length(seen) > 1
      end

      test "a scan has bounds, a direction and a limit", %{store: store} do
        :ok = Store.write(store, for(k <- ~w(a b c d e), do: {:put, :pins, "p", k, k <> "!"}))

        keys = fn options ->
          assert {:ok, rows} = Store.scan(store, :pins, "p", options)
          for {key, value} <- rows, value == key <> "!", do: key
        end

        assert keys.([]) == ~w(a b c d e)
        assert keys.(from: "b", to: "d") == ~w(b c d)
        assert keys.(after: "b", before: "d") == ~w(c)
        assert keys.(after: "b", direction: :desc) == ~w(e d c)
        assert keys.(before: "d", direction: :desc, limit: 2) == ~w(c b)
        assert keys.(limit: 2) == ~w(a b)
        assert keys.(from: "bb", limit: 1) == ~w(c)
        assert keys.(from: "d", to: "b") == []
        assert keys.(after: "c", before: "c") == []
        assert keys.(from: "c", to: "c") == ~w(c)
      end

      test "keys are in the order of their bytes, whatever the bytes", %{store: store} do
        partition = <<0xFF, 0xFF>>
        keys = [<<0>>, <<0, 0>>, <<1>>, "a", <<0xFF>>, <<0xFF, 0>>, <<0xFF, 0xFF>>]
        ops = for key <- Enum.shuffle(keys), do: {:put, :users, partition, key, ""}
        :ok = Store.write(store, ops)
        assert {:ok, rows} = Store.scan(store, :users, partition)
        assert Enum.map(rows, &elem(&1, 0)) == keys
      end

      test "a dropped partition is empty, and can be written again", %{store: store} do
        :ok = Store.write(store, for(n <- 1..5_000, do: {:put, :members, "big", <<n::32>>, "m"}))
        :ok = Store.write(store, [{:put, :members, "biggest", "k", "v"}])
        assert Store.write(store, [{:drop, :members, "big"}]) == :ok
        assert Store.scan(store, :members, "big") == {:ok, []}
        assert Store.get(store, :members, "big", <<7::32>>) == :none
        assert Store.get_many(store, :members, [{"big", <<5_000::32>>}]) == {:ok, [nil]}
        assert Store.write(store, [{:put_new, :members, "big", <<7::32>>, "new"}]) == :ok
        assert Store.scan(store, :members, "big") == {:ok, [{<<7::32>>, "new"}]}
        assert Store.get(store, :members, "biggest", "k") == {:ok, "v"}
      end

      test "what is at its limit is kept, what is beyond raises", %{store: store} do
        binary = &:binary.copy("x", &1)
        largest = {:put, :users, binary.(1_023), binary.(2_048), binary.(1_048_576)}
        assert Store.write(store, [largest]) == :ok
        assert {:ok, [{_key, value}]} = Store.scan(store, :users, binary.(1_023))
        assert byte_size(value) == 1_048_576

        too_large = [
          partition: [{:put, :users, binary.(1_024), "k", "v"}],
          partition: [{:drop, :users, binary.(1_024)}],
          key: [{:delete, :users, "p", binary.(2_049)}],
          value: [{:put, :users, "p", "k", binary.(1_048_577)}],
          value: [{:put_if, :users, "p", "k", binary.(1_048_577), "v"}],
          batch: for(n <- 1..17, do: {:put, :users, "p", <<n>>, binary.(1_048_576)}),
          batch: List.duplicate({:delete, :users, "p", "k"}, 100_001)
        ]

        for {what, batch} <- too_large do
          assert_raise ArgumentError, ~r/^a #{what} has at most /, fn ->
            Store.write(store, batch)
          end
        end
      end

      test "a scan of large rows is whole", %{store: store} do
        value = :binary.copy("x", 1_000_000)
        for n <- 1..11, do: :ok = Store.write(store, [{:put, :users, "p", <<n>>, value}])

        for direction <- [:asc, :desc] do
          assert {:ok, rows} = Store.scan(store, :users, "p", direction: direction, limit: 10)
          keys = for {key, ^value} <- rows, do: key
          all = Enum.sort(for(n <- 1..11, do: <<n>>), direction)
          assert keys == Enum.take(all, 10)
        end
      end

      test "what is no batch raises", %{store: store} do
        assert_raise FunctionClauseError, fn -> Store.write(store, :nothing) end
        assert_raise FunctionClauseError, fn -> Store.scan(store, :nowhere, "p") end
        assert_raise FunctionClauseError, fn -> Store.scan(store, :users, "p", limit: 10_001) end
        assert_raise FunctionClauseError, fn -> Store.scan(store, :users, "p", from: 1) end
      end
    end
  end

  defp read_until(writer, read, seen) do
    case Task.yield(writer, 0) do
      nil -> read_until(writer, read, [read.() | seen])
      {:ok, _written} -> [read.() | seen]
    end
  end

  defp start(%{engine: engine, tmp_dir: path, test: store}) do
    start_supervised!({Store, instance: store, path: path, engine: engine})
    %{store: store}
  end
end
