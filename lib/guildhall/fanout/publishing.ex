defmodule Guildhall.Fanout.Publishing do
  @moduledoc false

  # What a publisher does, in its own process: finds where a message goes, counts what waits there,
  # and sends it, to this node's partitions as it is and to the senders of other nodes packed, once
  # for all of them.

  alias Guildhall.Fanout.{Rounds, Table}
  alias Guildhall.Telemetry

  @typep result :: :ok | {:error, {:dropped, [node()]}}

  @spec publish(Table.t(), Guildhall.Fanout.topic(), term()) :: result()
  def publish(table, topic, message) do
    parts = for {_topic, to} <- Table.routes(table, topic), do: {to, {:topic, topic}}
    put_all(table, parts, message)
  end

  @spec send(Table.t(), [pid()], term()) :: result()
  def send(table, pids, message) do
    here = node()
    to = fn pid -> if node(pid) == here, do: Table.partition(table, pid), else: node(pid) end
    parts = for {to, pids} <- Enum.group_by(pids, to), do: {to, {:pids, pids}}
    put_all(table, parts, message)
  end

  # A part is a destination, and whom of it the message is for.
  defp put_all(_table, [], _message), do: :ok

  defp put_all(table, parts, message) do
    packed = if Enum.any?(parts, &is_atom(elem(&1, 0))), do: :erlang.term_to_binary(message)
    bytes = if packed, do: byte_size(packed), else: :erlang.external_size(message)

    dropped =
      for {to, whom} <- parts,
          {node, form} = if(is_atom(to), do: {to, packed}, else: {node(), message}),
          put(table, to, {whom, form, bytes + weight(whom)}) == :dropped,
          do: node

    result(dropped)
  end

  defp result([]), do: :ok
  defp result(nodes), do: {:error, {:dropped, Enum.uniq(nodes)}}

  # A partition that is not there is about to be, a node that is not there has gone.
  defp put(table, to, {_whom, _form, bytes} = event) do
    case Table.destination(table, to) do
      nil ->
        drop(table, to, :down, bytes)

      {pid, counter} ->
        if take?(table, counter, bytes) do
          Rounds.cast(pid, {:event, event})
        else
          :atomics.add(counter, 3, 1)
          drop(table, to, :full, bytes)
        end
    end
  end

  defp take?(table, counter, bytes) do
    events = :atomics.add_get(counter, 1, 1)
    waiting = :atomics.add_get(counter, 2, bytes)
    taken? = events <= table.max_events and waiting <= table.max_bytes

    unless taken? do
      :atomics.sub(counter, 1, 1)
      :atomics.sub(counter, 2, bytes)
    end

    taken?
  end

  # About what the rest of an event takes.
  defp weight({:pids, pids}), do: 64 + 32 * length(pids)
  defp weight({:topic, _topic}), do: 64

  defp drop(table, to, reason, bytes) do
    node = if is_atom(to), do: to, else: node()
    metadata = %{fanout: table.name, node: node, reason: reason}
    Telemetry.emit([:fanout, :drop], %{count: 1, bytes: bytes}, metadata)
    :dropped
  end
end
