defmodule Guildhall.Guild.Rooms do
  @moduledoc false

  # Finding the process of a room, starting it if there is none, and handing it what it is to do.
  #
  # A room that is about to stop has closed its gate: its successor is started, and nothing is lost.

  alias Guildhall.Guild.{Command, Facts, Gate, Request, Restarts, Server}
  alias Guildhall.{Instance, PartitionedRegistry, Partitions, Store, Telemetry}

  # How often a command may come back for rows that it lacks, or meet a room that is stopping.
  @attempts 6
  @timeout 15_000

  @type room_id :: pos_integer()

  @spec run(Instance.t(), room_id(), Guildhall.Guild.actor(), Guildhall.Guild.command()) ::
          :ok | {:ok, term()} | {:error, term()}
  def run(instance, room_id, actor, command) do
    keys = Command.facts(room_id, actor, command)
    attempt(instance, room_id, %Request{actor: actor, command: command}, keys, @attempts)
  end

  defp attempt(_instance, _room_id, _request, _keys, 0), do: {:error, :unavailable}

  defp attempt(instance, room_id, request, keys, left) do
    equip = &equip(instance, room_id, request, &1, keys)

    with {:ok, pid, request} <- enter(instance, room_id, :command, equip) do
      case call(pid, {:run, request}) do
        :gone -> attempt(instance, room_id, request, keys, left - 1)
        {:raise, exception, stacktrace} -> reraise(exception, stacktrace)
        {:need, more} -> attempt(instance, room_id, request, Enum.uniq(keys ++ more), left - 1)
        {:error, :no_ids} -> await_ids(instance, room_id, request, keys, left)
        answer -> answer
      end
    else
      {:error, :closed} -> attempt(instance, room_id, request, keys, left - 1)
      {:error, :overloaded} -> refuse(instance, room_id, :mailbox)
      {:error, reason} -> {:error, reason}
    end
  end

  # The room does not wait for the store, but its caller may.
  defp await_ids(instance, room_id, request, keys, left) do
    with :ok <- Store.await_ids(instance),
         do: attempt(instance, room_id, request, keys, left - 1)
  end

  defp refuse(instance, room_id, reason) do
    metadata = %{instance: instance, room_id: room_id, reason: reason}
    Telemetry.emit([:guild, :refusal], %{count: 1}, metadata)
    {:error, :overloaded}
  end

  # The stamp is read before the rows.
  defp equip(instance, room_id, request, gate, keys) do
    stamp = Gate.released(gate)

    with {:ok, facts} <- Facts.read(instance, room_id, keys) do
      {:ok, %{request | stamp: stamp, facts: facts}}
    end
  end

  defp call(pid, message) do
    GenServer.call(pid, message, @timeout)
  catch
    # It died before it could get the command; if it dies later, it is open what was done.
    :exit, {:noproc, _call} -> :gone
    # It had written the caller off, closed its gate and ended with all else answered.
    :exit, {:normal, _call} -> :gone
    :exit, _reason -> {:error, :unavailable}
  end

  @doc "Hands the room a session that attaches; starts the room for it. Nobody waits for an answer."
  @spec attach(Instance.t(), room_id(), (Gate.t() -> {:ok, term()} | {:error, term()})) ::
          :ok | {:error, term()}
  def attach(instance, room_id, message), do: attach(instance, room_id, message, @attempts)

  defp attach(_instance, _room_id, _message, 0), do: {:error, :unavailable}

  defp attach(instance, room_id, message, left) do
    with {:ok, pid, ready} <- enter(instance, room_id, :attach, message) do
      GenServer.cast(pid, ready)
    else
      {:error, :closed} -> attach(instance, room_id, message, left - 1)
      {:error, :overloaded} -> refuse(instance, room_id, :attach)
      {:error, reason} -> {:error, reason}
    end
  end

  @doc """
  Hands a running room something that a session wants; without one it is nobody's concern.

  A session that is told `:overloaded` asks again later.
  """
  @spec signal(Instance.t(), room_id(), term()) :: :ok | {:error, :overloaded}
  def signal(instance, room_id, message) do
    with {pid, gate} <- lookup(instance, room_id),
         :ok <- Gate.enter(gate, :signal, limit(instance, :signal)) do
      GenServer.cast(pid, message)
    else
      {:error, :overloaded} -> refuse(instance, room_id, :signal)
      _none_or_closed -> :ok
    end
  end

  @doc """
  Takes the name of a room that does not run, until the calling process ends: no room can start beside it.

  Behind a closed gate everybody waits for the room that comes next.
  """
  @spec occupy(Instance.t(), room_id()) :: :ok | {:error, :running | :unavailable}
  def occupy(instance, room_id) do
    gate = Gate.new()
    :ok = Gate.close(gate)

    case PartitionedRegistry.register(registry(instance), room_id, gate) do
      :ok -> Restarts.claim(instance, room_id)
      {:error, {:already_registered, _pid}} -> {:error, :running}
      {:error, :unavailable} -> {:error, :unavailable}
    end
  end

  @spec running?(Instance.t(), room_id()) :: boolean()
  def running?(instance, room_id), do: lookup(instance, room_id) != nil

  @spec count(Instance.t()) :: non_neg_integer()
  def count(instance), do: PartitionedRegistry.count(registry(instance))

  @doc "Gives up the caller's name: from now on a successor may be started."
  @spec unregister(Instance.t(), room_id()) :: :ok
  def unregister(instance, room_id) do
    PartitionedRegistry.unregister(registry(instance), room_id)
  end

  @spec registry(Instance.t()) :: atom()
  def registry(instance), do: Instance.child(instance, :guild_registry)

  @spec supervisors(Instance.t()) :: atom()
  def supervisors(instance), do: Instance.child(instance, :guild_rooms)

  @doc "The process of a room and its gate, if it runs."
  @spec lookup(Instance.t(), room_id()) :: {pid(), Gate.t()} | nil
  def lookup(instance, room_id) do
    # A room that died is in the registry for a moment.
    case PartitionedRegistry.lookup(registry(instance), room_id) do
      [{pid, gate}] -> if Process.alive?(pid), do: {pid, gate}
      [] -> nil
    end
  end

  # Whoever starts a room is inside its gate from the beginning: even one that finds nothing to load
  # has to answer him.
  defp start(instance, room_id, lane) do
    if Restarts.allowed?(instance, room_id),
      do: start_now(instance, room_id, lane),
      else: {:error, :unavailable}
  end

  defp start_now(instance, room_id, lane) do
    gate = Gate.new()
    :ok = Gate.enter(gate, lane, :infinity)
    name = PartitionedRegistry.via(registry(instance), room_id, gate)
    child = {Server, [name: name, room_id: room_id, gate: gate] ++ options(instance)}

    case start_child(instance, room_id, child) do
      {:ok, pid} -> {:ok, pid, gate}
      # Somebody else was first; it may have stopped again already.
      {:error, {:already_started, _pid}} -> {:error, :closed}
      {:error, _reason} -> {:error, :unavailable}
    end
  end

  @doc "Starts a process beside a room's."
  @spec start_child(Instance.t(), room_id(), Supervisor.child_spec() | {module(), term()}) ::
          DynamicSupervisor.on_start_child()
  def start_child(instance, room_id, child) do
    Partitions.start_child(supervisors(instance), room_id, child)
  end

  # What is to be sent is made inside the gate, so that the room is there for it.
  defp enter(instance, room_id, lane, make) do
    with {:ok, pid, gate} <- inside(instance, room_id, lane) do
      case make(gate, lane, make) do
        {:ok, made} ->
          {:ok, pid, made}

        {:error, reason} ->
          Gate.leave(gate, lane)
          {:error, reason}
      end
    end
  end

  defp make(gate, lane, make) do
    make.(gate)
  catch
    kind, reason ->
      Gate.leave(gate, lane)
      :erlang.raise(kind, reason, __STACKTRACE__)
  end

  defp inside(instance, room_id, lane) do
    case lookup(instance, room_id) do
      {pid, gate} -> pass(pid, gate, lane, limit(instance, lane))
      nil -> start(instance, room_id, lane)
    end
  end

  # A closed gate is still in the registry for the moment until its room has left it.
  defp pass(pid, gate, lane, limit) do
    case Gate.enter(gate, lane, limit) do
      :ok -> {:ok, pid, gate}
      {:error, :overloaded} -> {:error, :overloaded}
      {:error, :closed} -> await_end(pid)
    end
  end

  defp await_end(pid) do
    monitor = Process.monitor(pid)

    receive do
      {:DOWN, ^monitor, :process, ^pid, _reason} -> {:error, :closed}
    after
      @timeout ->
        Process.demonitor(monitor, [:flush])
        {:error, :unavailable}
    end
  end

  defp limit(instance, :command), do: Keyword.fetch!(options(instance), :mailbox_limit)
  defp limit(instance, :attach), do: Keyword.fetch!(options(instance), :attach_limit)
  defp limit(instance, :signal), do: Keyword.fetch!(options(instance), :signal_limit)
  defp options(instance), do: Instance.fetch!(instance, :guild)
end
