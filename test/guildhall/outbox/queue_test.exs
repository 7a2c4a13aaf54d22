defmodule Guildhall.Outbox.QueueTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  doctest Guildhall.Outbox.Queue

  import Guildhall.{Hostile, SocketFixture}

  alias Guildhall.Audience
  alias Guildhall.Audience.{Item, Session}
  alias Guildhall.{Frames, Native, Outbox}
  alias Guildhall.Outbox.{Queue, Socket, Transport}

  # Clients that read when they are told to, all in one audience.
  defp clients(count, kind \\ :plain, options \\ []) do
    {:ok, audience} = Audience.new(id: 1)

    clients =
      for key <- 1..count do
        {client, socket} = pair()
        {outbox, transport} = {Outbox.new(), Transport.new(kind, options)}
        :ok = Outbox.connect(outbox, socket, transport)
        :ok = Audience.attach(audience, %Session{key: key, user_id: key, outbox: outbox})

        %{client: client, socket: socket, outbox: outbox, transport: transport, read: ""}
      end

    {audience, Queue.new(), clients}
  end

  defp item(n, size \\ 0) do
    %Item{body: Outbox.event("A", ~s({"n":#{n},"x":"#{String.duplicate("y", size)}"}))}
  end

  defp dispatch(audience, queue, items) do
    {_count, wake, []} = Audience.dispatch(audience, items, queue)
    assert wake == []
  end

  # As a relay does.
  defp flush_all(queue) do
    flushed = Queue.flush(queue)
    if flushed.left > 0, do: flush_all(queue), else: flushed
  end

  defp receive_frames(client, bytes) do
    {:ok, data} = :gen_tcp.recv(client, bytes, 5_000)
    data
  end

  property "whatever clients read when, each gets every event once, in order" do
    forall commands <- list(command()) do
      {audience, queue, clients} = clients(3)

      {clients, sizes} =
        Enum.reduce(commands, {clients, []}, fn command, state ->
          run(command, audience, queue, state)
        end)

      sizes = Enum.reverse(sizes)

      for %{client: client} = state <- clients do
        settle(queue, state, length(sizes))
        :gen_tcp.close(client)
      end
    end
  end

  defp run({:push, sizes}, audience, queue, {clients, before}) do
    items = for {size, n} <- Enum.with_index(sizes, length(before) + 1), do: item(n, size)
    dispatch(audience, queue, items)
    {clients, Enum.reverse(sizes, before)}
  end

  defp run(:flush, _audience, queue, state) do
    Queue.flush(queue)
    state
  end

  defp run({:read, who}, _audience, _queue, {clients, sizes}) do
    {List.update_at(clients, who, &read/1), sizes}
  end

  # What the owner does when it is told that a socket takes data again; it may not be this one.
  defp run({:resume, who}, _audience, _queue, {clients, _sizes} = state) do
    resume(Enum.at(clients, who))
    state
  end

  defp run({:put, who}, _audience, _queue, {clients, _sizes} = state) do
    %{socket: socket, transport: transport} = Enum.at(clients, who)
    assert Socket.put(socket, transport, ~s({"op":11})) in [:ok, :blocked]
    state
  end

  defp read(%{client: client} = state) do
    case :gen_tcp.recv(client, 0, 0) do
      {:ok, data} -> %{state | read: state.read <> data}
      {:error, :timeout} -> state
    end
  end

  defp resume(%{socket: socket, outbox: outbox}) do
    with :ok <- Socket.resume(socket), do: Outbox.flush(outbox)
  end

  # Reads until every event is here.
  defp settle(queue, state, count) do
    flush_all(queue)
    resume(state)
    state = read(state)

    case {Outbox.info(state.outbox), Socket.kept(state.socket)} do
      {%{pending_events: 0, sequence: ^count}, 0} -> assert_all(rest(state), count)
      _more -> settle(queue, state, count)
    end
  end

  defp rest(state) do
    assert Socket.write(state.socket, "|") in [:ok, :blocked]

    all? = fn bytes ->
      Socket.resume(state.socket)
      String.ends_with?(bytes, "|")
    end

    state.client |> read_until(all?, state.read) |> String.trim_trailing("|")
  end

  defp assert_all(bytes, count) do
    numbers =
      for {:text, payload} <- Frames.messages(bytes), payload != ~s({"op":11}) do
        [_all, s, n] = Regex.run(~r/^{"s":(\d+),"t":"A","op":0,"d":{"n":(\d+),/, payload)
        assert s == n
        String.to_integer(s)
      end

    assert numbers == Enum.to_list(1..count//1)
  end

  defp command do
    frequency([
      {4, {:push, list(range(0, 20_000))}},
      {3, :flush},
      {2, {:read, range(0, 2)}},
      {2, {:resume, range(0, 2)}},
      {1, {:put, range(0, 2)}}
    ])
  end

  test "those who write by themselves are not named" do
    {audience, queue, clients} = clients(100)
    alone = Outbox.new()
    :ok = Audience.attach(audience, %Session{key: 1_000, user_id: 1, outbox: alone})
    {101, [pid], []} = Audience.dispatch(audience, [item(1)], queue)
    assert pid == self()
    assert Queue.size(queue) == 100
    dispatch(audience, queue, [item(2)])
    assert Queue.size(queue) == 100
    assert %{left: 0, blocked: [], tell: []} = flush_all(queue)

    for %{client: client, outbox: outbox} <- clients do
      assert [{:text, first}, {:text, second}] = Frames.messages(receive_frames(client, 0))
      assert first =~ ~s("s":1) and second =~ ~s("s":2)
      assert Outbox.info(outbox).pending_events == 0
    end

    # Without a queue, everybody is named.
    assert {101, wake, []} = Audience.dispatch(audience, [item(3)])
    assert length(wake) == 100
  end

  test "a socket that is full is counted, and its owner told" do
    {audience, queue, [slow, quick]} = clients(2)
    dispatch(audience, queue, for(n <- 1..60, do: item(n, 60_000)))
    assert [_one, _other] = kept = blocked(queue)
    assert Enum.sort(kept) == Enum.sort(for state <- [slow, quick], do: Socket.kept(state.socket))
    # The quick one reads all the time.
    reader = Task.async(fn -> drain(quick, 60) end)
    relieve(quick)
    assert Task.await(reader) == 60
    assert Socket.kept(slow.socket) > 0
    before = Outbox.info(slow.outbox).pending_events
    assert before > 0

    # More of it only waits, and nobody is bothered.
    dispatch(audience, queue, [item(61)])
    assert %{blocked: [], tell: []} = flush_all(queue)
    assert Outbox.info(slow.outbox).pending_events == before + 1

    reader = Task.async(fn -> drain(slow, 61) end)
    relieve(slow)
    assert Task.await(reader) == 61
  end

  # What is kept of those that are found full, until nobody is left to be tried.
  defp blocked(queue) do
    flushed = Queue.flush(queue)
    flushed.blocked ++ if(flushed.left > 0, do: blocked(queue), else: [])
  end

  # The owner's part, until nothing is left.
  defp relieve(%{socket: socket, outbox: outbox} = state) do
    with :ok <- Socket.resume(socket), :idle <- Outbox.flush(outbox) do
      :ok
    else
      :more ->
        relieve(state)

      :blocked ->
        assert_receive {:select, _object, :undefined, :ready_output}, 5_000
        relieve(state)
    end
  end

  defp drain(state, count) do
    # The last one ends the bytes.
    all? = fn bytes -> bytes =~ ~s({"s":#{count},) and whole?(bytes) end
    state.client |> read_until(all?) |> Frames.messages() |> length()
  end

  defp whole?(bytes) do
    _messages = Frames.messages(bytes)
    true
  rescue
    FunctionClauseError -> false
  end

  test "who cannot be flushed from here is named" do
    {audience, queue, [gone, lost]} = clients(2)
    dispatch(audience, queue, [item(1)])
    Outbox.disconnect(gone.outbox)
    Socket.close(lost.socket)
    assert %{left: 0, tell: [pid, pid]} = flush_all(queue)
    assert pid == self()
    assert Outbox.flush(gone.outbox) == :unconnected
    assert Outbox.flush(lost.outbox) == :lost
    assert Outbox.info(lost.outbox).pending_events == 1
  end

  test "who has a context of its own to compress with is named, and does it" do
    {audience, queue, [state]} = clients(1, :zlib_stream, compression: :context)
    dispatch(audience, queue, [item(1)])
    assert %{tell: [_pid]} = flush_all(queue)
    assert Outbox.flush(state.outbox) == :idle
    read = Frames.reader(:zlib_stream)
    assert [payload] = read.(receive_frames(state.client, 0))
    assert payload =~ ~s("n":1)
  end

  test "what cannot be spelt is its owner's to find, and nothing of it is passed over" do
    {audience, queue, [%{outbox: outbox, client: client}]} = clients(1, :plain, encoding: :etf)
    dispatch(audience, queue, [item(1), %Item{body: Outbox.event("A", "no JSON")}])
    # The first is written, and with the other alone left the owner is told.
    assert %{left: 0, tell: [_pid]} = flush_all(queue)
    assert [{:binary, _payload}] = Frames.messages(receive_frames(client, 0))
    assert Outbox.info(outbox).pending_events == 1
    assert_raise ArgumentError, fn -> Outbox.flush(outbox) end
    # What was wrong is over with.
    assert Outbox.flush(outbox) == :idle
  end

  test "a queue that is gone lets go of its outboxes" do
    {audience, _queue, [%{outbox: outbox, client: client}]} = clients(1)
    test = self()

    {pid, monitor} =
      spawn_monitor(fn ->
        queue = Queue.new()
        dispatch(audience, queue, [item(1)])
        send(test, Queue.size(queue))
      end)

    assert_receive 1
    assert_receive {:DOWN, ^monitor, :process, ^pid, :normal}
    {:ok, _frames, false} = Outbox.take(outbox, Transport.new(:plain), 65_536)
    queue = Queue.new()
    dispatch(audience, queue, [item(2)])
    assert Queue.size(queue) == 1
    assert %{left: 0, tried: 1} = Queue.flush(queue)
    assert receive_frames(client, 0) =~ ~s("s":2)
  end

  test "owners and relays flush the same outboxes at once" do
    {audience, queue, clients} = clients(4)
    readers = for state <- clients, do: Task.async(fn -> drain(state, 2_000) end)

    owners =
      for state <- clients do
        spawn_link(fn -> flush_for_ever(state) end)
      end

    for n <- 1..2_000 do
      dispatch(audience, queue, [item(n, 100)])
      flush_all(queue)
    end

    # What was in an owner's hands has been left to it.
    Enum.each(owners, &Process.unlink/1)
    Enum.each(owners, &Process.exit(&1, :kill))
    for state <- clients, do: relieve(state)
    assert Task.await_many(readers, 10_000) == [2_000, 2_000, 2_000, 2_000]
  end

  defp flush_for_ever(%{outbox: outbox} = state) do
    Outbox.flush(outbox)
    flush_for_ever(state)
  end

  test "no number of turns is a strange term" do
    queue = Queue.new()

    for strange <- strange() -- [nil] do
      refused(fn -> Native.outbox_queue_flush(queue, strange) end)
      refused(fn -> Audience.dispatch(elem(Audience.new(id: 1), 1), [item(1)], strange) end)
    end

    assert Queue.flush(queue) == %{left: 0, tried: 0, blocked: [], tell: []}
  end
end
