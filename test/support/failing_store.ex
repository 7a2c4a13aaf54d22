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

  @doc "From now on writes fail, or do not."
  def fail(instance, fail?) do
    %{handle: {_engine, _handle, switch}} = Instance.fetch!(instance, :store)
    :atomics.put(switch, 1, if(fail?, do: 1, else: 0))
  end

  def submit({engine, handle, switch}, ops, pid, tag) do
    if :atomics.get(switch, 1) == 1 do
      send(pid, {Guildhall.Store, tag, {:error, :storage_full}})
      :ok
    else
      engine.submit(handle, ops, pid, tag)
    end
  end

  def get_many({engine, handle, _switch}, table, rows), do: engine.get_many(handle, table, rows)

  def scan({engine, handle, _}, table, partition, range),
    do: engine.scan(handle, table, partition, range)

  def stats({engine, handle, _switch}), do: engine.stats(handle)
  def close({engine, handle, _switch}), do: engine.close(handle)
end
