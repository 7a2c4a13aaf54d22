defmodule Guildhall.Outbox.SocketTest do
  use ExUnit.Case, async: true

  doctest Guildhall.Outbox.Socket

  import Guildhall.{Hostile, SocketFixture}

  alias Guildhall.{Native, Outbox}
  alias Guildhall.Outbox.{Socket, Transport}

  @input {:select, nil, :undefined, :ready_input}
  @output {:select, nil, :undefined, :ready_output}

  defp fill(socket, written \\ 0) do
    case Socket.write(socket, :binary.copy("x", 100_000)) do
      :ok -> fill(socket, written + 100_000)
      :blocked -> written + 100_000
    end
  end

  defp told do
    assert_receive {:select, _object, :undefined, ready}
    ready
  end

  # Reads on the client's side until the server's end has written all.
  defp relieve(client, socket, bytes) do
    reader = Task.async(fn -> :gen_tcp.recv(client, bytes, 5_000) end)
    resume(socket)
    {:ok, data} = Task.await(reader)
    data
  end

  defp resume(socket) do
    assert told() == :ready_output
    if Socket.resume(socket) == :blocked, do: resume(socket)
  end

  test "the peer sees nothing of it when the driver goes" do
    {client, port} = ports()
    :ok = :gen_tcp.send(client, "before")
    :ok = :gen_tcp.send(port, "hello")
    {:ok, socket} = Socket.adopt(port, 1_000)
    assert Port.info(port) == nil
    assert Socket.write(socket, ["wor", "ld"]) == :ok
    assert :gen_tcp.recv(client, 10, 5_000) == {:ok, "helloworld"}
    assert Socket.read(socket) == {:ok, "before"}
    assert Socket.read(socket) == :empty
  end

  test "what is still to be written or is no TCP port is left as it was" do
    {_client, port} = ports()
    :ok = :inet.setopts(port, send_timeout: 0)
    clog(port)
    assert Socket.adopt(port, 1_000) == :error
    assert Port.info(port) != nil

    {:ok, udp} = :gen_udp.open(0)
    assert Socket.adopt(udp, 1_000) == :error
    assert Port.info(udp) != nil
  end

  defp clog(port) do
    case :gen_tcp.send(port, :binary.copy("x", 1_000_000)) do
      :ok -> clog(port)
      {:error, :timeout} -> :ok
    end
  end

  test "the owner is told once for each time it asks" do
    {client, socket} = pair()
    assert Socket.await(socket) == :ok
    refute_received {:select, _, _, _}
    :ok = :gen_tcp.send(client, "a")
    assert told() == :ready_input
    :ok = :gen_tcp.send(client, "b")
    assert Socket.read(socket) == {:ok, "ab"} or Socket.read(socket) == {:ok, "b"}
    # What has arrived already is told at once.
    :ok = :gen_tcp.send(client, "c")
    assert Socket.await(socket) == :ok
    assert told() == :ready_input
    assert Socket.read(socket) == {:ok, "c"}
    :ok = :gen_tcp.close(client)
    assert Socket.await(socket) == :ok
    assert told() == :ready_input
    assert Socket.read(socket) == :lost
  end

  test "a socket that is full keeps what is written, in order, and says when it is empty" do
    {client, socket} = pair()
    written = fill(socket)
    assert Socket.write(socket, "behind") == :blocked
    assert Socket.kept(socket) > 6
    data = relieve(client, socket, written + 6)
    assert data == :binary.copy("x", written) <> "behind"
    assert Socket.kept(socket) == 0
    assert Socket.write(socket, "y") == :ok
  end

  test "beyond the limit it is slow, then lost" do
    {_client, socket} = pair(10)
    fill(socket)
    assert Socket.write(socket, "0123456789") == :blocked
    assert Socket.write(socket, "x") == :slow
    assert Socket.write(socket, "x") == :lost
    assert Socket.resume(socket) == :lost
    assert Socket.close(socket) == :ok
  end

  test "what it keeps is counted, until it is closed" do
    bytes = fn -> Outbox.memory().sockets.bytes end
    {_client, socket} = pair()
    fill(socket)
    kept = Socket.kept(socket)
    assert kept > 0 and bytes.() >= kept
    Socket.close(socket)
    assert Socket.kept(socket) == 0
  end

  test "closes with its owner" do
    {client, port} = ports()
    test = self()

    {owner, monitor} =
      spawn_monitor(fn ->
        receive do: (:adopt -> send(test, Socket.adopt(port, 1_000)))
        receive do: (:end -> :ok)
      end)

    :ok = :gen_tcp.controlling_process(port, owner)
    send(owner, :adopt)
    assert_receive {:ok, socket}
    assert Socket.write(socket, "whoever has it may write") == :ok
    assert_raise ArgumentError, fn -> Socket.give(socket, self()) end
    send(owner, :end)
    assert_receive {:DOWN, ^monitor, :process, _pid, :normal}
    assert :gen_tcp.recv(client, 24, 5_000) == {:ok, "whoever has it may write"}
    assert :gen_tcp.recv(client, 0, 5_000) == {:error, :closed}
    assert Socket.write(socket, "x") == :lost
    assert Socket.read(socket) == :lost
    assert Socket.await(socket) == :lost
  end

  test "a new owner is told what the old one would have been, and the old one nothing" do
    {client, socket} = pair()
    written = fill(socket)
    :ok = Socket.await(socket)
    test = self()

    owner =
      spawn_link(fn ->
        receive do: (:go -> :ok)
        resume(socket)
        :ok = Socket.await(socket)
        assert told() == :ready_input
        send(test, {:read, Socket.read(socket)})
        receive do: (:end -> :ok)
      end)

    assert Socket.give(socket, owner) == :ok
    send(owner, :go)
    assert {:ok, _data} = :gen_tcp.recv(client, written, 5_000)
    :ok = :gen_tcp.send(client, "for the new owner")
    assert_receive {:read, {:ok, "for the new owner"}}
    refute_received {:select, _, _, _}
    send(owner, :end)
  end

  test "is not given to the dead, and stays its owner's" do
    {client, socket} = pair()
    {pid, monitor} = spawn_monitor(fn -> :ok end)
    assert_receive {:DOWN, ^monitor, :process, ^pid, _reason}
    assert Socket.give(socket, pid) == :error
    assert Socket.write(socket, "x") == :ok
    assert :gen_tcp.recv(client, 1, 5_000) == {:ok, "x"}
  end

  test "an owner that cannot give it away is still told" do
    {client, socket} = pair()
    written = fill(socket)
    :ok = Socket.await(socket)
    {pid, monitor} = spawn_monitor(fn -> :ok end)
    assert_receive {:DOWN, ^monitor, :process, ^pid, _reason}
    assert Socket.give(socket, pid) == :error
    assert relieve(client, socket, written) == :binary.copy("x", written)
    :ok = :gen_tcp.send(client, "x")
    assert told() == :ready_input
  end

  test "an end is an end, and closing with something kept a reset" do
    {client, socket} = pair()
    :ok = Socket.write(socket, "all")
    Socket.finish(socket)
    assert :gen_tcp.recv(client, 3, 5_000) == {:ok, "all"}
    assert :gen_tcp.recv(client, 0, 5_000) == {:error, :closed}

    {client, socket} = pair()
    :ok = :inet.setopts(client, show_econnreset: true)
    fill(socket)
    Socket.close(socket)
    assert reset?(client)
  end

  defp reset?(client) do
    case :gen_tcp.recv(client, 0, 5_000) do
      {:ok, _data} -> reset?(client)
      {:error, reason} -> reason == :econnreset
    end
  end

  test "payloads and events share the transport's order" do
    {client, socket} = pair()
    outbox = Outbox.new()
    transport = Transport.new(:zlib_stream, compression: :context)
    {twin, other} = {Outbox.new(), Transport.new(:zlib_stream, compression: :context)}
    event = Outbox.event("A", ~s({"n":"the same again and again"}))
    assert Outbox.flush(outbox) == :unconnected
    Outbox.connect(outbox, socket, transport)
    assert Outbox.flush(outbox) == :idle

    expected =
      for n <- 1..20, into: "" do
        assert Outbox.push(outbox, event) == :wake
        assert Outbox.flush(outbox) == :idle
        assert Socket.put(socket, transport, ~s({"op":#{n}})) == :ok
        assert Outbox.push(twin, event) == :wake
        {:ok, frames, false} = Outbox.take(twin, other, 65_536)
        frames <> Transport.frame(other, ~s({"op":#{n}}))
      end

    assert :gen_tcp.recv(client, byte_size(expected), 5_000) == {:ok, expected}
  end

  test "a resume takes the outbox from the socket, one that fails does not" do
    {_client, socket} = pair()
    outbox = Outbox.new()
    Outbox.connect(outbox, socket, Transport.new(:plain))
    Outbox.push(outbox, Outbox.event("A", "1"))
    assert Outbox.flush(outbox) == :idle
    assert Outbox.resume(outbox, 7) == {:error, :invalid}
    assert Outbox.flush(outbox) == :idle
    assert Outbox.resume(outbox, 0) == :ok
    assert Outbox.flush(outbox) == :unconnected
    assert Outbox.info(outbox).pending_events == 1
  end

  test "no handle is a strange term" do
    {_client, socket} = pair()
    outbox = Outbox.new()
    plain = Transport.new(:plain)

    for strange <- strange() ++ [outbox, plain] do
      refused(fn -> Native.outbox_socket_give(strange, self()) end)
      refused(fn -> Native.outbox_socket_await(strange) end)
      refused(fn -> Native.outbox_socket_read(strange) end)
      refused(fn -> Native.outbox_socket_write(strange, "x", false) end)
      refused(fn -> Native.outbox_socket_put(strange, plain, "x") end)
      refused(fn -> Native.outbox_socket_put_dirty(strange, plain, "x") end)
      refused(fn -> Native.outbox_socket_resume(strange) end)
      refused(fn -> Native.outbox_socket_kept(strange) end)
      refused(fn -> Native.outbox_socket_finish(strange) end)
      refused(fn -> Native.outbox_socket_close(strange) end)
      refused(fn -> Native.outbox_connect(outbox, strange, plain) end)
      refused(fn -> Native.outbox_queue_flush(strange, 1) end)
      refused(fn -> Native.outbox_queue_size(strange) end)
    end

    for strange <- strange() -- [self()] do
      refused(fn -> Native.outbox_socket_give(socket.handle, strange) end)
    end

    for strange <- [-1.5, nil, %{}, [1 | 2], [256], <<1::1>>] do
      refused(fn -> Native.outbox_socket_write(socket.handle, strange, false) end)
      refused(fn -> Native.outbox_socket_put(socket.handle, plain, strange) end)
    end

    for strange <- strange() -- [-1] do
      refused(fn -> Native.outbox_socket_adopt(strange, 1) end)
    end

    # Numbers that are no descriptor, or one of something else.
    for fd <- [-1, 1_000_000, 0x7FFF_FFFF] do
      assert Native.outbox_socket_adopt(fd, 1) == {:error, :unsupported}
    end

    # Messages that mean nothing.
    for message <- [@input, @output], do: send(self(), message)
    assert Socket.resume(socket) == :ok
    assert Socket.read(socket) == :empty
  end
end
