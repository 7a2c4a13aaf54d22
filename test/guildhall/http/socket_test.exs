defmodule Guildhall.Http.SocketTest do
  use ExUnit.Case, async: true

  alias Guildhall.Http.Socket

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

  test "what is offered is taken whole or not at all" do
    {client, server} = pair()
    :inet.setopts(server, sndbuf: 8_192)
    taken = offer(server, 0)
    assert Socket.offer(server, "more") == :full
    assert Socket.queued(server) > 0
    assert {:ok, data} = :gen_tcp.recv(client, taken)
    assert byte_size(data) == taken
    :gen_tcp.close(server)
    assert Socket.offer(server, "more") == :closed
    assert Socket.queued(server) == 0
    assert {:error, :closed} = :gen_tcp.recv(client, 0)
  end

  defp offer(server, taken) do
    case Socket.offer(server, :binary.copy("x", 50_000)) do
      :taken -> offer(server, taken + 50_000)
      :full -> taken
    end
  end
end
