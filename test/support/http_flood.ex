defmodule Guildhall.HttpFlood do
  @moduledoc false

  # Bad clients by the thousand, from another OS process, so that neither their descriptors nor their
  # schedulers are the server's:
  #
  #     flood = HttpFlood.start()
  #     3_000 = HttpFlood.open(flood, port, silent: 1_000, half_head: 2_000)
  #
  # Kinds: `:silent` says nothing; `:half_head`, `:half_body` and `:half_frame` say half of something;
  # `:trickle` says a byte of an endless head ten times a second.

  @pause 100

  @doc "Starts the other process; it ends with the caller."
  def start do
    ebin = String.to_charlist(Path.dirname(:code.which(__MODULE__)))
    elixir = String.to_charlist(Path.dirname(:code.which(Enum)))

    {:ok, peer, _node} =
      :peer.start_link(%{connection: :standard_io, args: [~c"-pa", ebin, elixir]})

    peer
  end

  @doc "Opens connections and keeps them; returns how many the server accepted."
  def open(peer, port, kinds) do
    :peer.call(peer, __MODULE__, :run, [port, kinds], 60_000)
  end

  @doc false
  def run(port, kinds) do
    caller = self()

    spawn(fn ->
      sockets =
        for {kind, count} <- kinds, _ <- 1..count, socket = connect(port), do: {kind, socket}

      Enum.each(sockets, fn {kind, socket} -> :gen_tcp.send(socket, words(kind)) end)
      send(caller, {:opened, length(sockets)})
      trickle(for {:trickle, socket} <- sockets, do: socket)
    end)

    receive do
      {:opened, count} -> count
    end
  end

  # Passive, so that the server's refusals are not even read.
  defp connect(port) do
    case :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false], 10_000) do
      {:ok, socket} -> socket
      {:error, _reason} -> nil
    end
  end

  defp words(:silent), do: ""
  defp words(:half_head), do: "GET / HTTP/1.1\r\nhost: localh"
  defp words(:trickle), do: "GET / HTTP/1.1\r\nx-endless: "
  defp words(:half_body), do: "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n\r\nhalf"

  defp words(:half_frame) do
    [
      "GET /ws HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: upgrade\r\n",
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      <<0x81, 0x80 + 100, 1, 2, 3, 4, "half">>
    ]
  end

  defp trickle(sockets) do
    receive do
    after
      @pause -> trickle(for(socket <- sockets, :gen_tcp.send(socket, "x") == :ok, do: socket))
    end
  end
end
