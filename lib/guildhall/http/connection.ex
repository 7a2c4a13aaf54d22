defmodule Guildhall.Http.Connection do
  @moduledoc false

  # A client's connection: reads a request, calls the handler, answers, and so on.
  #
  #   owns      the socket, until a WebSocket's module gives it away
  #   started   by one of the `Guildhall.Http.Supervisor`'s partitions, for an acceptor; :temporary
  #   a crash   loses its client alone; the handler's exceptions are no crash
  #   mailbox   one message of data at a time; what is nobody's is dropped between requests

  alias Guildhall.Http
  alias Guildhall.Http.{Body, Date, Head, Reply, Request, Response}
  alias Guildhall.Http.{Settings, Socket, Upgrade, WebSocket}
  alias Guildhall.Telemetry

  # Words: what a request takes, or the heap would grow to it in six steps, and each is a collection.
  @heap 2_586

  @enforce_keys [:socket, :settings, :peer, :opened_at]
  defstruct @enforce_keys ++ [buffer: "", requests: 0]

  @spec child_spec({atom(), port()}) :: Supervisor.child_spec()
  def child_spec({name, socket}) do
    %{
      id: __MODULE__,
      start: {__MODULE__, :start_link, [name, socket]},
      restart: :temporary,
      shutdown: :brutal_kill
    }
  end

  @spec start_link(atom(), port()) :: {:ok, pid()}
  def start_link(name, socket) do
    options = [:link, min_heap_size: @heap]
    {:ok, :proc_lib.spawn_opt(__MODULE__, :init, [name, socket], options)}
  end

  @doc "Tells the connection that the socket is its own now."
  @spec begin(pid()) :: :ok
  def begin(pid) do
    send(pid, {__MODULE__, :begin})
    :ok
  end

  @doc false
  def init(name, socket) do
    receive do
      {__MODULE__, :begin} -> open(Settings.fetch!(name), socket)
    after
      # The acceptor died on the way; the socket with it.
      5_000 -> :ok
    end
  end

  defp open(settings, socket) do
    opened_at = System.monotonic_time()

    with {:ok, peer} <- Socket.peer(socket),
         {:ok, socket} <- Socket.handshake(socket, settings) do
      Telemetry.emit([:http, :connection, :start], %{count: 1}, %{instance: settings.instance})
      conn = %__MODULE__{socket: socket, settings: settings, peer: peer, opened_at: opened_at}
      idle(conn, now() + settings.header_timeout)
    else
      {:error, reason} when reason in [:enotconn, :einval, :closed] -> Socket.abort(socket)
      {:error, _reason} -> refused(settings, :tls)
    end
  end

  # Between requests nothing is kept but the struct: neither on the stack nor, hibernating, as garbage.
  defp idle(conn, deadline) do
    Socket.activate(conn.socket)
    wait(conn, deadline)
  end

  @doc false
  def wait(%{socket: socket} = conn, deadline) do
    receive do
      {tag, ^socket, data} when tag in [:tcp, :ssl] ->
        serve(%{conn | buffer: conn.buffer <> data})

      {tag, ^socket} when tag in [:tcp_closed, :ssl_closed] ->
        part(conn, :closed)

      {tag, ^socket, _reason} when tag in [:tcp_error, :ssl_error] ->
        stop(conn, :closed)

      {Http, :drain} ->
        stop(conn, :drain)

      {__MODULE__, ^deadline} ->
        stop(conn, :idle)

      _other ->
        wait(conn, deadline)
    after
      min(max(deadline - now(), 0), conn.settings.hibernate_after) ->
        if now() >= deadline, do: stop(conn, :idle), else: hibernate(conn, deadline)
    end
  end

  defp hibernate(conn, deadline) do
    Process.send_after(self(), {__MODULE__, deadline}, max(deadline - now(), 0))
    :proc_lib.hibernate(__MODULE__, :wait, [conn, deadline])
  end

  # Serves what is in the buffer, then waits for more.
  defp serve(conn) do
    deadline = now() + conn.settings.header_timeout

    with {:ok, bytes, conn} <- head(conn, 0, deadline),
         {:ok, head} <- Head.parse(bytes, conn.settings),
         {:ok, body, rest} <- Body.read(head, conn.buffer, conn.socket, conn.settings) do
      handle(head, request(head, body, conn), %{conn | buffer: rest})
    else
      {:idle, conn} -> idle(conn, now() + conn.settings.idle_timeout)
      {:lost, reason} -> stop(conn, reason)
      {:error, refusal} -> refuse(conn, refusal)
    end
  end

  defp head(conn, seen, deadline) do
    case Head.split(conn.buffer, seen, conn.settings) do
      {:ok, head, rest} ->
        {:ok, head, %{conn | buffer: rest}}

      {:more, ""} ->
        {:idle, %{conn | buffer: ""}}

      {:more, buffer} ->
        case Socket.receive(conn.socket, max(deadline - now(), 0)) do
          {:ok, data} -> head(%{conn | buffer: buffer <> data}, byte_size(buffer), deadline)
          {:error, :timeout} -> {:error, {408, :header_timeout}}
          {:error, _reason} -> {:lost, :closed}
        end

      {:error, refusal} ->
        {:error, refusal}
    end
  end

  defp request(%Head{target: {path, segments, query}} = head, body, conn) do
    %Request{
      method: head.method,
      path: path,
      segments: segments,
      query: query,
      headers: head.headers,
      body: body,
      peer: conn.peer,
      scheme: if(conn.settings.tls, do: :https, else: :http)
    }
  end

  defp handle(head, request, conn) do
    started = System.monotonic_time()
    Settings.count(conn.settings, :requests, 1)
    {module, argument} = conn.settings.handler

    case attempt(conn, request, fn -> checked(module.handle(request, argument)) end) do
      {:ok, {:websocket, module, argument, options}} ->
        upgrade(head, request, {module, argument, options}, started, conn)

      {:ok, response} ->
        respond(response, head, request, started, conn)

      :error ->
        respond(Reply.plain(500), head, request, started, conn)
    end
  end

  defp checked({:websocket, _module, _argument, _options} = upgrade), do: upgrade
  defp checked(%Response{} = response), do: response

  # Whatever a handler does, the connection goes on.
  defp attempt(conn, request, fun) do
    {:ok, fun.()}
  catch
    kind, reason ->
      Telemetry.emit([:http, :exception], %{count: 1}, %{
        instance: conn.settings.instance,
        method: request.method,
        path: request.path,
        kind: kind,
        reason: reason,
        stacktrace: __STACKTRACE__
      })

      :error
  end

  defp respond(response, head, request, started, conn) do
    stay? = head.keep_alive? and not Reply.closes?(response) and not draining?()

    connection =
      cond do
        not stay? -> "close"
        head.version == {1, 0} -> "keep-alive"
        true -> nil
      end

    date = Date.now(conn.settings.dates)

    {status, bytes} =
      case attempt(conn, request, fn -> Reply.encode(response, head.method, connection, date) end) do
        {:ok, bytes} -> {response.status, bytes}
        :error -> {500, Reply.encode(Reply.plain(500), head.method, connection, date)}
      end

    sent = Socket.send(conn.socket, bytes)
    answered(conn, request, status, started)

    cond do
      sent != :ok -> stop(conn, :closed)
      stay? -> next(%{conn | requests: conn.requests + 1})
      true -> part(conn, :done)
    end
  end

  defp answered(conn, request, status, started) do
    measurements = %{duration: System.monotonic_time() - started}

    Telemetry.emit([:http, :request], measurements, %{
      instance: conn.settings.instance,
      method: request.method,
      path: request.path,
      status: status
    })
  end

  defp draining? do
    receive do
      {Http, :drain} -> true
    after
      0 -> false
    end
  end

  # A pipelined request may have come already.
  defp next(%{buffer: ""} = conn), do: idle(conn, now() + conn.settings.idle_timeout)
  defp next(conn), do: serve(conn)

  defp upgrade(head, request, {module, argument, options}, started, conn) do
    with {:ok, headers} <- Upgrade.answer(head),
         headers = headers ++ Keyword.get(options, :headers, []),
         bytes = Reply.switch(headers, Date.now(conn.settings.dates)),
         {:ok, conn} <- adopt(conn, options) do
      sent = Socket.send(conn.socket, bytes)
      answered(conn, request, 101, started)

      if sent == :ok,
        do: run(module, argument, request, options, conn),
        else: stop(conn, :closed)
    else
      {:error, response} -> respond(response, head, request, started, conn)
    end
  end

  # Over TCP it is another socket from now on. Where there is no descriptor for it, the client is told so
  # through the one that it has, on which nothing was promised yet.
  defp adopt(conn, options) do
    case WebSocket.adopt(conn.socket, options) do
      {:ok, socket} ->
        {:ok, %{conn | socket: socket}}

      :error ->
        refused(conn.settings, :emfile)
        {:error, Reply.plain(503, [{"connection", "close"}])}
    end
  end

  defp run(module, argument, request, options, conn) do
    ws = WebSocket.new(conn.socket, conn.settings.instance, conn.buffer, options)
    attempt(conn, request, fn -> module.run(ws, request, argument) end)
    if Socket.given?(conn.socket), do: stopped(conn, :given), else: part(conn, :done)
  end

  # The server's own answer to what is no request. What follows it cannot be trusted to be one.
  defp refuse(conn, {status, reason}) do
    refused(conn.settings, reason)
    date = Date.now(conn.settings.dates)
    Socket.send(conn.socket, Reply.encode(Reply.plain(status), "GET", "close", date))
    part(conn, reason)
  end

  defp refused(settings, reason) do
    Settings.count(settings, :refused, 1)
    Telemetry.emit([:http, :refusal], %{count: 1}, %{instance: settings.instance, reason: reason})
  end

  defp part(conn, reason) do
    Socket.linger(conn.socket, conn.settings.linger_timeout)
    stopped(conn, reason)
  end

  defp stop(conn, reason) do
    Socket.abort(conn.socket)
    stopped(conn, reason)
  end

  defp stopped(conn, reason) do
    measurements = %{duration: System.monotonic_time() - conn.opened_at, requests: conn.requests}
    metadata = %{instance: conn.settings.instance, reason: reason}
    Telemetry.emit([:http, :connection, :stop], measurements, metadata)
  end

  defp now, do: System.monotonic_time(:millisecond)
end
