defmodule Guildhall.Http.SocketTest do
  use ExUnit.Case, async: true

  alias Guildhall.Http.Socket
  alias Guildhall.Outbox

  defp pair do
    {:ok, listener} = :gen_tcp.listen(0, [:binary, active: false, exit_on_close: false])
    {:ok, port} = :inet.port(listener)

    {:ok, client} =
      :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false, exit_on_close: false])

    {:ok, server} = :gen_tcp.accept(listener)
    {client, server}
  end

  test "lingers until the peer ends its side, active or not" do
    for mode <- [false, :once] do
      {client, server} = pair()

      task =
        Task.async(fn ->
          receive do: (:yours -> :ok)
          :inet.setopts(server, active: mode)
          Socket.linger(server, 5_000)
        end)

      :ok = :gen_tcp.controlling_process(server, task.pid)
      send(task.pid, :yours)
      assert {:error, :closed} = :gen_tcp.recv(client, 0)
      assert Task.yield(task, 30) == nil
      :ok = :gen_tcp.send(client, "dropped")
      assert Task.yield(task, 30) == nil
      :gen_tcp.close(client)
      assert Task.await(task) == :ok
      assert Port.info(server) == nil
    end
  end

  test "lingers no longer than it is told" do
    {client, server} = pair()
    assert Socket.linger(server, 20) == :ok
    assert Port.info(server) == nil
    assert {:error, :closed} = :gen_tcp.recv(client, 0)
  end

  test "without its driver it lingers, and what is kept still leaves" do
    {client, port} = pair()
    :inet.setopts(port, sndbuf: 8_192)
    {:ok, server} = Socket.adopt(port, 1_000_000)
    assert Port.info(port) == nil
    data = :binary.copy("x", 5_000_000)
    assert Outbox.Socket.write(server, data) == :blocked
    assert Socket.queued(server) > 0
    reader = Task.async(fn -> :gen_tcp.recv(client, byte_size(data)) end)
    :ok = :gen_tcp.shutdown(client, :write)
    assert Socket.linger(server, 5_000) == :ok
    assert Task.await(reader) == {:ok, data}
    assert {:error, :closed} = :gen_tcp.recv(client, 0)
  end
end
