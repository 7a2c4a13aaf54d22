defmodule Guildhall.Store.Memory do
  @moduledoc false

  # The engine that forgets: a process around `Guildhall.Store.Reference`.
  #
  #   owns      the rows
  #   started   by the process that opens it, linked to it
  #   a crash   loses every row
  #   mailbox   one message for each batch and each read; for tests and trials, so without a bound

  @behaviour Guildhall.Store.Engine

  use GenServer

  alias Guildhall.Store.{Engine, Limits, Reference}

  @enforce_keys [:owner, :rows]
  defstruct [:owner, :rows, commits: 0]

  @impl Engine
  def open(_options), do: GenServer.start_link(__MODULE__, self())

  @impl Engine
  def submit(engine, ops, pid, tag) do
    with :ok <- Limits.check(ops), do: GenServer.cast(engine, {:submit, ops, pid, tag})
  end

  @impl Engine
  def get_many(engine, table, rows), do: GenServer.call(engine, {:get_many, table, rows})

  @impl Engine
  def scan(engine, table, partition, range),
    do: GenServer.call(engine, {:scan, table, partition, range})

  @impl Engine
  def read_all(engine, requests), do: GenServer.call(engine, {:read_all, requests})

  @impl Engine
  def stats(engine), do: GenServer.call(engine, :stats)

  @impl Engine
  def close(engine), do: GenServer.stop(engine)

  @impl GenServer
  def init(owner), do: {:ok, %__MODULE__{owner: owner, rows: Reference.new()}}

  @impl GenServer
  def handle_call({:get_many, table, rows}, _from, engine) do
    {:reply, {:ok, answer({table, rows}, engine)}, engine}
  end

  def handle_call({:scan, table, partition, range}, _from, engine) do
    {:reply, {:ok, answer({table, partition, range}, engine)}, engine}
  end

  def handle_call({:read_all, requests}, _from, engine) do
    {:reply, {:ok, Enum.map(requests, &answer(&1, engine))}, engine}
  end

  def handle_call(:stats, _from, engine) do
    counters = Map.new(~w(commit_time reopenings dropping pending pending_bytes)a, &{&1, 0})
    bytes = :erlang.external_size(engine.rows)

    stats = %{
      commits: engine.commits,
      batches: engine.commits,
      cache_bytes: bytes,
      disk_bytes: 0
    }

    {:reply, Map.merge(counters, stats), engine}
  end

  @impl GenServer
  def handle_cast({:submit, ops, pid, tag}, engine) do
    {result, rows} = Reference.write(engine.rows, ops)
    commit = {0, length(ops), :erlang.external_size(ops)}
    send(engine.owner, {:store_report, [{pid, tag, result}], commit, nil})
    {:noreply, %{engine | rows: rows, commits: engine.commits + 1}}
  end

  defp answer({table, rows}, engine) do
    for {partition, key} <- rows, do: Reference.get(engine.rows, table, partition, key)
  end

  defp answer({table, partition, range}, engine) do
    {Reference.scan(engine.rows, table, partition, range), false}
  end
end
