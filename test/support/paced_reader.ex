defmodule Guildhall.PacedReader do
  @moduledoc false

  # Goes on reading the connection of a `GatewayClient` at a given speed, in a process of its own. The caller
  # gets `{reader, payload}` for each payload, as a map, and `{reader, {:close, code}}` or
  # `{reader, :closed}` at the end.

  alias Guildhall.{GatewayClient, Payload}

  @tick 10

  @doc """
  Starts a reader of so many bytes in a second.

  A binary payload is decoded by `decode`, which takes it and returns a map; the process of the reader calls it.
  """
  def start(client, rate, decode \\ &json/1) do
    %GatewayClient{http: %{socket: socket, buffer: buffer}} = client
    parent = self()
    # One read is a tick's worth at most.
    :ok = :inet.setopts(socket, active: false, buffer: max(div(rate * @tick, 1_000), 1))

    pid =
      spawn_link(fn ->
        receive do: (:go -> :ok)
        began = System.monotonic_time(:millisecond)

        tick(%{
          socket: socket,
          rate: rate,
          parent: parent,
          decode: decode,
          began: began,
          read: 0,
          buffer: buffer
        })
      end)

    :ok = :gen_tcp.controlling_process(socket, pid)
    send(pid, :go)
    pid
  end

  defp tick(reader) do
    Process.send_after(self(), :tick, @tick)
    receive do: (:tick -> :ok)
    reader |> read() |> tick()
  end

  defp read(reader) do
    due = div((System.monotonic_time(:millisecond) - reader.began) * reader.rate, 1_000)

    if reader.read < due do
      case :gen_tcp.recv(reader.socket, 0, 0) do
        {:ok, data} ->
          buffer = tell(reader.buffer <> data, reader)
          read(%{reader | buffer: buffer, read: reader.read + byte_size(data)})

        # A client that has caught up does not read faster afterwards.
        {:error, :timeout} ->
          %{reader | read: due}

        {:error, _closed} ->
          send(reader.parent, {self(), :closed})
          exit(:normal)
      end
    else
      reader
    end
  end

  defp tell(<<1::1, 0::3, opcode::4, 0::1, rest::bitstring>> = buffer, reader) do
    case frame(rest) do
      {payload, rest} ->
        send(reader.parent, {self(), payload(opcode, payload, reader)})
        tell(rest, reader)

      :more ->
        buffer
    end
  end

  defp tell(buffer, _reader), do: buffer

  defp frame(<<126::7, size::16, payload::binary-size(size), rest::binary>>), do: {payload, rest}
  defp frame(<<127::7, size::64, payload::binary-size(size), rest::binary>>), do: {payload, rest}

  defp frame(<<size::7, payload::binary-size(size), rest::binary>>) when size < 126,
    do: {payload, rest}

  defp frame(_part), do: :more

  defp payload(8, <<code::16, _reason::binary>>, _reader), do: {:close, code}
  defp payload(1, text, _reader), do: json(text)
  defp payload(2, bytes, reader), do: reader.decode.(bytes)

  defp json(text) do
    {:ok, payload} = Payload.decode(text)
    payload
  end
end
