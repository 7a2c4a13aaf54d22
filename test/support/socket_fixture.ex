defmodule Guildhall.SocketFixture do
  @moduledoc false

  # TCP connections over loopback whose buffers are small, with the server's end as a
  # `Guildhall.Outbox.Socket` of the caller.

  alias Guildhall.Outbox.Socket

  @options [:binary, active: false, sndbuf: 8_192, recbuf: 8_192]

  @doc "The client's port and the server's socket."
  def pair(limit \\ 1_000_000) do
    {client, port} = ports()
    {:ok, socket} = Socket.adopt(port, limit)
    {client, socket}
  end

  @doc "Both ends as ports."
  def ports do
    {:ok, listener} = :gen_tcp.listen(0, [ip: {127, 0, 0, 1}] ++ @options)
    {:ok, number} = :inet.port(listener)
    {:ok, client} = :gen_tcp.connect({127, 0, 0, 1}, number, @options)
    {:ok, port} = :gen_tcp.accept(listener)
    :ok = :gen_tcp.close(listener)
    {client, port}
  end

  @doc "Reads until the bytes satisfy `done?`, and fails after 5 s without any."
  def read_until(client, done?, bytes \\ "") do
    if done?.(bytes) do
      bytes
    else
      {:ok, data} = :gen_tcp.recv(client, 0, 5_000)
      read_until(client, done?, bytes <> data)
    end
  end
end
