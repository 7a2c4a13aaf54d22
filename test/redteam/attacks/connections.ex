defmodule Guildhall.Redteam.Attacks.Connections do
  @moduledoc false

  # Connections that are opened and not used. Those that are kept open are together more than the
  # connections that the node takes by default, and fewer than the descriptors of a process.

  alias Guildhall.{GatewayClient, HttpClient, Payload}
  alias Guildhall.Redteam.{Attack, Http}

  @batch 50

  def all(world) do
    [
      idle(world, "idle connections of one address", 75, 9_500, fn _n -> {127, 14, 0, 1} end),
      idle(world, "idle connections of many addresses", 40, 7_500, fn n ->
        {127, 15, rem(div(n, 200), 200), rem(n, 200) + 1}
      end),
      kept(world, "half heads", 2.5, 300, &half_head/2, 25),
      kept(world, "connections without IDENTIFY", 1.5, 300, &upgrade/2, 45),
      kept(world, "half frames", 1, 200, &half_frame/2, 45),
      kept(world, "answers that nobody reads", 1, 100, &unread/2, :infinity),
      %Attack{
        name: "refusals of RESUME",
        rate: 1,
        workers: 4,
        start: fn n -> %{world: world, ip: {127, 14, 5, n}, client: nil, opened_at: 0} end,
        run: &resume/1,
        shows: [:op9]
      },
      %Attack{
        name: "wrong tokens",
        rate: 2.5,
        start: fn _n -> %{world: world, http: Http.new(world.node, {127, 14, 6, 1})} end,
        run: &token/1,
        shows: [401]
      }
    ]
  end

  defp idle(world, name, rate, most, address) do
    start = fn _n -> %{world: world, most: most, address: address, opened: 0, held: []} end

    %Attack{name: name, rate: rate, batch: @batch, start: start, run: &open/1, shows: [:held]}
  end

  # An attack opens a batch, and says of each connection of the batch before whether it is open.
  defp open(state) do
    {gone, held} = Enum.split_with(state.held, &(probe(&1) != :open))
    for socket <- gone, do: Http.reset(socket)

    sockets =
      for n <- 1..@batch,
          length(held) + n <= state.most,
          {:ok, socket} <- [connect(state, state.address.(state.opened + n))],
          do: socket

    outcomes = List.duplicate(:closed, length(gone)) ++ List.duplicate(:held, length(sockets))
    {outcomes, %{state | held: sockets ++ held, opened: state.opened + @batch}}
  end

  # A keep-alive connection that has had an answer to a request.
  defp connect(state, ip) do
    options = [:binary, active: true, ip: ip, recbuf: 4_096, sndbuf: 4_096]

    with {:ok, socket} <- :gen_tcp.connect({127, 0, 0, 1}, state.world.node.port, options, 2_000),
         :ok <- :gen_tcp.send(socket, "GET /api/v10/gateway HTTP/1.1\r\nhost: localhost\r\n\r\n") do
      {:ok, socket}
    end
  end

  defp probe(socket) do
    receive do
      {:tcp, ^socket, "HTTP/1.1 503" <> _rest} -> :refused
      {:tcp, ^socket, _answer} -> probe(socket)
      {:tcp_closed, ^socket} -> :closed
      {:tcp_error, ^socket, _reason} -> :closed
    after
      0 -> :open
    end
  end

  # `longest` is how many seconds such a connection may be open, if the attack can see that.
  defp kept(world, name, rate, most, run, longest) do
    kind = :erlang.phash2(name, 200) + 1
    state = %{world: world, most: div(most, 2), kind: kind, longest: longest, held: []}
    shows = if longest == :infinity, do: [:held], else: [:closed]
    run = &keep(run, &1)
    %Attack{name: name, rate: rate, workers: 2, start: fn _n -> state end, run: run, shows: shows}
  end

  # The tenth part of them from one address, the others from addresses of their own.
  defp keep(run, state) do
    {outcomes, held} = look(state)
    last = if :rand.uniform(10) == 1, do: 1, else: :rand.uniform(250)
    options = [ip: {127, 14, state.kind, last}, timeout: 1_000]
    client = HttpClient.connect(state.world.node.port, options)
    client = Http.guard(client, &run.(&1, state))
    {kept, old} = Enum.split([{client.socket, now()} | held], state.most)
    for {socket, _at} <- old, do: Http.reset(socket)
    {[:held | outcomes], %{state | held: kept}}
  end

  # Whether the oldest connection is still open, and whether it should be.
  defp look(%{longest: longest, held: [_ | _] = held} = state) when longest != :infinity do
    {socket, at} = List.last(held)
    age = div(now() - at, 1_000)

    cond do
      closed?(socket) -> {[:closed], drop(held, socket)}
      age <= longest -> {[], held}
      true -> {[{:breach, "open after #{age} s"}], drop(state.held, socket)}
    end
  end

  defp look(state), do: {[], state.held}

  defp closed?(socket) do
    case :gen_tcp.recv(socket, 0, 0) do
      {:ok, _data} -> closed?(socket)
      {:error, reason} -> reason != :timeout
    end
  end

  defp drop(held, socket) do
    Http.reset(socket)
    List.keydelete(held, socket, 0)
  end

  defp half_head(client, _state), do: HttpClient.send_raw(client, "GET / HTTP/1.1\r\nx-endless: ")
  defp upgrade(client, _state), do: HttpClient.websocket(client, "/?v=10")

  defp half_frame(client, _state) do
    client
    |> HttpClient.websocket("/?v=10")
    |> HttpClient.send_raw(<<0x81, 0x80 + 126, 4_000::16, 1, 2, 3, 4, "half">>)
  end

  # Requests for a page of history, one behind the other, and no read.
  defp unread(client, %{world: world}) do
    path = "/api/v10/channels/#{world.home.channels["square"]}/messages?limit=100"
    token = hd(world.neighbours).token
    head = "GET #{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: #{token}\r\n\r\n"
    HttpClient.send_raw(client, List.duplicate(head, 20))
  end

  # A refusal leaves the connection open; it must not be open for ever.
  defp resume(%{client: nil} = state) do
    client = Http.gateway(state.world.node, ip: state.ip)
    {%{"op" => 10}, client} = GatewayClient.recv(client)
    resume(%{state | client: client, opened_at: now()})
  end

  defp resume(state) do
    token = hd(state.world.strangers).token
    old = %{session_id: "nosuchsession", sequence: 5}

    case attempt(fn ->
           state.client |> GatewayClient.send_resume(token, old) |> GatewayClient.recv()
         end) do
      {%{"op" => 9}, client} ->
        {late(state) || :op9, %{state | client: client}}

      {{:close, code}, client} ->
        Http.reset(client.http.socket)
        {:"close_#{code}", %{state | client: nil}}

      :gone ->
        Http.reset(state.client.http.socket)
        {:closed, %{state | client: nil}}
    end
  end

  defp attempt(fun) do
    fun.()
  rescue
    MatchError -> :gone
  end

  defp late(state) do
    if now() - state.opened_at > 45_000,
      do: {:breach, "a connection without a session is open after 45 s"}
  end

  defp token(state) do
    secret = Base.url_encode64(:crypto.strong_rand_bytes(20), padding: false)
    id = Base.url_encode64("#{:rand.uniform(1_000_000_000)}", padding: false)
    headers = [{"authorization", "#{id}.AAAAAQ.#{secret}"}, {"content-type", "application/json"}]
    body = Payload.encode!(%{content: "x"})

    {status, _body, http} =
      Http.call(state.http, "POST", "/api/v10/channels/1/messages", body, headers)

    {status, %{state | http: http}}
  end

  defp now, do: System.monotonic_time(:millisecond)
end
