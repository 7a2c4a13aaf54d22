defmodule Guildhall.Outbox.Queue.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  # A queue, outboxes and their sockets, beside their twins, under the same commands: every answer is the
  # same, and what the clients read is what the twins say, byte for byte. How much a kernel takes of a
  # write, and how many turns a flush gives, the twins are told.

  alias Guildhall.{Audience, Outbox, SocketFixture}
  alias Guildhall.Audience.{Item, Session}
  alias Guildhall.Outbox.{Queue, Reference, Socket, Transport}

  # The last one compresses in a context of its own, so that nobody but its owner writes.
  @clients [:plain, :plain, :zlib_stream]
  @limits [max_events: 40, max_bytes: 400_000]
  # Beyond it an event is its owner's to write.
  @turn 65_536

  property "a queue, its outboxes and their sockets answer and write as the references do" do
    forall {limits, commands} <- {vector(length(@clients), range(1, 40_000)), list(command())} do
      {:ok, audience} = Audience.new(id: 1)

      clients =
        for {{kind, limit}, key} <- @clients |> Enum.zip(limits) |> Enum.with_index(),
            into: %{},
            do: {key, client(audience, key, kind, limit)}

      state = %{
        audience: audience,
        queue: Queue.new(),
        expected: Queue.Reference.new(),
        clients: clients,
        sizes: [],
        retired: []
      }

      state = Enum.reduce(commands, state, &checked/2)
      Enum.each(Map.values(state.clients) ++ state.retired, &settle/1)
      Enum.each(state.clients, fn {_key, client} -> send(client.pid, :end) end)
      forget_messages()
    end
  end

  defp client(audience, key, kind, limit) do
    outbox = Outbox.new(@limits)
    pid = spawn_link(fn -> receive do: (:end -> :ok) end)

    :ok = Audience.attach(audience, %Session{key: key, user_id: 1, outbox: outbox, pid: pid})

    client = %{
      outbox: outbox,
      reference: Reference.new(@limits),
      pid: pid,
      transport: Transport.new(kind, compression: :context),
      shared?: kind == :plain
    }

    connected(client, limit)
  end

  defp connected(client, limit) do
    {peer, socket} = SocketFixture.pair(limit)
    :ok = Outbox.connect(client.outbox, socket, client.transport)

    Map.merge(client, %{
      peer: peer,
      socket: socket,
      twin: Socket.Reference.new(limit),
      connected?: true,
      reset?: false,
      read: ""
    })
  end

  defp checked(command, state) do
    state = run(command, state)
    assert Queue.size(state.queue) == Queue.Reference.size(state.expected)

    for {_key, client} <- state.clients do
      assert Outbox.info(client.outbox) == Reference.info(client.reference)
      assert Socket.kept(client.socket) == Socket.Reference.kept(client.twin)
    end

    state
  end

  defp run({:dispatch, sizes}, state) do
    bodies = Enum.map(sizes, &body/1)
    items = for body <- bodies, do: %Item{body: Outbox.event("A", body)}
    {_count, woken, full} = Audience.dispatch(state.audience, items, state.queue)

    {answers, clients} =
      Enum.map_reduce(state.clients, %{}, fn {key, client}, clients ->
        {answer, reference} = push(client.reference, bodies)
        {{key, answer}, Map.put(clients, key, %{client | reference: reference})}
      end)

    told = for {key, answer} when answer in [:wake, :full] <- answers, do: key
    {queued, wake} = Enum.split_with(told, &clients[&1].connected?)

    assert Enum.sort(woken) == Enum.sort(pids(clients, wake))
    assert Enum.sort(full) == for({key, :full} <- answers, do: key)
    sizes = state.sizes ++ Enum.map(bodies, &byte_size(Reference.event("A", &1)))
    expected = Queue.Reference.push(state.expected, queued)
    %{state | clients: clients, expected: expected, sizes: sizes}
  end

  defp run({:flush, most}, state) do
    flushed = Queue.flush(state.queue, most)
    turn = &turn(&1, &2, state.sizes)

    {wanted, expected, clients} =
      Queue.Reference.flush(state.expected, flushed.tried, state.clients, turn)

    kept = for key <- wanted.blocked, do: Socket.Reference.kept(clients[key].twin)
    assert flushed == %{wanted | blocked: kept, tell: pids(clients, wanted.tell)}
    %{state | expected: expected, clients: clients}
  end

  defp run({:connect, key, limit}, state) do
    client = state.clients[key]
    state = %{state | retired: [client | state.retired]}
    put_in(state.clients[key], connected(client, limit))
  end

  defp run(command, state) do
    update_in(state.clients[elem(command, 1)], &one(command, &1))
  end

  # What an owner does, and the client at the other end.
  defp one({:own_flush, _key}, client) do
    flushed = Outbox.flush(client.outbox)
    {wanted, client} = flush(client)
    assert flushed == if(wanted == :behind, do: :blocked, else: wanted)
    client
  end

  defp one({:resume, _key}, client) do
    answer = Socket.resume(client.socket)
    agreed(client, answer, Socket.Reference.resume(client.twin, Socket.kept(client.socket)))
  end

  defp one({:put, _key, size}, client) do
    payload = body(size)
    answer = Socket.put(client.socket, client.transport, payload)
    written(client, answer, &Socket.Reference.write(&1, Reference.frame(:plain, payload), &2))
  end

  defp one({:write, _key, size}, client) do
    bytes = body(size)
    answer = Socket.write(client.socket, bytes)
    written(client, answer, &Socket.Reference.write(&1, bytes, &2))
  end

  # To the limit of what is kept behind, and beyond it.
  defp one({:fill, _key, beyond}, %{twin: twin} = client) do
    bytes = String.duplicate("y", twin.limit - byte_size(twin.behind) + beyond)
    answer = Socket.write(client.socket, bytes)
    written(client, answer, &Socket.Reference.write(&1, bytes, &2))
  end

  defp one({:write_last, _key, size}, client) do
    bytes = body(size)
    answer = Socket.write_last(client.socket, [bytes])
    written(client, answer, &Socket.Reference.write_last(&1, bytes, &2))
  end

  defp one({:close, _key}, client) do
    reset? = client.reset? or Socket.Reference.kept(client.twin) > 0
    :ok = Socket.close(client.socket)
    %{client | twin: Socket.Reference.close(client.twin), reset?: reset?}
  end

  defp one({:disconnect, _key}, client) do
    :ok = Outbox.disconnect(client.outbox)
    %{client | connected?: false}
  end

  defp one({:go_back, _key, number}, client) do
    answer = Outbox.resume(client.outbox, number)
    {wanted, reference} = Reference.resume(client.reference, number)
    assert answer == wanted
    %{client | reference: reference, connected?: client.connected? and answer != :ok}
  end

  defp one({:read, _key}, client) do
    case :gen_tcp.recv(client.peer, 0, 0) do
      {:ok, data} -> %{client | read: client.read <> data}
      {:error, _timeout_or_end} -> client
    end
  end

  defp push(reference, bodies) do
    {answers, reference} =
      Enum.map_reduce(bodies, reference, &Reference.push(&2, Reference.event("A", &1)))

    answer = Enum.find([:full, :wake, :queued], :queued, &(&1 in answers))
    {answer, reference}
  end

  defp turn(key, clients, sizes) do
    client = clients[key]

    {answer, client} =
      if client.shared? and not too_large?(client, sizes),
        do: flush(client),
        else: {if(client.connected?, do: :beyond, else: :unconnected), client}

    {answer, Map.put(clients, key, client)}
  end

  defp too_large?(%{connected?: true} = client, sizes) do
    %{sequence: sequence, pending_events: pending} = Reference.info(client.reference)
    free? = not Socket.Reference.over?(client.twin) and Socket.Reference.kept(client.twin) == 0
    free? and pending > 0 and Enum.at(sizes, sequence - pending) > @turn
  end

  defp too_large?(_client, _sizes), do: false

  defp flush(client) do
    twin = if client.connected?, do: client.twin
    left = Socket.kept(client.socket)
    {answer, reference, twin} = Reference.flush(client.reference, twin, :plain, left)
    {answer, %{client | reference: reference, twin: twin || client.twin}}
  end

  defp written(client, answer, write) do
    agreed(client, answer, write.(client.twin, Socket.kept(client.socket)))
  end

  defp agreed(client, answer, {wanted, twin}) do
    assert answer == wanted
    %{client | twin: twin}
  end

  # Everything that the kernel took comes, and nothing else; a reset may take something away.
  defp settle(%{reset?: true} = client) do
    assert String.starts_with?(Socket.Reference.wire(client.twin), client.read)
    :gen_tcp.close(client.peer)
  end

  defp settle(client) do
    wire = Socket.Reference.wire(client.twin)
    read = client.read <> rest(client, byte_size(wire) - byte_size(client.read))
    assert read == wire

    if client.twin.lost? or Socket.Reference.kept(client.twin) == 0,
      do: ended(client),
      else: settle(one({:resume, nil}, %{client | read: read}))
  end

  defp ended(client) do
    assert {:error, reason} = :gen_tcp.recv(client.peer, 0, 0)
    assert reason in [:timeout, :closed, :enotconn]
    :gen_tcp.close(client.peer)
  end

  defp rest(_client, 0), do: ""

  defp rest(client, bytes) do
    {:ok, data} = :gen_tcp.recv(client.peer, bytes, 5_000)
    data
  end

  # What sockets had to say: other tests ask for that.
  defp forget_messages do
    receive do
      {:select, _object, :undefined, _ready} -> forget_messages()
    after
      0 -> :ok
    end
  end

  defp pids(clients, keys), do: for(key <- keys, do: clients[key].pid)

  # No two pieces of it are the same, nor those of another size.
  defp body(size) do
    digits =
      for n <- 0..div(size, 8),
          into: "",
          do: <<rem(n * 7_919 + size, 99_999_999)::integer-size(64)>>

    ~s("#{digits |> Base.encode16() |> binary_part(0, size)}")
  end

  # What the outbox that nobody but its owner writes is for, is to be in the queue.
  defp command do
    frequency([
      {8, {:dispatch, list(size())}},
      {8, {:flush, range(1, 4)}},
      {4, {:own_flush, plain()}},
      {5, {:read, plain()}},
      {5, {:resume, plain()}},
      {3, {:put, plain(), size()}},
      {2, {:write, plain(), size()}},
      {1, {:fill, plain(), range(0, 1)}},
      {1, {:write_last, plain(), size()}},
      {1, {:close, plain()}},
      {1, {:disconnect, range(0, 2)}},
      {2, {:connect, range(0, 2), range(1, 40_000)}},
      {1, {:go_back, plain(), range(0, 20)}}
    ])
  end

  defp plain, do: range(0, 1)

  defp size,
    do: frequency([{4, range(0, 300)}, {4, range(0, 20_000)}, {2, range(60_000, 70_000)}])
end
