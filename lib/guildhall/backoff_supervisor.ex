defmodule Guildhall.BackoffSupervisor do
  @moduledoc """
  A supervisor that never gives up: it restarts each child alone, and later each time.

  OTP's supervisors end after a few restarts, and everything that they supervise ends with them. Here
  a child that crashes once is restarted at once. If it crashes again within 10 s of its start, or
  cannot start, the restart waits: 50 ms, then twice as long each time, 5 s at most. The other children
  run on meanwhile.

      children = [MyApp.Cache, {MyApp.Limiter, limit: 5}]
      {:ok, pid} = Guildhall.BackoffSupervisor.start_link(children, name: MyApp.Parts, instance: MyApp)

  If a child cannot start while the supervisor itself starts, `start_link/2` answers the error, in the
  shape of `Supervisor.start_link/2`. Children are started in order and stopped in reverse order, and
  `Supervisor.which_children/1` and `Supervisor.count_children/1` work. All children are `:permanent`.

  Each restart is a `[:guildhall, :supervisor, :restart]` event.
  """

  use GenServer, type: :supervisor, shutdown: :infinity

  alias Guildhall.{Instance, Telemetry}

  # A child that has lived this long begins with a restart at once again.
  @healthy 10_000
  @shortest 50
  @longest 5_000
  # For a process of the same name that still ends: it belonged to a supervisor that was killed.
  @predecessor 5_000

  @enforce_keys [:instance]
  defstruct [:instance, children: []]

  @typep child :: %{
           spec: Supervisor.child_spec(),
           pid: pid() | nil,
           # Failures in a row.
           failures: non_neg_integer(),
           started_at: integer()
         }

  @doc "Starts the supervisor and its children. The options are `:instance` (required) and `:name`."
  @spec start_link([Supervisor.child_spec() | {module(), term()} | module()],
          name: atom(),
          instance: Instance.t()
        ) :: GenServer.on_start()
  def start_link(children, options) do
    specs = Enum.map(children, &Supervisor.child_spec(&1, []))
    {instance, options} = Keyword.pop!(options, :instance)
    GenServer.start_link(__MODULE__, {specs, instance}, options)
  end

  @impl GenServer
  def init({specs, instance}) do
    Process.flag(:trap_exit, true)

    case start_all(specs, []) do
      {:ok, children} ->
        {:ok, %__MODULE__{instance: instance, children: children}}

      {:error, id, reason, started} ->
        stop_all(started)
        {:stop, {:shutdown, {:failed_to_start_child, id, reason}}}
    end
  end

  defp start_all([], started), do: {:ok, Enum.reverse(started)}

  defp start_all([spec | specs], started) do
    case start(spec) do
      {:ok, pid} -> start_all(specs, [child(spec, pid, 0) | started])
      {:error, reason} -> {:error, spec.id, reason, Enum.reverse(started)}
    end
  end

  @spec child(Supervisor.child_spec(), pid() | nil, non_neg_integer()) :: child()
  defp child(spec, pid, failures) do
    %{spec: spec, pid: pid, failures: failures, started_at: now()}
  end

  defp start(%{start: {module, function, arguments}} = spec) do
    case apply(module, function, arguments) do
      {:ok, pid} -> {:ok, pid}
      {:error, reason} -> if await(predecessor(reason)), do: start(spec), else: {:error, reason}
    end
  catch
    kind, reason -> {:error, {kind, reason}}
  end

  # A child may be a supervisor, whose own child found the name in use.
  defp predecessor({:already_started, pid}) when is_pid(pid), do: pid
  defp predecessor({:shutdown, {:failed_to_start_child, _id, reason}}), do: predecessor(reason)
  defp predecessor({:failed_to_start_child, _id, reason}), do: predecessor(reason)
  defp predecessor(_reason), do: nil

  defp await(nil), do: false

  defp await(pid) do
    monitor = Process.monitor(pid)

    receive do
      {:DOWN, ^monitor, :process, ^pid, _reason} -> true
    after
      @predecessor ->
        Process.demonitor(monitor, [:flush])
        false
    end
  end

  @impl GenServer
  def handle_call(:which_children, _from, server) do
    children =
      for %{spec: spec, pid: pid} <- Enum.reverse(server.children) do
        {spec.id, pid || :restarting, type(spec), Map.get(spec, :modules, [elem(spec.start, 0)])}
      end

    {:reply, children, server}
  end

  def handle_call(:count_children, _from, server) do
    supervisors = Enum.count(server.children, &(type(&1.spec) == :supervisor))
    count = length(server.children)

    counts = [
      specs: count,
      active: Enum.count(server.children, & &1.pid),
      supervisors: supervisors,
      workers: count - supervisors
    ]

    {:reply, counts, server}
  end

  @impl GenServer
  def handle_info({:EXIT, pid, reason}, server) do
    case Enum.find_index(server.children, &(&1.pid == pid)) do
      nil -> {:noreply, server}
      index -> {:noreply, update(server, index, &failed(&1, index, reason, server.instance))}
    end
  end

  def handle_info({:restart, index}, server) do
    {:noreply, update(server, index, &restart(&1, index, server.instance))}
  end

  @impl GenServer
  def terminate(_reason, server), do: stop_all(server.children)

  defp update(server, index, change) do
    %{server | children: List.update_at(server.children, index, change)}
  end

  defp failed(child, index, reason, instance) do
    lived = now() - child.started_at
    failures = if child.pid && lived >= @healthy, do: 1, else: child.failures + 1
    delay = delay(failures)
    metadata = %{instance: instance, part: child.spec.id, reason: reason}
    Telemetry.emit([:supervisor, :restart], %{delay: delay}, metadata)
    child = %{child | pid: nil, failures: failures}

    if delay == 0 do
      restart(child, index, instance)
    else
      _timer = Process.send_after(self(), {:restart, index}, delay)
      child
    end
  end

  defp restart(child, index, instance) do
    case start(child.spec) do
      {:ok, pid} -> child(child.spec, pid, child.failures)
      {:error, reason} -> failed(child, index, reason, instance)
    end
  end

  defp delay(1), do: 0
  defp delay(failures), do: min(@shortest * Integer.pow(2, min(failures - 2, 10)), @longest)

  defp stop_all(children), do: children |> Enum.reverse() |> Enum.each(&stop/1)

  defp stop(%{pid: nil}), do: :ok

  defp stop(%{pid: pid, spec: spec}) do
    monitor = Process.monitor(pid)
    timeout = shutdown(spec)
    Process.exit(pid, if(timeout == :brutal_kill, do: :kill, else: :shutdown))
    timeout = if timeout == :brutal_kill, do: :infinity, else: timeout

    receive do
      {:DOWN, ^monitor, :process, ^pid, _reason} -> :ok
    after
      timeout ->
        Process.exit(pid, :kill)
        receive(do: ({:DOWN, ^monitor, :process, ^pid, _reason} -> :ok))
    end
  end

  defp shutdown(%{shutdown: shutdown}), do: shutdown
  defp shutdown(spec), do: if(type(spec) == :supervisor, do: :infinity, else: 5_000)

  defp type(spec), do: Map.get(spec, :type, :worker)

  defp now, do: System.monotonic_time(:millisecond)
end
