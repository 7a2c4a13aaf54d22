defmodule Guildhall.Http.Listener do
  @moduledoc false

  # Knows the server: its port, how many connections it has, and how it ends.
  #
  #   owns      nothing; watches the listening socket, which belongs to the supervisor
  #   started   by `Guildhall.Http.Supervisor`, after the connections and before the acceptors, so that
  #             at a stop it drains when nothing is accepted any more
  #   a crash   loses nothing
  #   mailbox   calls of `Http.port/1` and `Http.stats/1`

  use GenServer

  alias Guildhall.Http
  alias Guildhall.Http.Settings

  @enforce_keys [:name, :socket, :port]
  defstruct @enforce_keys

  @spec start_link({atom(), port()}) :: GenServer.on_start()
  def start_link({name, socket}) do
    GenServer.start_link(__MODULE__, {name, socket}, name: Settings.child(name, Listener))
  end

  @spec port(atom()) :: :inet.port_number()
  def port(name), do: GenServer.call(Settings.child(name, Listener), :port)

  @impl GenServer
  def init({name, socket}) do
    Process.flag(:trap_exit, true)
    Port.monitor(socket)

    case :inet.port(socket) do
      {:ok, port} -> {:ok, %__MODULE__{name: name, socket: socket, port: port}}
      {:error, _reason} -> {:stop, :socket_closed}
    end
  end

  @impl GenServer
  def handle_call(:port, _from, listener), do: {:reply, listener.port, listener}

  @impl GenServer
  def handle_info({:DOWN, _monitor, :port, _socket, _reason}, listener) do
    {:stop, :socket_closed, listener}
  end

  @impl GenServer
  def terminate(reason, listener)
      when reason in [:normal, :shutdown] or elem(reason, 0) == :shutdown do
    :gen_tcp.close(listener.socket)
    drain(listener, Settings.fetch!(listener.name).drain_timeout)
  end

  def terminate(_reason, _listener), do: :ok

  defp drain(listener, timeout) do
    monitors =
      for pool <- pools(listener),
          {_id, pid, _type, _modules} when is_pid(pid) <- DynamicSupervisor.which_children(pool),
          into: MapSet.new() do
        monitor = Process.monitor(pid)
        send(pid, {Http, :drain})
        monitor
      end

    Process.send_after(self(), :drained, timeout)
    await(monitors)
  end

  defp await(monitors) do
    unless MapSet.size(monitors) == 0 do
      receive do
        {:DOWN, monitor, :process, _pid, _reason} -> await(MapSet.delete(monitors, monitor))
        :drained -> :ok
      end
    end
  end

  defp pools(listener) do
    for {_id, pid, _type, _modules} when is_pid(pid) <-
          PartitionSupervisor.which_children(Settings.child(listener.name, Connections)),
        do: pid
  end
end
