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
          [:guildhall, :guild, :crash],
          [:guildhall, :guild, :stop],
          [:guildhall, :session, :stop],
          [:guildhall, :supervisor, :restart],
          [:guildhall, :http, :exception],
          [:guildhall, :telemetry, :failure]
        ],
        fn event, measurements, metadata ->
          with text when is_binary(text) <- text(event, measurements, metadata),
               true <- due?(table, kind(event, metadata)) do
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

  defp text([:guildhall, :guild, :stop], _measurements, %{reason: {:shutdown, reason}} = metadata)
       when reason not in [:corrupt, :unserved] do
    "room #{metadata.room_id} stopped, and its sessions attach again: #{cause(reason)}"
  end

  defp text([:guildhall, :guild, :crash], %{pause: 0}, %{reason: reason, room_id: id}) do
    "room #{id} crashed, and its sessions attach again: #{cause(reason)}"
  end

  defp text([:guildhall, :guild, :crash], %{pause: pause}, %{reason: reason, room_id: id}) do
    "room #{id} crashed again, and is unavailable for #{pause} ms: #{cause(reason)}"
  end

  defp text([:guildhall, :session, :stop], _measurements, %{reason: :crash}) do
    "a session crashed; its client begins another one"
  end

  defp text([:guildhall, :supervisor, :restart], %{delay: delay}, metadata) do
    "#{inspect(metadata.part)} crashed and is restarted in #{delay} ms: #{cause(metadata.reason)}"
  end

  defp text([:guildhall, :http, :exception], _measurements, metadata) do
    "#{metadata.method} #{metadata.path} crashed: #{cause({metadata.reason, metadata.stacktrace})}"
  end

  defp text([:guildhall, :telemetry, :failure], _measurements, metadata) do
    "a telemetry handler was detached: #{cause({metadata.reason, metadata.stacktrace})}"
  end

  defp text(_event, _measurements, _metadata), do: nil

  # Of a crash its kind and its place. The values of a reason may be a client's messages or tokens.
  defp cause({reason, [{module, function, arity, _place} | _rest]}) do
    arity = if is_list(arity), do: length(arity), else: arity
    "#{cause(reason)} in #{Exception.format_mfa(module, function, arity)}"
  end

  defp cause({:failed_to_start_child, _id, reason}), do: cause(reason)
  defp cause({:shutdown, reason}), do: cause(reason)
  defp cause({kind, reason}) when kind in [:error, :exit, :throw], do: cause(reason)
  defp cause(%{__exception__: true, __struct__: module}), do: inspect(module)
  defp cause(reason) when is_atom(reason), do: inspect(reason)
  defp cause(reason) when is_tuple(reason) and tuple_size(reason) > 0, do: cause(elem(reason, 0))
  defp cause(_reason), do: "unknown"

  defp kind(event, %{part: part}), do: {event, part}
  defp kind(event, metadata), do: {event, cause(metadata[:reason])}

  defp milliseconds(duration), do: System.convert_time_unit(duration, :native, :millisecond)

  defp due?(table, kind) do
    now = System.monotonic_time(:millisecond)

    case :ets.lookup(table, kind) do
      [{_kind, at}] when now - at < @quiet -> false
      _none -> :ets.insert(table, {kind, now})
    end
  end
end
