defmodule Guildhall.Store.Engine do
  @moduledoc false

  # Where rows are kept. `test/contract/store_test.exs` runs against every engine.
  #
  # The process that opens an engine owns it, and gets one message for each commit:
  #
  #     {:store_report, [{pid, tag, :ok | {:error, reason}}], commit, reopened}
  #
  # with a result for each batch, in the order in which they were submitted; `commit` is
  # `{duration, operations, bytes}` or `nil`, `reopened` the time that opening the database again
  # took, or `nil`; times are in nanoseconds.

  alias Guildhall.Store
  alias Guildhall.Store.Table

  @type handle :: term()
  @type row :: {key :: binary(), value :: binary()}
  @type bound :: nil | {:included | :excluded, binary()}
  @type range :: {lower :: bound(), upper :: bound(), :asc | :desc, limit :: pos_integer()}
  @type too_large ::
          :partition_too_large | :key_too_large | :value_too_large | :batch_too_large

  @typedoc "What `c:get_many/3` or `c:scan/4` would be asked, and what they would answer."
  @type request ::
          {Table.t(), [{partition :: binary(), key :: binary()}]}
          | {Table.t(), partition :: binary(), range()}
  @type answer :: [binary() | nil] | {[row()], more? :: boolean()}

  @doc "Opens the engine for the calling process."
  @callback open(options :: keyword()) :: {:ok, handle()} | {:error, Store.open_error()}

  @doc "Has the operations written; the result is part of a report."
  @callback submit(handle(), [Store.op()], pid(), tag :: term()) ::
              :ok | {:error, :overloaded | :unavailable | too_large()}

  @doc "Reads rows of one table, all as of one moment."
  @callback get_many(handle(), Table.t(), [{partition :: binary(), key :: binary()}]) ::
              {:ok, [binary() | nil]} | {:error, :unavailable}

  @doc "Reads rows of one partition, and says whether it stopped before the end because of size."
  @callback scan(handle(), Table.t(), partition :: binary(), range()) ::
              {:ok, {[row()], more? :: boolean()}} | {:error, :unavailable}

  @doc "Answers several requests, all as of one moment."
  @callback read_all(handle(), [request()]) :: {:ok, [answer()]} | {:error, :unavailable}

  @doc "Says what the engine is doing."
  @callback stats(handle()) :: %{atom() => non_neg_integer()}

  @doc "Writes what was submitted and lets go of the storage."
  @callback close(handle()) :: :ok
end
