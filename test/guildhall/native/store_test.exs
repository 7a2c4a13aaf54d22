defmodule Guildhall.Native.StoreTest do
  use ExUnit.Case, async: true

  import Bitwise

  alias Guildhall.Native.Store

  @moduletag :tmp_dir
  @sizes {1_048_576, 1_048_576, 65_536, 0}

  setup %{tmp_dir: path} do
    {:ok, store} = Store.open(path, [:rows], @sizes)
    on_exit(fn -> Store.close(store) end)
    %{store: store}
  end

  test "one report for each commit goes to the owner", %{store: store} do
    :ok = Store.submit(store, [{:put, :rows, "p", "k", "v"}], self(), {:any, "tag"})
    owner = self()
    assert_receive {:store_report, [{^owner, {:any, "tag"}, :ok}], {duration, 1, bytes}, nil}
    assert duration > 0 and bytes > 0
    assert Store.get_many(store, :rows, [{"p", "k"}]) == {:ok, ["v"]}
  end

  test "an owner that dies leaves a store that refuses and lets go", %{tmp_dir: path} do
    path = Path.join(path, "other")
    {:ok, store} = Task.await(Task.async(fn -> Store.open(path, [:rows], @sizes) end))
    assert Store.close(store) == :ok
    assert Store.submit(store, [], self(), :tag) == {:error, :unavailable}
    assert {:ok, next} = Store.open(path, [:rows], @sizes)
    assert Store.close(next) == :ok
  end

  test "a store that was closed is unavailable, and is closed once", %{store: store} do
    assert Store.close(store) == :ok
    assert Store.close(store) == :ok
    assert Store.get_many(store, :rows, [{"p", "k"}]) == {:error, :unavailable}
    assert Store.scan(store, :rows, "p", {nil, nil, :asc, 1}) == {:error, :unavailable}
    assert %{pending: 0} = Store.stats(store)
  end

  # What is no batch raises in the caller, whatever it is.
  test "strange terms raise", %{store: store} do
    strange = [
      :put,
      {},
      {:put},
      {:put, :rows, "p", "k"},
      {:put, :rows, "p", "k", "v", "w"},
      {:put, :nowhere, "p", "k", "v"},
      {:put, "rows", "p", "k", "v"},
      {:put, :rows, :p, "k", "v"},
      {:put, :rows, "p", 1.5, "v"},
      {:put, :rows, "p", "k", nil},
      {:put, :rows, "p", "k", <<1::3>>},
      {:put, :rows, "p", "k", ["v"]},
      {:put_if, :rows, "p", "k", :none, "v"},
      {:delete_if, :rows, "p", "k", nil},
      {:drop, :rows, %{}},
      {:forget, :rows, "p"},
      [{:put, :rows, "p", "k", "v"}],
      1 <<< 200
    ]

    for op <- strange do
      assert_raise ArgumentError, fn -> Store.submit(store, [op], self(), :tag) end
      ops = List.duplicate({:delete, :rows, "p", "k"}, 300) ++ [op]
      assert_raise ArgumentError, fn -> Store.submit(store, ops, self(), :tag) end
    end

    improper = [{:delete, :rows, "p", "k"} | :rest]

    for ops <- [improper, :ops, %{}],
        do: assert(raises?(fn -> Store.submit(store, ops, self(), 1) end))

    for pid <- [:pid, nil, "p"], do: assert(raises?(fn -> Store.submit(store, [], pid, 1) end))

    for rows <- [:rows, [{"p"}], [{"p", :k}], [{"p", "k"} | "x"], ["pk"]] do
      assert raises?(fn -> Store.get_many(store, :rows, rows) end)
    end

    ranges = [
      {nil, nil, :asc},
      {nil, nil, :up, 1},
      {nil, nil, :asc, -1},
      {nil, nil, :asc, 1.0},
      {nil, nil, :asc, 1 <<< 70},
      {{:included, 1}, nil, :asc, 1},
      {{:near, "k"}, nil, :asc, 1},
      {"k", nil, :asc, 1}
    ]

    for range <- ranges, do: assert(raises?(fn -> Store.scan(store, :rows, "p", range) end))
    for store <- [make_ref(), nil, self()], do: assert(raises?(fn -> Store.stats(store) end))
    assert Store.scan(store, :rows, "p", {nil, nil, :asc, 1 <<< 62}) == {:ok, {[], false}}
  end

  defp raises?(fun) do
    fun.()
    false
  rescue
    _error in [ArgumentError, FunctionClauseError] -> true
  end
end
