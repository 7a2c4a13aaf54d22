defmodule Guildhall.Table do
  @moduledoc """
  A map that may have a million entries, for a process that must not stand still.

  Garbage collection copies what is on the heap, and a process with a million entries there would stop
  for seconds. So a table is a map while it is small, and more entries are in an ETS table of the
  process.

      iex> alias Guildhall.Table
      iex> table = Table.put(Table.new(), :a, 1)
      iex> {Table.get(table, :a), Table.get(table, :b), Table.size(table)}
      {1, nil, 1}

  For a pure core it is a value all the same: what is derived from it is laid over the ETS table, and
  does not change it. `settle/1` writes that down and leaves nothing laid over. It is for the process,
  at the end of a message, on the state that it keeps: every other value is void then.

  A look-up copies the value from the ETS table, so values are better small.
  """

  # Up to how many entries it is a map alone.
  @small 512

  defstruct size: 0, over: %{}, ets: nil, codec: nil

  @type key :: term()
  @type value :: term()
  @type t :: %__MODULE__{
          size: non_neg_integer(),
          # What differs from the ETS table. Without one, all there is.
          over: %{optional(key()) => {:put, value()} | :deleted},
          ets: :ets.tid() | nil,
          # How values are written into the ETS table and read again, if not as they are.
          codec: {(value() -> term()), (term() -> value())} | nil
        }

  @doc "Makes an empty table. The codec, an encoder and a decoder, makes values smaller."
  @spec new({(value() -> term()), (term() -> value())} | nil) :: t()
  def new(codec \\ nil), do: %__MODULE__{codec: codec}

  @doc "Returns how many entries there are."
  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{size: size}), do: size

  @doc "Returns the value of a key as `{:ok, value}`, or `:error`."
  @spec fetch(t(), key()) :: {:ok, value()} | :error
  def fetch(%__MODULE__{over: over} = table, key) do
    case over do
      %{^key => {:put, value}} -> {:ok, value}
      %{^key => :deleted} -> :error
      %{} -> settled(table, key)
    end
  end

  defp settled(%__MODULE__{ets: nil}, _key), do: :error

  defp settled(%__MODULE__{ets: ets} = table, key) do
    case :ets.lookup(ets, key) do
      [{^key, value}] -> {:ok, read(table, value)}
      [] -> :error
    end
  end

  @doc "Returns the value of a key, or the default."
  @spec get(t(), key(), default :: value()) :: value()
  def get(table, key, default \\ nil) do
    case fetch(table, key) do
      {:ok, value} -> value
      :error -> default
    end
  end

  @doc "Whether there is such an entry."
  @spec has_key?(t(), key()) :: boolean()
  def has_key?(%__MODULE__{over: over} = table, key) do
    case over do
      %{^key => change} -> change != :deleted
      %{} -> settled?(table, key)
    end
  end

  defp settled?(%__MODULE__{ets: nil}, _key), do: false
  defp settled?(%__MODULE__{ets: ets}, key), do: :ets.member(ets, key)

  @doc "Puts a value in, in the place of the one that may be there."
  @spec put(t(), key(), value()) :: t()
  def put(%__MODULE__{} = table, key, value) do
    size = if has_key?(table, key), do: table.size, else: table.size + 1
    %{table | over: Map.put(table.over, key, {:put, value}), size: size}
  end

  @doc "Takes an entry out."
  @spec delete(t(), key()) :: t()
  def delete(%__MODULE__{} = table, key) do
    if has_key?(table, key),
      do: %{table | over: without(table, key), size: table.size - 1},
      else: table
  end

  defp without(%__MODULE__{ets: nil, over: over}, key), do: Map.delete(over, key)
  defp without(%__MODULE__{over: over}, key), do: Map.put(over, key, :deleted)

  @doc "Takes an entry out: `{value, table}`, with nil for one that is not there."
  @spec pop(t(), key()) :: {value() | nil, t()}
  def pop(table, key), do: {get(table, key), delete(table, key)}

  @doc "Returns some entries, `count` if there are as many; mostly the same ones each time."
  @spec take(t(), count :: non_neg_integer()) :: [{key(), value()}]
  def take(%__MODULE__{over: over} = table, count) do
    laid = for {key, {:put, value}} <- over, do: {key, value}
    laid |> Enum.take(count) |> Kernel.++(take_settled(table, max(count - length(laid), 0)))
  end

  defp take_settled(%__MODULE__{ets: nil}, _count), do: []
  defp take_settled(_table, 0), do: []

  # Those that are laid over are read in vain.
  defp take_settled(%__MODULE__{ets: ets, over: over} = table, count) do
    case :ets.match_object(ets, :_, count + map_size(over)) do
      {rows, _continuation} ->
        rows = for {key, value} <- rows, not is_map_key(over, key), do: {key, read(table, value)}
        Enum.take(rows, count)

      :"$end_of_table" ->
        []
    end
  end

  @doc "Returns every entry. It costs what copying them costs."
  @spec to_list(t()) :: [{key(), value()}]
  def to_list(%__MODULE__{size: size} = table), do: take(table, size)

  @doc "Returns every key."
  @spec keys(t()) :: [key()]
  def keys(table), do: for({key, _value} <- to_list(table), do: key)

  @doc "Returns every value."
  @spec values(t()) :: [value()]
  def values(table), do: for({_key, value} <- to_list(table), do: value)

  @doc "Writes down what was laid over; the process that calls it owns the ETS table."
  @spec settle(t()) :: t()
  def settle(%__MODULE__{over: over} = table) when over == %{}, do: table
  def settle(%__MODULE__{ets: nil, size: size} = table) when size <= @small, do: table

  def settle(%__MODULE__{ets: nil} = table), do: table |> outside() |> settle()

  def settle(%__MODULE__{ets: ets, over: over} = table) do
    for {key, change} <- over do
      case change do
        {:put, value} -> :ets.insert(ets, {key, write(table, value)})
        :deleted -> :ets.delete(ets, key)
      end
    end

    %{table | over: %{}}
  end

  defp outside(table), do: %{table | ets: :ets.new(__MODULE__, [:protected])}

  @typedoc "A table as other processes read it: what was settled last."
  @type shared :: %__MODULE__{}

  @doc "Settles a table and lets other processes read it from now on, whatever its size."
  @spec share(t()) :: {shared(), t()}
  def share(%__MODULE__{ets: nil} = table), do: table |> outside() |> share()

  def share(%__MODULE__{} = table) do
    table = settle(table)
    {table, table}
  end

  @doc """
  Returns some keys of a shared table and where to go on, `nil` at the end and at the beginning.

  Whoever is in the table all the time is met once, if the caller holds it (`hold/1`).
  """
  @spec walk(shared(), continuation :: term(), pos_integer()) :: {[key()], term()}
  def walk(%__MODULE__{ets: ets}, nil, count) do
    walked(:ets.select(ets, [{{:"$1", :_}, [], [:"$1"]}], count))
  end

  def walk(_table, continuation, _count), do: walked(:ets.select(continuation))

  defp walked(:"$end_of_table"), do: {[], nil}
  defp walked({keys, :"$end_of_table"}), do: {keys, nil}
  defp walked({keys, continuation}), do: {keys, continuation}

  @doc "Lets walks of the caller meet every key; each call wants one of `release/1`."
  @spec hold(shared()) :: true
  def hold(%__MODULE__{ets: ets}), do: :ets.safe_fixtable(ets, true)

  @doc "Ends what `hold/1` began."
  @spec release(shared()) :: true
  def release(%__MODULE__{ets: ets}), do: :ets.safe_fixtable(ets, false)

  @doc "Returns how many entries a shared table has now."
  @spec count(shared()) :: non_neg_integer()
  def count(%__MODULE__{ets: ets}), do: :ets.info(ets, :size)

  defp write(%__MODULE__{codec: nil}, value), do: value
  defp write(%__MODULE__{codec: {encode, _decode}}, value), do: encode.(value)

  defp read(%__MODULE__{codec: nil}, value), do: value
  defp read(%__MODULE__{codec: {_encode, decode}}, value), do: decode.(value)
end
