defmodule Guildhall.Gateway.Farewell do
  @moduledoc false

  # Sees a closing handshake through, in a process of its own, so that a session need not: it may end
  # at once, or go on and wait for its client to come back. Lives as long as the socket, which the
  # WebSocket's `close_timeout` ends.

  alias Guildhall.Http.WebSocket

  @doc "Closes the caller's socket. The close frame is written when it returns, if the socket takes it."
  @spec say(WebSocket.t(), code :: pos_integer(), text :: String.t()) :: :ok
  def say(ws, code, text) do
    caller = self()
    {pid, monitor} = spawn_monitor(fn -> take(caller, code, text) end)

    case WebSocket.transfer(ws, pid) do
      {:ok, ws} -> send(pid, {__MODULE__, ws})
      {:error, _reason} -> part(ws, pid, code, text)
    end

    receive do
      {__MODULE__, ^pid} -> Process.demonitor(monitor, [:flush])
      {:DOWN, ^monitor, :process, _pid, _reason} -> :ok
    end

    :ok
  end

  # A client that has ended its side does not answer, but may still read.
  defp part(ws, pid, code, text) do
    send(pid, {__MODULE__, nil})
    {:ok, ws} = WebSocket.close(ws, code, text)
    :ok = WebSocket.abort(ws)
  end

  defp take(caller, code, text) do
    monitor = Process.monitor(caller)

    receive do
      {__MODULE__, nil} -> :ok
      {__MODULE__, ws} -> close(ws, caller, code, text)
      {:DOWN, ^monitor, :process, _pid, _reason} -> :ok
    end
  end

  defp close(ws, caller, code, text) do
    {:ok, events, ws} = WebSocket.activate(ws)
    {:ok, ws} = WebSocket.close(ws, code, text)
    send(caller, {__MODULE__, self()})
    wait(events, ws)
  end

  defp wait(events, ws) do
    unless Enum.any?(events, &match?({:closed, _code}, &1)) do
      receive do
        message ->
          case WebSocket.handle(ws, message) do
            {:ok, events, ws} -> wait(events, ws)
            :unknown -> wait([], ws)
          end
      end
    end
  end
end
