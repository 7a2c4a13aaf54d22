defmodule Guildhall.Store.Reference do
  @moduledoc false

  # The store as a value, in the plainest way: a map of partitions, each a map of rows. The oracle
  # of the embedded engine's properties, and what `Guildhall.Store.Memory` keeps.

  alias Guildhall.Store
  alias Guildhall.Store.{Engine, Table}

  @opaque t :: %{{Table.t(), binary()} => %{binary() => binary()}}

  @spec new() :: t()
  def new, do: %{}

  @doc "Does all of the operations, or none because a condition did not hold before them."
  @spec write(t(), [Store.op()]) :: {:ok | {:error, :conflict}, t()}
  def write(state, ops) do
    if Enum.all?(ops, &holds?(state, &1)),
      do: {:ok, Enum.reduce(ops, state, &apply_op/2)},
      else: {{:error, :conflict}, state}
  end

  @spec get(t(), Table.t(), binary(), binary()) :: binary() | nil
  def get(state, table, partition, key), do: state |> rows(table, partition) |> Map.get(key)

  @spec scan(t(), Table.t(), binary(), Engine.range()) :: [Engine.row()]
  def scan(state, table, partition, {lower, upper, direction, limit}) do
    state
    |> rows(table, partition)
    |> Enum.filter(fn {key, _value} -> above?(lower, key) and below?(upper, key) end)
    |> Enum.sort(direction)
    |> Enum.take(limit)
  end

  defp rows(state, table, partition), do: Map.get(state, {table, partition}, %{})

  defp holds?(state, {:put_new, table, partition, key, _value}),
    do: get(state, table, partition, key) == nil

  defp holds?(state, {:put_if, table, partition, key, expected, _value}),
    do: get(state, table, partition, key) == expected

  defp holds?(state, {:delete_if, table, partition, key, expected}),
    do: get(state, table, partition, key) == expected

  defp holds?(_state, _unconditional), do: true

  defp apply_op({:put, table, partition, key, value}, state),
    do: put(state, table, partition, key, value)

  defp apply_op({:put_new, table, partition, key, value}, state),
    do: put(state, table, partition, key, value)

  defp apply_op({:put_if, table, partition, key, _expected, value}, state),
    do: put(state, table, partition, key, value)

  defp apply_op({:delete, table, partition, key}, state),
    do: delete(state, table, partition, key)

  defp apply_op({:delete_if, table, partition, key, _expected}, state),
    do: delete(state, table, partition, key)

  defp apply_op({:drop, table, partition}, state), do: Map.delete(state, {table, partition})

  defp put(state, table, partition, key, value),
    do: Map.put(state, {table, partition}, Map.put(rows(state, table, partition), key, value))

  defp delete(state, table, partition, key),
    do: Map.put(state, {table, partition}, Map.delete(rows(state, table, partition), key))

  defp above?(nil, _key), do: true
  defp above?({:included, bound}, key), do: key >= bound
  defp above?({:excluded, bound}, key), do: key > bound

  defp below?(nil, _key), do: true
  defp below?({:included, bound}, key), do: key <= bound
  defp below?({:excluded, bound}, key), do: key < bound
end
