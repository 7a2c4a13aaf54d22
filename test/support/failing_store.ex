defmodule Guildhall.FailingStore do
  @moduledoc false

  # A running store whose writes can be made to fail, as on a full disk: an engine around its engine.

  alias Guildhall.Instance

  @doc "Puts the engine around the instance's."
  def install(instance) do
    %{engine: engine, handle: handle} = store = Instance.fetch!(instance, :store)
    switch = :atomics.new(1, [])

    Instance.put(instance, :store, %{store | engine: __MODULE__, handle: {engine, handle, switch}})
  end

  @modes %{false => 0, true => 1, :unknown => 2}

  @doc """
  From now on writes fail, or do not.

  With `:unknown` they are written, but the writer is told that the outcome is unknown.
  """
  def fail(instance, mode) do
    %{handle: {_engine, _handle, switch}} = Instance.fetch!(instance, :store)
    :atomics.put(switch, 1, Map.fetch!(@modes, mode))
  end

  def submit({engine, handle, switch}, ops, pid, tag) do
    case :atomics.get(switch, 1) do
      0 ->
        engine.submit(handle, ops, pid, tag)

      1 ->
        send(pid, {Guildhall.Store, tag, {:error, :storage_full}})
        :ok

      2 ->
        engine.submit(handle, ops, spawn(fn -> doubt(pid) end), tag)
    end
  end

  defp doubt(pid) do
    receive do
      {Guildhall.Store, tag, _result} -> send(pid, {Guildhall.Store, tag, {:error, :unavailable}})
    end
  end

  def get_many({engine, handle, _switch}, table, rows), do: engine.get_many(handle, table, rows)

  def scan({engine, handle, _}, table, partition, range),
    do: engine.scan(handle, table, partition, range)

  def stats({engine, handle, _switch}), do: engine.stats(handle)
  def close({engine, handle, _switch}), do: engine.close(handle)
end
