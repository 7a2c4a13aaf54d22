defmodule Guildhall.Store.Server do
  @moduledoc false

  # The process that owns the engine: it passes results on, and raises the limit of ids.
  #
  #   owns      the engine, the lease on the worker bits of ids
  #   started   by the node's supervisor, before everything that writes
  #   a crash   loses the answers of batches under way: callers of `write/2` get
  #             `{:error, :unavailable}`, and rooms start again. It is restarted alone
  #   mailbox   off heap: a message for each commit, bounded by the engine's pending bytes

  use GenServer

  alias Guildhall.{Instance, Telemetry}
  alias Guildhall.Store.{Ids, Reader}

  # After a limit could not be raised.
  @retry 250
  # How often the limit is raised while ids are in use, and for how many times after the last one.
  @raise_every 1_000
  @raise_unused 60

  @enforce_keys [:instance, :engine, :handle, :ids, :worker, :row]
  defstruct @enforce_keys ++
              [raising: nil, waiting: [], retry: nil, timer?: false, last: nil, unused: 0]

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    GenServer.start_link(__MODULE__, options, name: name(options[:instance]))
  end

  @spec name(Instance.t()) :: atom()
  def name(instance), do: Instance.child(instance, :store)

  @impl GenServer
  def init(options) do
    Process.flag(:trap_exit, true)
    Process.flag(:message_queue_data, :off_heap)
    {instance, engine} = {options[:instance], options[:module]}
    previous = close_leftover(instance, options[:path])
    start = System.monotonic_time()

    case engine.open(options) do
      {:ok, handle} ->
        server = start(handle, options, previous)
        duration = System.monotonic_time() - start
        Telemetry.emit([:store, :open], %{duration: duration}, %{instance: instance})
        {:ok, server}

      {:error, reason} ->
        {:stop, reason}
    end
  end

  @impl GenServer
  def handle_call(:raise_limit, from, server) do
    if server.retry,
      do: {:reply, {:error, server.retry}, server},
      else: {:noreply, raise_limit(%{server | waiting: [from | server.waiting]})}
  end

  @impl GenServer
  def handle_cast(:raise_limit, server), do: {:noreply, raise_limit(server)}

  @impl GenServer
  def handle_info({:store_report, results, commit, reopened}, server) do
    Enum.each(results, fn {pid, tag, result} -> send(pid, {Guildhall.Store, tag, result}) end)
    refused = for {_pid, _tag, {:error, reason}} <- results, do: reason
    tell(server.instance, commit, reopened, length(results), refused)
    {:noreply, server}
  end

  def handle_info({Guildhall.Store, :limit, result}, server), do: limit_raised(server, result)
  def handle_info(:retry, server), do: {:noreply, raise_limit(%{server | retry: nil})}
  def handle_info(:raise, server), do: {:noreply, raise_again(server, Ids.last(server.ids))}

  def handle_info({:EXIT, pid, reason}, %{instance: instance} = server) do
    %{readers: readers} = store = Instance.fetch!(instance, :store)

    case Reader.replace(readers, pid, server.engine, server.handle) do
      {:ok, readers} ->
        Instance.put(instance, :store, %{store | readers: readers})
        metadata = %{instance: instance, part: Reader, reason: reason}
        Telemetry.emit([:supervisor, :restart], %{delay: 0}, metadata)
        {:noreply, server}

      # A process of the engine.
      :error ->
        {:stop, reason, server}
    end
  end

  @impl GenServer
  def terminate(_reason, server) do
    row = server.raising || server.row
    submit_row(server, row, Ids.seal(server.ids, row))
    Reader.stop_all(Instance.fetch!(server.instance, :store).readers)
    server.engine.close(server.handle)
    Instance.erase(server.instance, :store)
    Instance.erase(server.instance, :ids)
  end

  # An owner that was killed left its engine open, and the folder locked. Returns its ids.
  defp close_leftover(instance, path) do
    with %{engine: engine, handle: handle, path: used} <- Instance.get(instance, :store) do
      try do
        engine.close(handle)
      catch
        :exit, _gone -> :ok
      end

      if used == path, do: Instance.get(instance, :ids)
    end
  end

  defp start(handle, options, previous) do
    {instance, engine} = {options[:instance], options[:module]}
    worker = "worker/#{options[:worker]}"
    {:ok, [row]} = engine.get_many(handle, :leases, [{worker, "lease"}])
    ids = [worker: options[:worker], clock: options[:clock], server: name(instance)]
    ids = Ids.new(row, ids, previous)
    readers = Reader.start_all(engine, handle)
    store = %{engine: engine, handle: handle, path: options[:path], instance: instance}
    store = Map.put(store, :readers, readers)
    Instance.put(instance, :store, store)
    Instance.put(instance, :store_path, options[:path])
    Instance.put(instance, :ids, ids)

    struct!(__MODULE__,
      instance: instance,
      engine: engine,
      handle: handle,
      ids: ids,
      worker: worker,
      row: row
    )
  end

  defp raise_limit(%{raising: nil, retry: nil} = server) do
    row = Ids.raised(server.ids, server.row)

    case submit_row(server, server.row, row) do
      :ok -> %{server | raising: row}
      {:error, reason} -> not_raised(server, reason)
    end
  end

  # Under way, or tried a moment ago.
  defp raise_limit(server), do: server

  defp submit_row(server, row, next) do
    op = {:put_if, :leases, server.worker, "lease", row, next}
    server.engine.submit(server.handle, [op], self(), :limit)
  end

  defp limit_raised(server, :ok) do
    Ids.allow(server.ids, server.raising)
    server = answer(%{server | row: server.raising, raising: nil}, :ok)
    {:noreply, raise_later(server)}
  end

  # Another node has these worker bits: not one more id from here.
  defp limit_raised(server, {:error, :conflict}), do: {:stop, :worker_taken, server}

  defp limit_raised(server, {:error, reason}) do
    {:noreply, not_raised(%{server | raising: nil}, reason)}
  end

  defp not_raised(server, reason) do
    Process.send_after(self(), :retry, @retry)
    answer(%{server | retry: reason}, {:error, reason})
  end

  # The limit is raised in advance while ids are in use; a node that is idle writes nothing.
  defp raise_later(%{timer?: true} = server), do: server

  defp raise_later(server) do
    Process.send_after(self(), :raise, @raise_every)
    %{server | timer?: true}
  end

  defp raise_again(server, last) do
    unused = if last == server.last, do: server.unused + 1, else: 0
    server = %{server | timer?: false, last: last, unused: unused}
    if unused < @raise_unused, do: raise_limit(server), else: server
  end

  defp answer(server, answer) do
    Enum.each(server.waiting, &GenServer.reply(&1, answer))
    %{server | waiting: []}
  end

  defp tell(instance, commit, reopened, batches, refused) do
    metadata = %{instance: instance}

    with {nanoseconds, ops, bytes} <- commit do
      measurements = %{duration: native(nanoseconds), batches: batches, ops: ops, bytes: bytes}
      Telemetry.emit([:store, :commit], measurements, metadata)
    end

    if reopened, do: Telemetry.emit([:store, :reopen], %{duration: native(reopened)}, metadata)

    for {reason, count} <- Enum.frequencies(refused) do
      Telemetry.emit([:store, :refusal], %{count: count}, Map.put(metadata, :reason, reason))
    end
  end

  defp native(nanoseconds), do: System.convert_time_unit(nanoseconds, :nanosecond, :native)
end
