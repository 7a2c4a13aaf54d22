defmodule Guildhall.Guild.Recent do
  @moduledoc false

  # The rows that the room changed lately, as they are now.
  #
  # Rows are read in the callers' processes, before their command enters the room. A caller reads
  # the room's released index first, its stamp. If the room still knows every change after that
  # index, the rows it does not find here are as the caller read them; else the caller reads again.

  @enforce_keys [:limit]
  defstruct [:limit, floor: 0, values: %{}, order: :queue.new(), size: 0]

  @type key :: term()
  @type t :: %__MODULE__{
          limit: pos_integer(),
          floor: non_neg_integer(),
          values: %{optional(key()) => {index :: pos_integer(), value :: term()}},
          order: :queue.queue({index :: pos_integer(), key()}),
          size: non_neg_integer()
        }

  @spec new(limit :: pos_integer()) :: t()
  def new(limit), do: %__MODULE__{limit: limit}

  @doc "Whether rows read at this stamp are current, but for those that `fetch/2` finds."
  @spec current?(t(), stamp :: non_neg_integer()) :: boolean()
  def current?(%__MODULE__{floor: floor}, stamp), do: stamp >= floor

  @spec fetch(t(), key()) :: {:ok, term()} | :error
  def fetch(%__MODULE__{values: values}, key) do
    case values do
      %{^key => {_index, value}} -> {:ok, value}
      %{} -> :error
    end
  end

  @doc "Every row that the room changed lately, as it is now."
  @spec all(t()) :: [{key(), value :: term()}]
  def all(%__MODULE__{values: values}),
    do: for({key, {_index, value}} <- values, do: {key, value})

  @doc "Notes what the write with this index made of a row. Indexes never fall."
  @spec put(t(), key(), value :: term(), index :: pos_integer()) :: t()
  def put(%__MODULE__{} = recent, key, value, index) do
    values = Map.put(recent.values, key, {index, value})
    order = :queue.in({index, key}, recent.order)
    trim(%{recent | values: values, order: order, size: recent.size + 1})
  end

  @doc "Forgets rows whose write failed: nobody knows what is in the store, so all must read again."
  @spec doubt(t(), [key()], index :: pos_integer()) :: t()
  def doubt(%__MODULE__{} = recent, keys, index) do
    %{recent | values: Map.drop(recent.values, keys), floor: max(recent.floor, index)}
  end

  defp trim(%__MODULE__{size: size, limit: limit} = recent) when size <= limit, do: recent

  defp trim(%__MODULE__{} = recent) do
    {{:value, {index, key}}, order} = :queue.out(recent.order)

    # A row that changed again since is at its later place in the order.
    values =
      case recent.values do
        %{^key => {^index, _value}} -> Map.delete(recent.values, key)
        values -> values
      end

    trim(%{recent | values: values, order: order, size: recent.size - 1, floor: index})
  end
end
