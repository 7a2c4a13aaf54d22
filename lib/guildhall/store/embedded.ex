defmodule Guildhall.Store.Embedded do
  @moduledoc false

  # The engine of one machine: redb, in `native/store`.

  @behaviour Guildhall.Store.Engine

  alias Guildhall.Native.Store
  alias Guildhall.Store.{Engine, Table}

  @impl Engine
  def open(options) do
    sizes =
      {options[:cache_bytes], options[:pending_bytes], options[:commit_bytes],
       options[:reserve_bytes]}

    Store.open(options[:path], Table.all(), sizes)
  end

  @impl Engine
  defdelegate submit(handle, ops, pid, tag), to: Store

  @impl Engine
  defdelegate get_many(handle, table, rows), to: Store

  @impl Engine
  defdelegate scan(handle, table, partition, range), to: Store

  @impl Engine
  defdelegate read_all(handle, requests), to: Store

  @impl Engine
  defdelegate stats(handle), to: Store

  @impl Engine
  defdelegate close(handle), to: Store
end
