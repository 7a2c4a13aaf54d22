defmodule Guildhall.PartitionedRegistryTest do
  use ExUnit.Case, async: true

  alias Guildhall.PartitionedRegistry

  setup do
    name = Module.concat(__MODULE__, "R#{System.unique_integer([:positive])}")
    start_supervised!({PartitionedRegistry, keys: :unique, name: name, instance: name, count: 2})
    # Two keys of different partitions.
    [one, two] = 1..100 |> Enum.uniq_by(&PartitionedRegistry.owner(name, &1)) |> Enum.take(2)
    Process.flag(:trap_exit, true)
    %{name: name, one: one, two: two}
  end

  test "registers, finds and forgets", %{name: name, one: one, two: two} do
    assert PartitionedRegistry.register(name, one, :a) == :ok
    assert PartitionedRegistry.register(name, two, :b) == :ok
    assert {:error, {:already_registered, pid}} = PartitionedRegistry.register(name, one, :c)
    assert pid == self()
    assert PartitionedRegistry.lookup(name, one) == [{self(), :a}]
    assert PartitionedRegistry.count(name) == 2

    assert Enum.sort(PartitionedRegistry.entries(name)) ==
             Enum.sort([{one, self(), :a}, {two, self(), :b}])

    assert PartitionedRegistry.update_value(name, one, fn :a -> :d end) == :ok
    assert PartitionedRegistry.lookup(name, one) == [{self(), :d}]
    assert PartitionedRegistry.unregister(name, one) == :ok
    refute PartitionedRegistry.registered?(name, one)
    assert PartitionedRegistry.registered?(name, two)
  end

  test "a partition that crashes loses its own entries alone", %{name: name, one: one, two: two} do
    :ok = PartitionedRegistry.register(name, one, :a)
    :ok = PartitionedRegistry.register(name, two, :b)
    refute PartitionedRegistry.recovering?(name, one)

    partition = PartitionedRegistry.owner(name, one)
    Process.exit(partition, :kill)
    assert_receive {:EXIT, ^partition, :killed}
    assert PartitionedRegistry.lookup(name, one) == []
    assert PartitionedRegistry.lookup(name, two) == [{self(), :b}]
    assert PartitionedRegistry.recovering?(name, one)
    refute PartitionedRegistry.recovering?(name, two)
    again(name, one)
    assert PartitionedRegistry.lookup(name, one) == [{self(), :a}]
    other = PartitionedRegistry.owner(name, two)
    refute_received {:EXIT, ^other, _reason}
  end

  # It is unavailable until it is restarted.
  defp again(name, key) do
    case PartitionedRegistry.register(name, key, :a) do
      :ok ->
        :ok

      {:error, :unavailable} ->
        :erlang.yield()
        again(name, key)
    end
  end
end
