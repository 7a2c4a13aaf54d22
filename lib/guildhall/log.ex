defmodule Guildhall.Log do
  @moduledoc false

  # The program's log, for `bin/run` and releases; the library itself logs nothing. A line for what
  # an operator must know, none per client.

  require Logger

  alias Guildhall.Telemetry

  # At most one line a kind in this many milliseconds: a full disk refuses every write.
  @quiet 10_000

  # The calling process owns what is remembered; it should live as long as the node.
  @spec attach() :: :ok
  def attach do
    table = :ets.new(__MODULE__, [:public])

    :ok =
      Telemetry.attach(
        __MODULE__,
        [
          [:guildhall, :store, :refusal],
          [:guildhall, :store, :reopen],
          [:guildhall, :store, :damage],
          [:guildhall, :guild, :close],
          [:guildhall, :guild, :stop],
          [:guildhall, :http, :exception],
          [:guildhall, :telemetry, :failure]
        ],
        fn event, measurements, metadata ->
          with text when is_binary(text) <- text(event, measurements, metadata),
               true <- due?(table, {event, metadata[:reason]}) do
            Logger.warning(text)
          end
        end
      )
  end

  defp text([:guildhall, :store, :refusal], _measurements, %{reason: :storage_full}) do
    "the disk is full: writes are refused, reads go on. Make room; the node recovers by itself"
  end

  defp text([:guildhall, :store, :refusal], _measurements, %{reason: :overloaded}) do
    "the store cannot keep up: writes are refused"
  end

  defp text([:guildhall, :store, :refusal], _measurements, %{reason: :unavailable}) do
    "the disk failed: writes are refused until it answers again"
  end

  defp text([:guildhall, :store, :reopen], %{duration: duration}, _metadata) do
    "the database was opened again after an error of the disk, in #{milliseconds(duration)} ms"
  end

  defp text([:guildhall, :store, :damage], _measurements, _metadata) do
    "rows of the store are damaged, and were left out of what was read"
  end

  defp text([:guildhall, :guild, :close], _measurements, %{reason: reason, room_id: id}) do
    "guild #{id} cannot be served, and is unavailable to its members: #{inspect(reason)}"
  end

  defp text([:guildhall, :guild, :stop], _measurements, %{reason: reason, room_id: id})
       when reason not in [:normal, :shutdown, {:shutdown, :corrupt}, {:shutdown, :unserved}] do
    "room #{id} crashed and its sessions attach anew: #{inspect(reason)}"
  end

  defp text([:guildhall, :http, :exception], _measurements, metadata) do
    "#{metadata.method} #{metadata.path} crashed: " <>
      Exception.format(metadata.kind, metadata.reason, metadata.stacktrace)
  end

  defp text([:guildhall, :telemetry, :failure], _measurements, metadata) do
    "a telemetry handler was detached: " <>
      Exception.format(metadata.kind, metadata.reason, metadata.stacktrace)
  end

  defp text(_event, _measurements, _metadata), do: nil

  defp milliseconds(duration), do: System.convert_time_unit(duration, :native, :millisecond)

  defp due?(table, kind) do
    now = System.monotonic_time(:millisecond)

    case :ets.lookup(table, kind) do
      [{_kind, at}] when now - at < @quiet -> false
      _none -> :ets.insert(table, {kind, now})
    end
  end
end
