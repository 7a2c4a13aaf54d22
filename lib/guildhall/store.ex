defmodule Guildhall.Store do
  @schema [
    instance: [type: :atom, required: true, doc: "The node that the store belongs to."],
    path: [
      type: :string,
      required: true,
      doc: "The data folder. It is made if it is not there, and is one node's at a time."
    ],
    engine: [
      type: {:in, [:embedded, :memory]},
      default: :embedded,
      doc: "`:memory` forgets all rows when it stops; for tests."
    ],
    worker: [
      type: {:in, 0..1023},
      default: 0,
      doc: "The ten bits by which ids of nodes that share a store differ."
    ],
    clock: [
      type: {:fun, 0},
      doc: "Returns unix milliseconds, from which ids are made; the system's clock by default."
    ],
    cache_bytes: [
      type: :pos_integer,
      default: 268_435_456,
      doc: "How much of the database is kept in memory."
    ],
    pending_bytes: [
      type: :pos_integer,
      default: 67_108_864,
      doc: "Beyond this many waiting bytes, writes are refused as `:overloaded`."
    ],
    commit_bytes: [
      type: :pos_integer,
      default: 2_097_152,
      doc: "A commit takes no further batch beyond this many bytes."
    ],
    reserve_bytes: [
      type: :non_neg_integer,
      default: 33_554_432,
      doc: "With less room than this on the disk, writes are refused as `:storage_full`."
    ]
  ]

  @moduledoc """
  Wide rows, `(table, partition, key) -> value`, durable when a write is answered.

      :ok = Store.write(Chat, [{:put, :messages, channel, id, row}, {:put, :channels, channel, "last", id}])
      {:ok, row} = Store.get(Chat, :messages, channel, id)
      {:ok, newest} = Store.scan(Chat, :messages, channel, direction: :desc, limit: 50)

  Keys of a partition are in the order of their bytes. A **batch**, the list of operations of one
  write, is written whole or not at all. Its conditions (`:put_new`, `:put_if`, `:delete_if`) are
  about what was there before the batch; if one does not hold, the batch is not written and the
  answer is `{:error, :conflict}`. Otherwise its operations are done in their order. A store for
  many machines gives this within a partition only, so one batch should keep to one partition
  wherever a reader could mind.

  | reason | what it means |
  | ------ | ------------- |
  | `:conflict` | a condition did not hold |
  | `:storage_full` | the disk has no room; reads go on, and so do writes as soon as there is room |
  | `:overloaded` | as many bytes wait as may wait; nothing was written |
  | `:unavailable` | the disk failed or the store is stopping; whether it was written is unknown |

  A partition, key, value or batch beyond its limit (1,023 bytes, 2 KiB, 1 MiB; 100,000 operations
  of 16 MiB) is the caller's bug and raises.

  Many who write at once share one sync of the disk, so writes are best not serialised: use
  `write_async/3` to have several under way. How it works is in `lib/guildhall/store/README.md`.
  """

  alias Guildhall.{Instance, Options, Telemetry}

  alias Guildhall.Store.{
    Embedded,
    Ids,
    Lease,
    Limits,
    Memory,
    Reader,
    Scan,
    Secret,
    Server,
    Table
  }

  import Guildhall.Store.Table, only: [is_table: 1]

  @typedoc "Where a kind of rows is."
  @type table :: Table.t()

  @typedoc "One change of a batch."
  @type op ::
          {:put, table(), partition :: binary(), key :: binary(), value :: binary()}
          | {:put_new, table(), partition :: binary(), key :: binary(), value :: binary()}
          | {:put_if, table(), partition :: binary(), key :: binary(), expected :: binary() | nil,
             value :: binary()}
          | {:delete, table(), partition :: binary(), key :: binary()}
          | {:delete_if, table(), partition :: binary(), key :: binary(), expected :: binary()}
          | {:drop, table(), partition :: binary()}

  @typedoc "Why a batch was not written."
  @type write_error :: :conflict | :storage_full | :overloaded | :unavailable

  @typedoc "Why a store did not start."
  @type open_error ::
          :in_use
          | :not_a_folder
          | :not_writable
          | :storage_full
          | :corrupted
          | :newer_format
          | :older_format
          | :unavailable

  @type scan_option ::
          {:from | :after | :to | :before, key :: binary()}
          | {:direction, :asc | :desc}
          | {:limit, 1..10_000}

  @max_rows 10_000
  @stats ~w(commits batches commit_time reopenings pending pending_bytes dropping cache_bytes disk_bytes)a
  # Other callers may take the ids of the limit that one has waited for.
  @id_attempts 3
  @id_timeout 1_000
  @write_timeout 15_000

  @doc false
  def child_spec(options) do
    %{
      id: {__MODULE__, options[:instance]},
      start: {__MODULE__, :start_link, [options]},
      # To write what waits, and what makes the next start quick.
      shutdown: 30_000
    }
  end

  @doc """
  Opens the data folder and starts the store; `{:error, t:open_error/0}` if it cannot.

  #{Options.docs(@schema)}
  """
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    options = Options.validate!(options, @schema)
    module = if options[:engine] == :embedded, do: Embedded, else: Memory
    clock = Keyword.get(options, :clock, fn -> System.system_time(:millisecond) end)
    Server.start_link(options ++ [module: module, clock: clock])
  end

  @doc """
  Writes a batch; when it returns `:ok`, the batch is on the disk.

  It waits for 15 seconds at most. An answer that comes later stays in the caller's mailbox.
  """
  @spec write(Instance.t(), [op()]) :: :ok | {:error, write_error()}
  def write(instance, ops) do
    # The reference is the tag as well.
    monitor = Process.monitor(Server.name(instance))

    result =
      with :ok <- write_async(instance, ops, monitor) do
        receive do
          {__MODULE__, ^monitor, result} -> result
          {:DOWN, ^monitor, :process, _store, _reason} -> {:error, :unavailable}
        after
          @write_timeout -> {:error, :unavailable}
        end
      end

    Process.demonitor(monitor, [:flush])
    result
  end

  @doc """
  Hands a batch in and returns at once.

  The caller gets one message `{Guildhall.Store, tag, :ok | {:error, reason}}`, in the order in
  which it handed batches in. A store that dies answers no more; who waits should monitor it.
  """
  @spec write_async(Instance.t(), [op()], tag :: term()) ::
          :ok | {:error, :overloaded | :unavailable}
  def write_async(instance, ops, tag) when is_list(ops) do
    with %{engine: engine, handle: handle} <- store(instance) do
      case engine.submit(handle, ops, self(), tag) do
        :ok -> :ok
        {:error, reason} -> refused(instance, reason)
      end
    end
  end

  @doc "Returns the value of one row."
  @spec get(Instance.t(), table(), binary(), binary()) ::
          {:ok, binary()} | :none | {:error, :unavailable}
  def get(instance, table, partition, key) do
    case get_many(instance, table, [{partition, key}]) do
      {:ok, [nil]} -> :none
      {:ok, [value]} -> {:ok, value}
      error -> error
    end
  end

  @doc "Returns the values of up to 10,000 rows of a table, `nil` for each that is not there."
  @spec get_many(Instance.t(), table(), [{partition :: binary(), key :: binary()}]) ::
          {:ok, [binary() | nil]} | {:error, :unavailable}
  def get_many(instance, table, rows) when is_table(table) and length(rows) <= @max_rows do
    with %{engine: engine, handle: handle, readers: readers} <- store(instance) do
      read(readers, {table, rows}, fn -> engine.get_many(handle, table, rows) end)
    end
  end

  @doc """
  Returns rows of a partition in the order of their keys.

  `:from` and `:to` are within the range, `:after` and `:before` are not; `:direction` says which
  end comes first (`:asc`), `:limit` how many rows at most (1,000). Keys and values of a result
  may share memory: `:binary.copy/1` what is kept for long.
  """
  @spec scan(Instance.t(), table(), binary(), [scan_option()]) ::
          {:ok, [{key :: binary(), value :: binary()}]} | {:error, :unavailable}
  def scan(instance, table, partition, options \\ []) when is_table(table) do
    range = Scan.range(options)

    with %{engine: engine, handle: handle, readers: readers} <- store(instance) do
      Scan.run(range, fn range ->
        request = {table, partition, range}
        read(readers, request, fn -> engine.scan(handle, table, partition, range) end)
      end)
    end
  end

  # Large requests are read here, and so are requests to a reader that crashed.
  defp read(readers, request, read_here) do
    with true <- Reader.small?(request),
         answer when answer != :gone <- Reader.read(readers, request) do
      answer
    else
      _large_or_gone -> read_here.()
    end
  end

  @doc """
  Returns an id that no call on any node returned before, above all of this node's.

  It may wait for the store, for a second or so at most.
  """
  @spec next_id(Instance.t()) :: {:ok, pos_integer()} | {:error, write_error()}
  def next_id(instance), do: next_id(instance, @id_attempts)

  defp next_id(_instance, 0), do: {:error, :unavailable}

  defp next_id(instance, left) do
    with {:error, :no_ids} <- next_id_now(instance),
         :ok <- await_ids(instance),
         do: next_id(instance, left - 1)
  end

  @doc "Returns several ids, in ascending order. It may wait as well."
  @spec next_ids(Instance.t(), count :: non_neg_integer()) ::
          {:ok, [pos_integer()]} | {:error, write_error()}
  def next_ids(_instance, 0), do: {:ok, []}

  def next_ids(instance, count) do
    with {:ok, id} <- next_id(instance),
         {:ok, ids} <- next_ids(instance, count - 1),
         do: {:ok, [id | ids]}
  end

  @doc """
  Like `next_id/1`, for a process that must not wait.

  `:no_ids` means that there is none before the store has written something; see `await_ids/1`.
  """
  @spec next_id_now(Instance.t()) :: {:ok, pos_integer()} | {:error, :no_ids | :unavailable}
  def next_id_now(instance) do
    with %Ids{} = ids <- Instance.get(instance, :ids, {:error, :unavailable}), do: Ids.next(ids)
  end

  @doc "Waits until there are ids again, for at most a second."
  @spec await_ids(Instance.t()) :: :ok | {:error, write_error()}
  def await_ids(instance) do
    GenServer.call(Server.name(instance), :raise_limit, @id_timeout)
  catch
    :exit, _gone_or_stuck -> {:error, :unavailable}
  end

  @doc """
  Takes the lease `name`, from whoever has it, and returns its epoch.

  The epoch grows by one with every taking. The owner of the folder is alone on it, so an earlier
  holder is one that stopped.
  """
  @spec acquire(Instance.t(), name :: binary()) :: {:ok, pos_integer()} | {:error, write_error()}
  def acquire(instance, name) do
    with {:ok, row} <- lease(instance, name),
         next = Lease.take(row, Atom.to_string(instance)),
         :ok <- write(instance, [{:put_if, :leases, name, "lease", row, next}]) do
      {:ok, Lease.epoch(next)}
    else
      # Another process took it in between.
      {:error, :conflict} -> acquire(instance, name)
      {:error, reason} -> {:error, reason}
    end
  end

  @doc "Gives the lease back; `{:error, :conflict}` if another has taken it since."
  @spec release(Instance.t(), name :: binary(), epoch :: pos_integer()) ::
          :ok | {:error, write_error()}
  def release(instance, name, epoch) do
    with {:ok, row} <- lease(instance, name) do
      if row && Lease.epoch(row) == epoch,
        do: write(instance, [{:put_if, :leases, name, "lease", row, Lease.free(row)}]),
        else: {:error, :conflict}
    end
  end

  @doc """
  Returns the 32 secret bytes of that name, made at first use.

  They are in the data folder, in the file `name.key`, which its owner alone may read.
  """
  @spec secret(Instance.t(), name :: String.t()) :: binary()
  def secret(instance, name), do: Secret.fetch!(Instance.fetch!(instance, :store_path), name)

  @doc """
  Says what the store is doing.

  `commits`, `batches`, `commit_time` (nanoseconds) and `reopenings` count from the start;
  `pending` batches of `pending_bytes` have no answer yet; `dropping` partitions are being emptied;
  `cache_bytes` of memory and `disk_bytes` of the disk are taken. All are 0 while the store is restarted.
  """
  @spec stats(Instance.t()) :: %{atom() => non_neg_integer()}
  def stats(instance) do
    %{engine: engine, handle: handle} = Instance.fetch!(instance, :store)
    engine.stats(handle)
  rescue
    ArgumentError -> Map.new(@stats, &{&1, 0})
  catch
    :exit, _gone -> Map.new(@stats, &{&1, 0})
  end

  defp store(instance), do: Instance.get(instance, :store, {:error, :unavailable})

  defp refused(instance, reason) when reason in [:overloaded, :unavailable] do
    Telemetry.emit([:store, :refusal], %{count: 1}, %{instance: instance, reason: reason})
    {:error, reason}
  end

  defp refused(_instance, too_large), do: raise(ArgumentError, Limits.message(too_large))

  defp lease(instance, name) do
    case get(instance, :leases, name, "lease") do
      :none -> {:ok, nil}
      found_or_error -> found_or_error
    end
  end
end
