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
    {here, elsewhere} =
      table |> Table.routes(topic) |> Enum.split_with(fn {_topic, to} -> is_integer(to) end)

    dropped =
      for {_topic, index} <- here,
          drop = local(table, index, {:publish, topic, message}),
          do: drop

    remote = for {_topic, node} <- elsewhere, do: {node, {:topic, topic}}
    result(dropped ++ remote(table, remote, message))
  end

  @spec send(Table.t(), [pid()], term()) :: result()
  def send(table, pids, message) do
    here = node()
    to = fn pid -> if node(pid) == here, do: Table.partition(table, pid), else: node(pid) end
    {local, elsewhere} = pids |> Enum.group_by(to) |> Enum.split_with(&is_integer(elem(&1, 0)))

    dropped =
      for {index, pids} <- local, drop = local(table, index, {:relay, pids, message}), do: drop

    remote = for {node, pids} <- elsewhere, do: {node, {:pids, pids}}
    result(dropped ++ remote(table, remote, message))
  end

  defp result([]), do: :ok
  defp result(nodes), do: {:error, {:dropped, Enum.uniq(nodes)}}

  # Returns the node if it was dropped, as do those that follow.
  defp local(table, index, item) do
    to_destination(table, {index, node()}, 0, fn -> item end)
  end

  defp remote(_table, [], _message), do: []

  defp remote(table, destinations, message) do
    packed = :erlang.term_to_binary(message)

    for {node, to} <- destinations,
        size = byte_size(packed) + weight(to),
        drop = to_destination(table, {node, node}, size, fn -> {:event, {to, packed, size}} end),
        do: drop
  end

  # A partition that is not there is about to be, a node that is not there has gone.
  defp to_destination(table, {destination, node}, bytes, item) do
    case Table.destination(table, destination) do
      nil ->
        drop(table, node, :down, bytes)

      {pid, counter} ->
        if take?(table, counter, bytes) do
          Rounds.cast(pid, item.())
          nil
        else
          :atomics.add(counter, 3, 1)
          drop(table, node, :full, bytes)
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
  defp weight({:topic, _topic}), do: 64
  defp weight({:pids, pids}), do: 64 + 32 * length(pids)

  defp drop(table, node, reason, bytes) do
    metadata = %{fanout: table.name, node: node, reason: reason}
    Telemetry.emit([:fanout, :drop], %{count: 1, bytes: bytes}, metadata)
    node
  end
end
