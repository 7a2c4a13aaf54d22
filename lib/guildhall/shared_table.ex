defmodule Guildhall.SharedTable do
  @moduledoc """
  ETS tables that many processes use without asking their owner, which may be restarted meanwhile.

  The table of a process that crashed is gone until its successor has made another. In between a read
  finds nothing and a write does nothing, so that the crash of a cache or a counter concerns no one else.
  """

  @doc "Returns the rows of a key; none without the table."
  @spec lookup(:ets.table(), key :: term()) :: [tuple()]
  def lookup(table, key) do
    :ets.lookup(table, key)
  rescue
    ArgumentError -> []
  end

  @doc "Inserts rows."
  @spec insert(:ets.table(), tuple() | [tuple()]) :: :ok
  def insert(table, rows) do
    true = :ets.insert(table, rows)
    :ok
  rescue
    ArgumentError -> :ok
  end

  @doc "Counts as `:ets.update_counter/4` does; answers what `default` would give without the table."
  @spec count(:ets.table(), key :: term(), amount :: integer(), default :: tuple()) :: integer()
  def count(table, key, amount, default) do
    :ets.update_counter(table, key, {2, amount}, default)
  rescue
    ArgumentError -> elem(default, 1) + amount
  end

  @doc "Returns the number of rows; 0 without the table."
  @spec size(:ets.table()) :: non_neg_integer()
  def size(table) do
    case :ets.info(table, :size) do
      :undefined -> 0
      size -> size
    end
  end

  @doc "Deletes all rows."
  @spec clear(:ets.table()) :: :ok
  def clear(table) do
    true = :ets.delete_all_objects(table)
    :ok
  rescue
    ArgumentError -> :ok
  end

  @doc "Returns all rows; none without the table."
  @spec rows(:ets.table()) :: [tuple()]
  def rows(table) do
    :ets.tab2list(table)
  rescue
    ArgumentError -> []
  end
end
