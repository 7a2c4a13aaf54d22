defmodule Guildhall.Fanout.Subscribers do
  @moduledoc false

  # Who is subscribed to what at one partition, as a value. A subscriber is a process, which gets
  # messages, or has an outbox, which gets events; of each topic the two are kept apart.
  #
  # What a round needs of a topic are lists. They are made when they are first needed and kept until
  # somebody comes or goes, and are in the order of pids: processes that were started one after the
  # other lie near each other in memory, and sending to them in another order takes twice the time.

  alias Guildhall.Outbox

  defstruct topics: %{}, pids: %{}

  @typep topic :: Guildhall.Fanout.topic()
  @typep outbox :: Outbox.t() | nil
  @typep audience :: %{
           mailboxes: %{optional(pid()) => true},
           outboxes: %{optional(pid()) => Outbox.t()},
           seats: seats() | nil
         }
  @typedoc "Who gets messages; the outboxes; their owners, in the same order."
  @type seats :: {[pid()], [Outbox.t()], [pid()]}
  @type t :: %__MODULE__{
          topics: %{optional(topic()) => audience()},
          pids: %{optional(pid()) => %{optional(topic()) => outbox()}}
        }

  @nobody %{mailboxes: %{}, outboxes: %{}, seats: nil}

  @spec put(t(), pid(), topic(), outbox()) :: t()
  def put(%__MODULE__{topics: topics, pids: pids} = subscribers, pid, topic, outbox) do
    audience = topics |> Map.get(topic, @nobody) |> leave(pid) |> enter(pid, outbox)
    own = pids |> Map.get(pid, %{}) |> Map.put(topic, outbox)
    %{subscribers | topics: Map.put(topics, topic, audience), pids: Map.put(pids, pid, own)}
  end

  @spec delete(t(), pid(), topic()) :: t()
  def delete(%__MODULE__{topics: topics, pids: pids} = subscribers, pid, topic) do
    case pids do
      %{^pid => %{^topic => _outbox} = own} ->
        topics = put_or_drop(topics, topic, leave(topics[topic], pid), &empty?/1)
        pids = put_or_drop(pids, pid, Map.delete(own, topic), &(&1 == %{}))
        %{subscribers | topics: topics, pids: pids}

      %{} ->
        subscribers
    end
  end

  @doc "The topics of a process."
  @spec topics(t(), pid()) :: %{optional(topic()) => outbox()}
  def topics(%__MODULE__{pids: pids}, pid), do: Map.get(pids, pid, %{})

  @spec topic?(t(), topic()) :: boolean()
  def topic?(%__MODULE__{topics: topics}, topic), do: is_map_key(topics, topic)

  @doc "How many there are of a topic."
  @spec size(t(), topic()) :: non_neg_integer()
  def size(%__MODULE__{topics: topics}, topic) do
    case topics do
      %{^topic => audience} -> map_size(audience.mailboxes) + map_size(audience.outboxes)
      %{} -> 0
    end
  end

  @doc "The lists of a topic; and the subscribers, who remember them."
  @spec seats(t(), topic()) :: {seats(), t()}
  def seats(%__MODULE__{topics: topics} = subscribers, topic) do
    case topics do
      %{^topic => %{seats: nil} = audience} ->
        {owners, outboxes} = audience.outboxes |> Enum.sort() |> Enum.unzip()
        seats = {audience.mailboxes |> Map.keys() |> Enum.sort(), outboxes, owners}
        {seats, %{subscribers | topics: Map.put(topics, topic, %{audience | seats: seats})}}

      %{^topic => %{seats: seats}} ->
        {seats, subscribers}

      %{} ->
        {{[], [], []}, subscribers}
    end
  end

  defp enter(audience, pid, nil) do
    %{audience | mailboxes: Map.put(audience.mailboxes, pid, true), seats: nil}
  end

  defp enter(audience, pid, outbox) do
    %{audience | outboxes: Map.put(audience.outboxes, pid, outbox), seats: nil}
  end

  defp leave(%{outboxes: outboxes} = audience, pid) when is_map_key(outboxes, pid) do
    %{audience | outboxes: Map.delete(outboxes, pid), seats: nil}
  end

  defp leave(audience, pid) do
    %{audience | mailboxes: Map.delete(audience.mailboxes, pid), seats: nil}
  end

  defp empty?(%{mailboxes: mailboxes, outboxes: outboxes}) do
    mailboxes == %{} and outboxes == %{}
  end

  defp put_or_drop(map, key, value, drop?) do
    if drop?.(value), do: Map.delete(map, key), else: Map.put(map, key, value)
  end
end
