defmodule Guildhall.Http.Socket do
  @moduledoc false

  # A TCP port, a TLS socket, or, for WebSockets, a TCP connection without a driver, under one set of
  # functions.

  alias Guildhall.Http
  alias Guildhall.Http.Settings
  alias Guildhall.Outbox

  @type t :: port() | :ssl.sslsocket() | Outbox.Socket.t()
  @type peer :: {:inet.ip_address(), :inet.port_number()}

  @piece 65_536

  @spec listen(Settings.t()) :: {:ok, port()} | {:error, :inet.posix()}
  def listen(settings) do
    family = if tuple_size(settings.ip) == 8, do: [:inet6], else: [:inet]

    :gen_tcp.listen(
      settings.port,
      family ++
        [
          :binary,
          ip: settings.ip,
          backlog: settings.backlog,
          active: false,
          packet: :raw,
          reuseaddr: true,
          nodelay: true,
          keepalive: true,
          # A client may end its side and still read.
          exit_on_close: false,
          buffer: 4_096,
          sndbuf: settings.send_buffer,
          send_timeout: settings.send_timeout,
          send_timeout_close: true
        ]
    )
  end

  @doc "Makes a fresh connection a TLS one where the server says so."
  @spec handshake(port(), Settings.t()) :: {:ok, t()} | {:error, term()}
  def handshake(socket, %Settings{tls: nil}), do: {:ok, socket}

  def handshake(socket, settings) do
    # Without a word in the log for each client that cannot.
    options = Keyword.put_new(settings.tls, :log_level, :none)

    case :ssl.handshake(socket, options, settings.header_timeout) do
      {:ok, socket} -> {:ok, socket}
      {:ok, socket, _extensions} -> {:ok, socket}
      {:error, reason} -> {:error, reason}
    end
  end

  @spec peer(port()) :: {:ok, peer()} | {:error, term()}
  def peer(socket), do: :inet.peername(socket)

  @doc "Asks for one message of data."
  @spec activate(t()) :: :ok | {:error, term()}
  def activate(%Outbox.Socket{} = socket) do
    if Outbox.Socket.await(socket) == :ok, do: :ok, else: {:error, :closed}
  end

  def activate(socket), do: active(socket, :once)

  @spec passivate(t()) :: :ok | {:error, term()}
  def passivate(%Outbox.Socket{}), do: :ok
  def passivate(socket), do: active(socket, false)

  defp active(socket, mode) when is_port(socket), do: :inet.setopts(socket, active: mode)
  defp active(socket, mode), do: :ssl.setopts(socket, active: mode)

  @spec receive(t(), timeout()) :: {:ok, binary()} | {:error, term()}
  def receive(%Outbox.Socket{} = socket, timeout) do
    case Outbox.Socket.read(socket) do
      {:ok, data} -> {:ok, data}
      :lost -> {:error, :closed}
      :empty -> wait(socket, timeout, now())
    end
  end

  def receive(socket, timeout) when is_port(socket), do: :gen_tcp.recv(socket, 0, timeout)
  def receive(socket, timeout), do: :ssl.recv(socket, 0, timeout)

  @doc "Like `receive/2`, for a connection that can be asked to leave while it waits."
  @spec await(t(), timeout()) :: {:ok, binary()} | {:error, :evicted | :timeout | term()}
  def await(socket, timeout) do
    with :ok <- activate(socket) do
      receive do
        {tag, ^socket, data} when tag in [:tcp, :ssl] -> {:ok, data}
        {tag, ^socket} when tag in [:tcp_closed, :ssl_closed] -> {:error, :closed}
        {tag, ^socket, _reason} when tag in [:tcp_error, :ssl_error] -> {:error, :closed}
        {Http, :evict} -> {:error, :evicted}
      after
        timeout -> {:error, :timeout}
      end
    end
  end

  defp wait(socket, timeout, since) do
    with :ok <- activate(socket) do
      receive do
        {:select, _object, :undefined, ready} ->
          # What was kept leaves while the peer is waited for.
          if ready == :ready_output, do: press(socket)
          receive(socket, max(timeout - (now() - since), 0))
      after
        timeout -> {:error, :timeout}
      end
    end
  end

  @doc """
  Writes, and waits while the peer reads too slowly: at most the send time-out for a piece, and the
  deadline for all of them.
  """
  @spec send(t(), iodata(), deadline :: timeout()) :: :ok | {:error, term()}
  def send(socket, data, deadline \\ :infinity) do
    if :erlang.iolist_size(data) <= @piece,
      do: write(socket, data),
      else: send_pieces(socket, IO.iodata_to_binary(data), until(deadline))
  end

  # An atom is more than every number.
  defp until(:infinity), do: :infinity
  defp until(deadline), do: now() + deadline

  defp send_pieces(socket, <<piece::binary-size(@piece), rest::binary>>, until) when rest != "" do
    with :ok <- write(socket, piece) do
      if now() < until, do: send_pieces(socket, rest, until), else: {:error, :timeout}
    end
  end

  defp send_pieces(socket, piece, _until), do: write(socket, piece)

  # What the kernel does not take leaves later.
  defp write(%Outbox.Socket{} = socket, data) do
    if Outbox.Socket.write(socket, data) in [:ok, :blocked], do: :ok, else: {:error, :closed}
  end

  defp write(socket, data) when is_port(socket), do: :gen_tcp.send(socket, data)
  defp write(socket, data), do: :ssl.send(socket, data)

  @doc """
  Takes a TCP connection away from its driver, so that outboxes can write to it: up to `limit` bytes are
  kept for a peer that does not read. An error if there is no descriptor left, or something is still to be
  written; the connection is then as it was.
  """
  @spec adopt(t(), limit :: pos_integer()) :: {:ok, t()} | :error
  def adopt(socket, limit) when is_port(socket), do: Outbox.Socket.adopt(socket, limit)
  def adopt(socket, _limit), do: {:ok, socket}

  @doc "Bytes that the kernel has not taken."
  @spec queued(t()) :: non_neg_integer()
  def queued(%Outbox.Socket{} = socket), do: Outbox.Socket.kept(socket)

  def queued(socket) when is_port(socket) do
    case :inet.getstat(socket, [:send_pend]) do
      {:ok, [send_pend: bytes]} -> bytes
      {:error, _reason} -> 0
    end
  end

  def queued(_socket), do: 0

  @doc "How many bytes the kernel has taken in all."
  @spec sent(t()) :: non_neg_integer()
  def sent(%Outbox.Socket{} = socket), do: Outbox.Socket.total(socket)

  def sent(socket) do
    options = [:send_oct, :send_pend]

    stat =
      if is_port(socket), do: :inet.getstat(socket, options), else: :ssl.getstat(socket, options)

    case stat do
      {:ok, values} -> max(values[:send_oct] - values[:send_pend], 0)
      {:error, _reason} -> 0
    end
  end

  @doc "Makes another process the owner. The caller remembers that it did, see `given?/1`."
  @spec give(t(), pid()) :: :ok | {:error, term()}
  def give(socket, pid) do
    with :ok <- control(socket, pid) do
      Process.put({__MODULE__, :given}, socket)
      :ok
    end
  end

  defp control(%Outbox.Socket{} = socket, pid) do
    if Outbox.Socket.give(socket, pid) == :ok, do: :ok, else: {:error, :closed}
  end

  defp control(socket, pid) when is_port(socket), do: :gen_tcp.controlling_process(socket, pid)
  defp control(socket, pid), do: :ssl.controlling_process(socket, pid)

  @spec given?(t()) :: boolean()
  def given?(socket), do: Process.get({__MODULE__, :given}) == socket

  @doc "Ends our side: what was written still leaves, then the peer sees the end. Does not wait."
  @spec finish(t()) :: :ok
  # What is kept must leave before: whoever writes it calls this again.
  def finish(%Outbox.Socket{} = socket) do
    if queued(socket) == 0, do: Outbox.Socket.finish(socket), else: :ok
  end

  def finish(socket) do
    if is_port(socket),
      do: :gen_tcp.shutdown(socket, :write),
      else: :ssl.shutdown(socket, :write)

    :ok
  end

  @doc """
  Closes once the peer has: ends our side, then reads and drops until the peer ends its own or the time
  is over. A close with unread data would be a reset, which takes our last words from the peer.
  """
  @spec linger(t(), timeout :: non_neg_integer()) :: :ok
  def linger(socket, timeout) do
    finish(socket)
    passivate(socket)
    drop(socket, now() + timeout)
  end

  defp drop(socket, deadline) do
    case receive(socket, max(deadline - now(), 0)) do
      {:ok, _data} -> drop(socket, deadline)
      {:error, _reason} -> flush(socket, deadline)
    end
  end

  # The peer is done with speaking, and may still be reading.
  defp flush(socket, deadline) do
    if queued(socket) > 0 and now() < deadline do
      receive do
      after
        10 -> socket |> press() |> flush(deadline)
      end
    else
      abort(socket)
    end
  end

  # A driver does it by itself.
  defp press(%Outbox.Socket{} = socket) do
    if Outbox.Socket.resume(socket) == :ok, do: finish(socket)
    socket
  end

  defp press(socket), do: socket

  @doc "Closes at once. Does not wait for what is queued: if something is, the peer sees a reset."
  @spec abort(t()) :: :ok
  def abort(%Outbox.Socket{} = socket), do: Outbox.Socket.close(socket)

  def abort(socket) when is_port(socket) do
    # `:gen_tcp.close/1` would wait for the queue.
    if queued(socket) > 0, do: :inet.setopts(socket, linger: {true, 0})
    :gen_tcp.close(socket)
  end

  def abort(socket) do
    :ssl.close(socket)
    :ok
  end

  defp now, do: System.monotonic_time(:millisecond)
end
