defmodule Guildhall.Http.Acceptor do
  @moduledoc false

  # Accepts, and starts a connection's process for each socket.
  #
  #   owns      a socket, from the kernel's queue until the connection's process has it
  #   started   by `Guildhall.Http.Supervisor`, `:acceptors` of them, restart: :permanent
  #   a crash   loses the client it was at
  #   mailbox   of the driver's answers alone

  alias Guildhall.Http.{Connection, Reply, Settings, Socket}
  alias Guildhall.Telemetry

  # How long to leave the queue alone when there is no room, or no file descriptor.
  @pause 50

  @spec child_spec({atom(), port(), pos_integer()}) :: Supervisor.child_spec()
  def child_spec({name, listener, number}) do
    %{id: {__MODULE__, number}, start: {__MODULE__, :start_link, [name, listener, number]}}
  end

  @spec start_link(atom(), port(), pos_integer()) :: {:ok, pid()}
  def start_link(name, listener, number) do
    {:ok, :proc_lib.spawn_link(__MODULE__, :init, [name, listener, number])}
  end

  @doc false
  def init(name, listener, number) do
    settings = Settings.fetch!(name)
    pool = Settings.child(name, Connections)
    accept(%{settings: settings, listener: listener, pool: pool, partition: number})
  end

  defp accept(acceptor) do
    case :gen_tcp.accept(acceptor.listener) do
      {:ok, socket} -> acceptor |> place(socket) |> accept()
      {:error, :closed} -> exit(:shutdown)
      {:error, reason} -> failed(acceptor, reason)
    end
  end

  # Out of descriptors or ports (:emfile, :system_limit), or a client that left already.
  defp failed(acceptor, :econnaborted), do: accept(acceptor)

  defp failed(acceptor, reason) do
    refused(acceptor.settings, reason)
    pause()
    accept(acceptor)
  end

  defp place(acceptor, socket) do
    partitions = PartitionSupervisor.partitions(acceptor.pool)

    case start(acceptor, socket, acceptor.partition, partitions) do
      {:ok, pid, partition} ->
        Settings.count(acceptor.settings, :accepted, 1)
        Socket.give(socket, pid)
        Connection.begin(pid)
        %{acceptor | partition: partition + 1}

      :full ->
        full(acceptor, socket)
    end
  end

  # Round robin; where one partition is full, another may not be.
  defp start(_acceptor, _socket, _partition, 0), do: :full

  defp start(acceptor, socket, partition, tries) do
    pool = {:via, PartitionSupervisor, {acceptor.pool, partition}}

    case DynamicSupervisor.start_child(pool, {Connection, {acceptor.settings.name, socket}}) do
      {:ok, pid} -> {:ok, pid, partition}
      {:error, :max_children} -> start(acceptor, socket, partition + 1, tries - 1)
    end
  end

  defp full(%{settings: %{overload: :wait}} = acceptor, socket) do
    pause()
    place(acceptor, socket)
  end

  # A word of why, as far as it goes without waiting for the client.
  defp full(%{settings: settings} = acceptor, socket) do
    refused(settings, :max_connections)

    if settings.tls == nil do
      date = Guildhall.Http.Date.now(settings.dates)
      :gen_tcp.recv(socket, 0, 0)
      # Nothing has been sent yet, so there is room for it.
      :gen_tcp.send(socket, Reply.encode(Reply.plain(503), "GET", "close", date))
    end

    Socket.abort(socket)
    acceptor
  end

  defp refused(settings, reason) do
    Settings.count(settings, :refused, 1)
    Telemetry.emit([:http, :refusal], %{count: 1}, %{instance: settings.instance, reason: reason})
  end

  defp pause do
    receive do
    after
      @pause -> :ok
    end
  end
end
