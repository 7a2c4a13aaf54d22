defmodule Guildhall.Http.Supervisor do
  @moduledoc false

  # A server: connections, listener, acceptors, in the order in which they need each other. Each is
  # restarted alone: connections stay when the listener or an acceptor crashes. A listener that finds
  # the socket closed ends the server, which its own supervisor starts again with another socket.

  use Supervisor

  # Beyond so many restarts in 5 s the server is started again as a whole.
  @restarts 100

  alias Guildhall.Http.{Acceptor, Date, Listener, Settings, Slots, SlotSweeper, Socket}

  # The socket is opened before any process of the server, so that a port in use is a plain error of
  # `start_link/1`. The supervisor becomes its owner: it closes with it, and no sooner.
  @spec start_link(Settings.t()) :: {:ok, pid()} | {:error, term()}
  def start_link(settings) do
    with {:ok, socket} <- Socket.listen(settings) do
      case Supervisor.start_link(__MODULE__, {settings, socket}, name: settings.name) do
        {:ok, pid} ->
          :ok = :gen_tcp.controlling_process(socket, pid)
          {:ok, pid}

        {:error, reason} ->
          :gen_tcp.close(socket)
          {:error, reason}
      end
    end
  end

  @impl Supervisor
  def init({settings, socket}) do
    name = settings.name
    Settings.put(%{settings | dates: Date.table(), slots: Slots.new()})

    Supervisor.init(
      [
        {SlotSweeper, name},
        {PartitionSupervisor,
         name: Settings.child(name, Connections),
         max_restarts: @restarts,
         child_spec: {DynamicSupervisor, strategy: :one_for_one}},
        Supervisor.child_spec({Listener, {name, socket}}, shutdown: settings.drain_timeout + 1_000),
        %{
          id: Acceptors,
          type: :supervisor,
          start:
            {Supervisor, :start_link,
             [
               for(number <- 1..settings.acceptors, do: {Acceptor, {name, socket, number}}),
               [strategy: :one_for_one, max_restarts: @restarts]
             ]}
        }
      ],
      strategy: :one_for_one,
      max_restarts: @restarts
    )
  end
end
