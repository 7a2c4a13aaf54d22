defmodule Guildhall.Native.Store do
  @moduledoc """
  Wide rows on a disk: the engine under `Guildhall.Store`, which is what to use.

  The process that opens a store owns it: it gets one message for each commit,

      {:store_report, [{pid, tag, :ok | {:error, reason}}], commit, reopened}

  with a result for each batch in the order of their submission; `commit` is
  `{duration, operations, bytes}` or `nil`, and `reopened` how long it took to open the database
  again after an error of the disk, or `nil`. Durations are in nanoseconds. When the owner dies,
  the store writes what it has accepted and refuses the rest.

  | function   | cost                                   | scheduler |
  | ---------- | -------------------------------------- | --------- |
  | `submit/4` | 1 us, 0.3 us an operation              | normal up to 256 operations, then dirty |
  | `get_many/3`, `scan/4` | 10 us, more if the disk is asked | dirty I/O |
  | `read_all/2` | the same, and 2 us for each but the first | dirty I/O |
  | `open/3`, `close/1` | a look at every row after a crash | dirty I/O |
  """

  alias Guildhall.Native

  # So that a call stays far below a millisecond on a normal scheduler.
  @few_ops 256
  @max_rows 10_000

  @typedoc "A reference to an open store."
  @opaque t :: reference()
  @type sizes ::
          {cache_bytes :: pos_integer(), pending_bytes :: pos_integer(),
           commit_bytes :: pos_integer(), reserve_bytes :: non_neg_integer()}
  @type bound :: nil | {:included | :excluded, binary()}
  @type range :: {lower :: bound(), upper :: bound(), :asc | :desc, limit :: non_neg_integer()}

  @doc "Opens the folder with tables of these names, and makes the calling process its owner."
  @spec open(Path.t(), [atom()], sizes()) :: {:ok, t()} | {:error, atom()}
  def open(path, tables, sizes) do
    Native.store_open(path, Enum.map(tables, &{&1, Atom.to_string(&1)}), sizes)
  end

  @doc "Hands in a batch, of which `pid` shall be told in a report."
  @spec submit(t(), [tuple()], pid(), term()) :: :ok | {:error, atom()}
  def submit(store, ops, pid, tag) when length(ops) <= @few_ops,
    do: Native.store_submit(store, ops, pid, tag)

  def submit(store, ops, pid, tag), do: Native.store_submit_dirty(store, ops, pid, tag)

  @doc "Reads up to 10,000 rows of one table, all as of one moment."
  @spec get_many(t(), atom(), [{binary(), binary()}]) ::
          {:ok, [binary() | nil]} | {:error, :unavailable}
  def get_many(store, table, rows) when length(rows) <= @max_rows,
    do: Native.store_get_many(store, table, rows)

  @doc "Reads rows of a partition up to a few megabytes, and says whether there were more."
  @spec scan(t(), atom(), binary(), range()) ::
          {:ok, {[{binary(), binary()}], more? :: boolean()}} | {:error, :unavailable}
  def scan(store, table, partition, range), do: Native.store_scan(store, table, partition, range)

  @doc "Answers several requests, all as of one moment."
  @spec read_all(t(), [Guildhall.Store.Engine.request()]) ::
          {:ok, [Guildhall.Store.Engine.answer()]} | {:error, :unavailable}
  def read_all(store, requests), do: Native.store_read_all(store, requests)

  @doc "Says what the store is doing; see `Guildhall.Store.stats/1`."
  @spec stats(t()) :: %{atom() => non_neg_integer()}
  def stats(store), do: Native.store_stats(store)

  @doc "Writes what was accepted and lets go of the folder."
  @spec close(t()) :: :ok
  def close(store), do: Native.store_close(store)
end
