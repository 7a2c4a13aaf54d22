defmodule Guildhall.Gateway.Handshake do
  @moduledoc false

  # A connection until it has a session: HELLO, heartbeats, and an IDENTIFY or a RESUME in time. Runs in
  # the connection's process, which ends when the socket is the session's.
  #
  # An answer with op 9 leaves the connection as it was, its deadline included: two libraries identify
  # again on it.

  alias Guildhall.Gateway.{Connection, Opcode}
  alias Guildhall.Http.Failures
  alias Guildhall.Session

  # Refusals that are no fault of what the client sent: it may try again here.
  @again [:gone, :rate_limited]

  @spec run(Connection.t()) :: :ok
  def run(%Connection{instance: instance} = connection) do
    settings = Session.settings(instance)
    hello = Opcode.hello(settings.heartbeat_interval, to_string(instance))

    connection
    |> Connection.put(hello)
    |> Connection.activate()
    |> serve(deadline(connection))
  end

  defp serve({:ok, commands, connection}, deadline), do: commands(commands, connection, deadline)
  defp serve({:closed, _code}, _deadline), do: :ok

  defp commands([], connection, deadline) do
    receive do
      message ->
        case Connection.handle_info(message, connection) do
          :unknown -> commands([], connection, deadline)
          outcome -> serve(outcome, deadline)
        end
    after
      max(deadline - now(), 0) -> Connection.close(connection, :identify_timeout)
    end
  end

  defp commands([{:heartbeat, _sequence} | rest], connection, deadline) do
    commands(rest, Connection.acknowledge(connection), deadline)
  end

  defp commands([:writable | rest], connection, deadline),
    do: commands(rest, connection, deadline)

  # The commands behind one that gives a session are the session's.
  defp commands([{:identify, identify} | rest], connection, deadline) do
    identify = %{identify | version: connection.version}

    connection.instance
    |> Session.start(identify, {Connection, Connection.pending(connection, rest)})
    |> outcome(rest, connection, deadline)
  end

  defp commands([{:resume, resume} | rest], connection, deadline) do
    connection.instance
    |> Session.resume(resume, {Connection, Connection.pending(connection, rest)})
    |> outcome(rest, connection, deadline)
  end

  defp commands([{:invalid, reason} | _rest], connection, _deadline) do
    Connection.close(connection, reason)
  end

  defp commands([_command | _rest], connection, _deadline) do
    Connection.close(connection, :not_authenticated)
  end

  defp outcome({:ok, _session_id}, _rest, _connection, _deadline), do: :ok
  defp outcome({:error, :closed}, _rest, _connection, _deadline), do: :ok

  defp outcome({:error, reason}, rest, connection, deadline) when reason in @again do
    commands(rest, Connection.put(connection, Opcode.invalid_session()), deadline)
  end

  defp outcome({:error, reason}, _rest, connection, _deadline) do
    if reason == :authentication_failed, do: failed(connection)
    Connection.close(connection, reason)
  end

  defp failed(%Connection{instance: instance, peer: {address, _port}}) do
    Failures.count(instance, address)
  end

  defp failed(_connection), do: :ok

  defp deadline(%Connection{instance: instance}) do
    now() + Session.settings(instance).identify_timeout
  end

  defp now, do: System.monotonic_time(:millisecond)
end
