defmodule Guildhall.Redteam.Tally do
  @moduledoc false

  # Reports of the processes of a run, in one public table: counts of outcomes, and notes in the
  # order of their times.

  @enforce_keys [:table, :started_at]
  defstruct @enforce_keys

  @type t :: %__MODULE__{table: :ets.table(), started_at: integer()}

  @spec new() :: t()
  def new do
    %__MODULE__{table: :ets.new(__MODULE__, [:ordered_set, :public]), started_at: now()}
  end

  @doc "Returns the milliseconds since the tally was made."
  @spec elapsed(t()) :: integer()
  def elapsed(tally), do: now() - tally.started_at

  @spec count(t(), term(), term(), integer()) :: :ok
  def count(tally, name, outcome, change \\ 1) do
    key = {:count, name, outcome}
    :ets.update_counter(tally.table, key, change, {key, 0})
    :ok
  end

  @doc "Returns the counts of a name: outcome to number."
  @spec counts(t(), term()) :: %{term() => integer()}
  def counts(tally, name) do
    Map.new(:ets.match(tally.table, {{:count, name, :"$1"}, :"$2"}), &List.to_tuple/1)
  end

  @doc "Keeps a fact with the time at which it was learned."
  @spec note(t(), term(), term()) :: :ok
  def note(tally, name, fact) do
    key = {:note, name, elapsed(tally), System.unique_integer([:monotonic])}
    :ets.insert(tally.table, {key, fact})
    :ok
  end

  @doc "Returns the notes of a name: time and fact, the oldest first."
  @spec notes(t(), term()) :: [{milliseconds :: integer(), term()}]
  def notes(tally, name) do
    Enum.map(:ets.match(tally.table, {{:note, name, :"$1", :_}, :"$2"}), &List.to_tuple/1)
  end

  defp now, do: System.monotonic_time(:millisecond)
end
