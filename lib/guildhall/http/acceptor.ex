defmodule Guildhall.Http.Acceptor do
  @moduledoc false

  # Accepts, and starts a connection's process for each socket.
  #
  #   owns      a socket, from the kernel's queue until the connection's process has it
  #   started   by `Guildhall.Http.Supervisor`, `:acceptors` of them, restart: :permanent
  #   a crash   loses the client it was at
  #   mailbox   of the driver's answers alone

  alias Guildhall.Http.{Connection, Reply, Settings, Slots, Socket}

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
    Settings.refused(acceptor.settings, reason)
    pause()
    accept(acceptor)
  end

  defp place(acceptor, socket) do
    case Socket.peer(socket) do
      {:ok, {address, _port} = peer} ->
        place(acceptor, socket, peer, Slots.claim(acceptor.settings, address))

      # The client has left already.
      {:error, _reason} ->
        Socket.abort(socket)
        acceptor
    end
  end

  defp place(%{settings: settings} = acceptor, socket, peer, {:ok, owner}) do
    # In turn; a partition that dies takes its connections along, and is started again.
    pool = {:via, PartitionSupervisor, {acceptor.pool, acceptor.partition}}
    arguments = {settings.name, socket, peer}

    case start(pool, {Connection, arguments}) do
      {:ok, pid} ->
        Settings.count(settings, :accepted, 1)
        slot = Slots.put(settings, owner, pid, System.monotonic_time())
        Socket.give(socket, pid)
        Connection.begin(pid, slot)

      {:error, _reason} ->
        Slots.cancel(settings, owner)
        Socket.abort(socket)
    end

    %{acceptor | partition: acceptor.partition + 1}
  end

  defp place(%{settings: %{overload: :wait}} = acceptor, socket, peer, {:error, _reason}) do
    pause()
    {address, _port} = peer
    place(acceptor, socket, peer, Slots.claim(acceptor.settings, address))
  end

  defp place(acceptor, socket, _peer, {:error, reason}), do: full(acceptor, socket, reason)

  # The partitions may be restarted at this moment.
  defp start(pool, child) do
    DynamicSupervisor.start_child(pool, child)
  rescue
    ArgumentError -> {:error, :unavailable}
  catch
    :exit, _gone -> {:error, :unavailable}
  end

  # A word of why, as far as it goes without waiting for the client.
  defp full(%{settings: settings} = acceptor, socket, reason) do
    Settings.refused(settings, reason)

    if settings.tls == nil do
      date = Guildhall.Http.Date.now(settings.dates)
      :gen_tcp.recv(socket, 0, 0)
      # Nothing has been sent yet, so there is room for it.
      :gen_tcp.send(socket, Reply.encode(Reply.plain(503), "GET", "close", date))
    end

    Socket.abort(socket)
    acceptor
  end

  defp pause do
    receive do
    after
      @pause -> :ok
    end
  end
end
