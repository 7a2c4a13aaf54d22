defmodule Guildhall.Http.Connection do
  @moduledoc false

  # A client's connection: reads a request, calls the handler, answers, and so on.
  #
  #   owns      the socket, until a WebSocket's module gives it away
  #   started   by one of the `Guildhall.Http.Supervisor`'s partitions, for an acceptor; :temporary
  #   a crash   loses its client alone; the handler's exceptions are no crash
  #   mailbox   one message of data at a time; what is nobody's is dropped between requests

  alias Guildhall.Http
  alias Guildhall.Http.{Address, Body, Date, Head, Reply, Request, Response}
  alias Guildhall.Http.{Settings, Slots, Socket, Upgrade, WebSocket}
  alias Guildhall.Telemetry

  # Words: what a request takes, or the heap would grow to it in six steps, and each is a collection.
  @heap 2_586

  # A body that an early answer made needless is read up to here, so that the connection can go on.
  @drop_limit 65_536

  @enforce_keys [:socket, :settings, :peer, :opened_at, :slot]
  defstruct @enforce_keys ++ [buffer: "", requests: 0]

  @spec child_spec({atom(), port(), Socket.peer()}) :: Supervisor.child_spec()
  def child_spec({name, socket, peer}) do
    %{
      id: __MODULE__,
      start: {__MODULE__, :start_link, [name, socket, peer]},
      restart: :temporary,
      shutdown: :brutal_kill
    }
  end

  @spec start_link(atom(), port(), Socket.peer()) :: {:ok, pid()}
  def start_link(name, socket, peer) do
    options = [:link, min_heap_size: @heap]
    {:ok, :proc_lib.spawn_opt(__MODULE__, :init, [name, socket, peer], options)}
  end

  @doc "Tells the connection that the socket and the slot are its own now."
  @spec begin(pid(), Slots.t()) :: :ok
  def begin(pid, slot) do
    send(pid, {__MODULE__, :begin, slot})
    :ok
  end

  @doc false
  def init(name, socket, peer) do
    receive do
      {__MODULE__, :begin, slot} -> open(Settings.fetch!(name), socket, peer, slot)
    after
      # The acceptor died on the way; the socket with it.
      5_000 -> :ok
    end
  end

  defp open(settings, socket, peer, {_class, opened_at, _pid, _owner} = slot) do
    case Socket.handshake(socket, settings) do
      {:ok, socket} ->
        Telemetry.emit([:http, :connection, :start], %{count: 1}, %{instance: settings.instance})

        conn = %__MODULE__{
          socket: socket,
          settings: settings,
          peer: peer,
          opened_at: opened_at,
          slot: slot
        }

        idle(conn, now() + settings.header_timeout)

      {:error, _reason} ->
        Slots.release(settings, slot)
        Settings.refused(settings, :tls)
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
        serve(%{conn | buffer: conn.buffer <> data}, deadline)

      {tag, ^socket} when tag in [:tcp_closed, :ssl_closed] ->
        part(conn, :closed)

      {tag, ^socket, _reason} when tag in [:tcp_error, :ssl_error] ->
        stop(conn, :closed)

      {Http, :drain} ->
        stop(conn, :drain)

      {Http, :evict} ->
        stop(conn, :evicted)

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

  # Serves what is in the buffer, then waits for more. Empty lines before a request are no request, and
  # leave the deadline of an idle connection as it is.
  defp serve(conn, idle_deadline) do
    deadline = now() + conn.settings.header_timeout

    with {:ok, bytes, conn} <- head(conn, 0, deadline),
         {:ok, head} <- Head.parse(bytes, conn.settings) do
      conn = %{conn | slot: Slots.heard(conn.settings, conn.slot)}
      handle(head, request(head, conn), conn)
    else
      {:idle, conn} -> idle(conn, idle_deadline)
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
        case Socket.await(conn.socket, max(deadline - now(), 0)) do
          {:ok, data} -> head(%{conn | buffer: buffer <> data}, byte_size(buffer), deadline)
          {:error, :timeout} -> {:error, {408, :header_timeout}}
          {:error, :evicted} -> {:lost, :evicted}
          {:error, _reason} -> {:lost, :closed}
        end

      {:error, refusal} ->
        {:error, refusal}
    end
  end

  defp request(%Head{target: {path, segments, query}} = head, conn) do
    %Request{
      method: head.method,
      path: path,
      segments: segments,
      query: query,
      headers: head.headers,
      length: length_of(head.body),
      peer: client(conn, head),
      scheme: if(conn.settings.tls, do: :https, else: :http)
    }
  end

  defp length_of(:none), do: 0
  defp length_of({:length, length}), do: length
  defp length_of(:chunked), do: nil

  defp client(%{settings: %{proxies: []}, peer: {address, port}}, _head) do
    {Address.canonical(address), port}
  end

  defp client(%{settings: %{proxies: proxies}, peer: {address, port}}, head) do
    address = Address.canonical(address)

    if Address.in?(address, proxies),
      do: {Address.forwarded(Head.values(head.headers, "x-forwarded-for"), address, proxies), 0},
      else: {address, port}
  end

  defp handle(head, request, conn) do
    started = System.monotonic_time()
    Settings.count(conn.settings, :requests, 1)
    {module, argument} = conn.settings.handler

    case attempt(conn, request, fn -> checked(module.handle(request, argument)) end) do
      {:ok, {:read, limit, account, fun}} ->
        conn = account(conn, account)
        read(head, request, {limit, account, fun}, started, conn)

      {:ok, {:websocket, module, argument, options}} ->
        upgrade(head, request, {module, argument, options}, started, conn)

      {:ok, response} ->
        early(response, head, request, started, conn)

      :error ->
        early(Reply.plain(500), head, request, started, conn)
    end
  end

  defp checked({:read, limit, _account, fun} = read)
       when is_integer(limit) and is_function(fun, 1),
       do: read

  defp checked({:websocket, _module, _argument, _options} = upgrade), do: upgrade
  defp checked(%Response{} = response), do: response

  defp account(conn, nil), do: conn

  defp account(conn, account),
    do: %{conn | slot: Slots.known(conn.settings, conn.slot, account)}

  # Most requests have no body, or it came with the head; then no time was spent on waiting for it.
  defp read(head, request, {limit, account, fun}, started, conn) do
    waits? = waits?(head, conn)
    {address, _port} = request.peer
    owners = owners(Address.client(address), account)

    case Body.read(head, conn.buffer, conn.socket, conn.settings, {limit, owners}) do
      {:ok, body, rest} ->
        started = if waits?, do: System.monotonic_time(), else: started
        request = %{request | body: body, length: 0}
        conn = %{conn | buffer: rest}

        case attempt(conn, request, fn -> %Response{} = fun.(request) end) do
          {:ok, response} -> respond(response, head, request, started, conn)
          :error -> respond(Reply.plain(500), head, request, started, conn)
        end

      {:lost, reason} ->
        stop(conn, reason)

      {:error, refusal} ->
        refuse(conn, refusal)
    end
  end

  defp waits?(%Head{body: :none}, _conn), do: false
  defp waits?(%Head{body: {:length, length}}, conn), do: byte_size(conn.buffer) < length
  defp waits?(_chunked, _conn), do: true

  defp owners(address, nil), do: [address]
  defp owners(address, account), do: [address, {:account, account}]

  # An answer before the body was read. What is short or here already is dropped; otherwise the client
  # sees the answer and the end of the connection, and need not send the rest.
  defp early(response, head, request, started, conn) do
    case {head.body, conn.buffer} do
      {:none, _buffer} ->
        respond(response, head, request, started, conn)

      {{:length, length}, buffer} when byte_size(buffer) >= length ->
        <<_body::binary-size(length), rest::binary>> = buffer
        respond(response, head, request, started, %{conn | buffer: rest})

      {{:length, length}, buffer} when length <= @drop_limit and not head.continue? ->
        left = length - byte_size(buffer)
        respond(response, head, request, started, %{conn | buffer: ""}, {:drop, left})

      _long ->
        respond(response, %{head | keep_alive?: false}, request, started, conn)
    end
  end

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

  defp respond(response, head, request, started, conn, body \\ nil) do
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

    sent = Socket.send(conn.socket, bytes, conn.settings.send_deadline)
    answered(conn, request, status, started)

    cond do
      sent != :ok -> stop(conn, :closed)
      stay? -> proceed(%{conn | requests: conn.requests + 1}, body)
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
      {Http, reason} when reason in [:drain, :evict] -> true
    after
      0 -> false
    end
  end

  defp proceed(conn, nil), do: next(conn)

  defp proceed(conn, {:drop, left}) do
    case Body.drop(left, conn.socket, now() + conn.settings.linger_timeout) do
      {:ok, rest} -> next(%{conn | buffer: rest})
      :error -> stop(conn, :done)
    end
  end

  # A pipelined request may have come already.
  defp next(%{buffer: ""} = conn), do: idle(conn, now() + conn.settings.idle_timeout)
  defp next(conn), do: serve(conn, now() + conn.settings.idle_timeout)

  defp upgrade(head, request, {module, argument, options}, started, conn) do
    with {:ok, headers} <- Upgrade.answer(head),
         {:ok, conn} <- forwarded(conn, request),
         headers = headers ++ Keyword.get(options, :headers, []),
         bytes = Reply.switch(headers, Date.now(conn.settings.dates)),
         {:ok, conn} <- adopt(conn, options) do
      sent = Socket.send(conn.socket, bytes)
      answered(conn, request, 101, started)

      if sent == :ok,
        do: run(module, argument, request, options, conn),
        else: stop(conn, :closed)
    else
      {:error, response} -> early(response, head, request, started, conn)
    end
  end

  defp forwarded(conn, %Request{peer: {address, _port}}) do
    with {:error, reason} <- Slots.forwarded(conn.settings, conn.slot, address) do
      Settings.refused(conn.settings, reason)
      {:error, Reply.plain(503, [{"connection", "close"}])}
    else
      {:ok, slot} -> {:ok, %{conn | slot: slot}}
    end
  end

  # Over TCP it is another socket from now on. Where there is no descriptor for it, the client is told so
  # through the one that it has, on which nothing was promised yet.
  defp adopt(conn, options) do
    case WebSocket.adopt(conn.socket, options) do
      {:ok, socket} ->
        {:ok, %{conn | socket: socket}}

      :error ->
        Settings.refused(conn.settings, :emfile)
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
    Settings.refused(conn.settings, reason)
    date = Date.now(conn.settings.dates)
    Socket.send(conn.socket, Reply.encode(Reply.plain(status), "GET", "close", date))
    part(conn, reason)
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
    Slots.release(conn.settings, conn.slot)
    measurements = %{duration: System.monotonic_time() - conn.opened_at, requests: conn.requests}
    metadata = %{instance: conn.settings.instance, reason: reason}
    Telemetry.emit([:http, :connection, :stop], measurements, metadata)
  end

  defp now, do: System.monotonic_time(:millisecond)
end
