defmodule Guildhall.Store.Limits do
  @moduledoc false

  # How large things may be. The embedded engine has the same numbers in `native/store`; the
  # contract suite tries each limit on every engine.

  alias Guildhall.Store
  alias Guildhall.Store.Engine

  @partition_bytes 1_023
  @key_bytes 2_048
  @value_bytes 1_048_576
  @batch_bytes 16_777_216
  @batch_ops 100_000

  @spec check([Store.op()]) :: :ok | {:error, Engine.too_large()}
  def check(ops) do
    fault = Enum.find_value(ops, &fault/1)

    cond do
      fault -> {:error, fault}
      length(ops) > @batch_ops -> {:error, :batch_too_large}
      ops |> Enum.map(&bytes/1) |> Enum.sum() > @batch_bytes -> {:error, :batch_too_large}
      true -> :ok
    end
  end

  @spec message(Engine.too_large()) :: String.t()
  def message(:partition_too_large), do: "a partition has at most #{@partition_bytes} bytes"
  def message(:key_too_large), do: "a key has at most #{@key_bytes} bytes"
  def message(:value_too_large), do: "a value has at most #{@value_bytes} bytes"

  def message(:batch_too_large),
    do: "a batch has at most #{@batch_ops} operations and #{@batch_bytes} bytes"

  defp fault(op) do
    [_kind, _table, partition | rest] = Tuple.to_list(op)
    {key, values} = List.pop_at(rest, 0, "")

    cond do
      byte_size(partition) > @partition_bytes -> :partition_too_large
      byte_size(key) > @key_bytes -> :key_too_large
      Enum.any?(values, &(&1 && byte_size(&1) > @value_bytes)) -> :value_too_large
      true -> nil
    end
  end

  # Each key is stored with two bytes of its own.
  defp bytes(op) do
    [_kind, _table | binaries] = Tuple.to_list(op)
    2 + (binaries |> Enum.map(&byte_size(&1 || "")) |> Enum.sum())
  end
end
