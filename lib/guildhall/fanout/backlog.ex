defmodule Guildhall.Fanout.Backlog do
  @moduledoc false

  # What a node is to be told, as a value: events in their order, and topics whose subscribers came
  # or went, of which only the last word counts. Events go in batches; so many of them may be on
  # the way that the other node has not said to be done with, and what is beyond that waits.

  alias Guildhall.Fanout.Table

  @window 32
  @batch_events 1_000
  @batch_bytes 262_144
  @batch_topics 1_000

  defstruct events: {[], []}, topics: %{}, sent: 0, done: 0

  @typedoc "An event with its size; its message is packed already."
  @type event :: {{:topic, term()} | {:pids, [pid()]}, packed :: binary(), size :: pos_integer()}
  @type t :: %__MODULE__{
          events: {[event()], newest_first :: [event()]},
          topics: %{optional(term()) => true},
          sent: non_neg_integer(),
          done: non_neg_integer()
        }

  @spec put(t(), event()) :: t()
  def put(%__MODULE__{events: {front, back}} = backlog, event) do
    %{backlog | events: {front, [event | back]}}
  end

  @spec put_topics(t(), [term()]) :: t()
  def put_topics(%__MODULE__{topics: known} = backlog, topics) do
    %{backlog | topics: Enum.reduce(topics, known, &Map.put(&2, &1, true))}
  end

  @doc "What goes next, and the backlog without it."
  @spec next(t(), Table.t()) ::
          {:topics, [{term(), boolean()}], t()}
          | {:events, [event()], t()}
          | :wait
          | :empty
  def next(%__MODULE__{topics: topics} = backlog, table) when topics != %{} do
    {now, later} = topics |> Map.keys() |> Enum.split(@batch_topics)
    known = for topic <- now, do: {topic, Table.wanted?(table, topic)}
    {:topics, known, %{backlog | topics: Map.take(topics, later)}}
  end

  def next(%__MODULE__{events: {[], []}}, _table), do: :empty

  def next(%__MODULE__{sent: sent, done: done}, _table) when sent - done >= @window, do: :wait

  def next(%__MODULE__{events: {[], back}} = backlog, table) do
    next(%{backlog | events: {Enum.reverse(back), []}}, table)
  end

  def next(%__MODULE__{events: {[first | front], back}} = backlog, _table) do
    {batch, front} = batch(front, [first], 1, size(first))
    {:events, batch, %{backlog | events: {front, back}, sent: backlog.sent + 1}}
  end

  # One event may pass the bound of bytes, or a large one would never go.
  defp batch([event | front], batch, count, bytes) when count < @batch_events do
    case bytes + size(event) do
      bytes when bytes <= @batch_bytes -> batch(front, [event | batch], count + 1, bytes)
      _too_many -> {Enum.reverse(batch), [event | front]}
    end
  end

  defp batch(front, batch, _count, _bytes), do: {Enum.reverse(batch), front}

  @doc "So many batches in all has the other node done."
  @spec done(t(), non_neg_integer()) :: t()
  def done(backlog, done), do: %{backlog | done: max(backlog.done, done)}

  @doc "Begins anew with a node that knows nothing: whatever was on the way is lost."
  @spec restart(t()) :: t()
  def restart(backlog), do: %{backlog | sent: 0, done: 0}

  defp size({_to, _packed, size}), do: size
end
