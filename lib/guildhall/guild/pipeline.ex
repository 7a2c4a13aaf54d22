defmodule Guildhall.Guild.Pipeline do
  @moduledoc false

  # The writes of a room that are on their way to the store, as a value.
  #
  # A write gets the next index when it is submitted. Results may be settled in any order, and are
  # released strictly in index order. A write holds the keys that it changes until it is released;
  # whoever needs one of them waits for that index, so that nothing is ever decided on what may
  # still fail.
  #
  # **Invariant:** `released < index < next` for every entry, and every waiter waits for an entry.

  @enforce_keys [:limit]
  defstruct [:limit, next: 1, released: 0, entries: %{}, held: %{}, waiting: %{}, waiters: 0]

  @type key :: term()
  @type index :: pos_integer()
  @type t :: %__MODULE__{
          limit: pos_integer(),
          next: index(),
          released: non_neg_integer(),
          entries: %{optional(index()) => {[key()], payload :: term(), result :: term()}},
          held: %{optional(key()) => index()},
          waiting: %{optional(index()) => [term()]},
          waiters: non_neg_integer()
        }

  @spec new(limit :: pos_integer()) :: t()
  def new(limit), do: %__MODULE__{limit: limit}

  @doc "How many commands may still enter: writes in flight and commands that wait count."
  @spec room(t()) :: non_neg_integer()
  def room(%__MODULE__{} = pipeline), do: max(pipeline.limit - depth(pipeline), 0)

  @spec depth(t()) :: non_neg_integer()
  def depth(%__MODULE__{entries: entries, waiters: waiters}), do: map_size(entries) + waiters

  @spec idle?(t()) :: boolean()
  def idle?(%__MODULE__{entries: entries}), do: entries == %{}

  @doc "The index that must be released before these keys are free, or nil."
  @spec blocker(t(), [key()]) :: index() | nil
  def blocker(%__MODULE__{held: held}, _keys) when held == %{}, do: nil

  def blocker(%__MODULE__{held: held}, keys) do
    Enum.reduce(keys, nil, fn key, latest ->
      case held do
        %{^key => index} when latest == nil or index > latest -> index
        %{} -> latest
      end
    end)
  end

  @doc "Puts a command aside until the index is released."
  @spec wait(t(), index(), term()) :: t()
  def wait(%__MODULE__{} = pipeline, index, command) when is_map_key(pipeline.entries, index) do
    waiting = Map.update(pipeline.waiting, index, [command], &[command | &1])
    %{pipeline | waiting: waiting, waiters: pipeline.waiters + 1}
  end

  @doc "Takes the index `next` for a write that holds these keys."
  @spec submit(t(), [key()], payload :: term()) :: t()
  def submit(%__MODULE__{next: index} = pipeline, keys, payload) do
    entries = Map.put(pipeline.entries, index, {keys, payload, nil})
    held = Enum.reduce(keys, pipeline.held, &Map.put(&2, &1, index))
    %{pipeline | next: index + 1, entries: entries, held: held}
  end

  @doc "The keys that a write holds."
  @spec keys(t(), index()) :: [key()]
  def keys(%__MODULE__{entries: entries}, index) do
    {keys, _payload, _result} = Map.fetch!(entries, index)
    keys
  end

  @doc """
  Notes a write's result, and returns what can be released now, in order.

  Each released write comes with its index, and with the commands that waited for it, oldest first.
  """
  @spec settle(t(), index(), result :: term()) ::
          {[{index(), payload :: term(), result :: term(), waiters :: [term()]}], t()}
  def settle(%__MODULE__{} = pipeline, index, result) when result != nil do
    {keys, payload, nil} = Map.fetch!(pipeline.entries, index)
    entries = Map.put(pipeline.entries, index, {keys, payload, result})
    release(%{pipeline | entries: entries}, [])
  end

  defp release(%__MODULE__{released: released, entries: entries} = pipeline, done) do
    index = released + 1

    case entries do
      %{^index => {keys, payload, result}} when result != nil ->
        {waiters, waiting} = Map.pop(pipeline.waiting, index, [])

        pipeline = %{
          pipeline
          | released: index,
            entries: Map.delete(entries, index),
            held: free(pipeline.held, keys, index),
            waiting: waiting,
            waiters: pipeline.waiters - length(waiters)
        }

        release(pipeline, [{index, payload, result, Enum.reverse(waiters)} | done])

      %{} ->
        {Enum.reverse(done), pipeline}
    end
  end

  defp free(held, keys, index) do
    Enum.reduce(keys, held, fn key, held ->
      if Map.get(held, key) == index, do: Map.delete(held, key), else: held
    end)
  end
end
