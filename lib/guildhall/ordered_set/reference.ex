defmodule Guildhall.OrderedSet.Reference do
  @moduledoc false

  # `Guildhall.OrderedSet` in plain Elixir: a sorted list of `{key, payload}`. It is the oracle of
  # the property test and the baseline of the benchmark. It is a value: what changes it returns it.

  @type t :: [{key :: term(), payload :: binary()}]

  @spec new() :: t()
  def new, do: []

  @spec put(t(), term(), binary()) :: {{:ok, {:new | :known, non_neg_integer()}}, t()}
  def put(set, key, payload \\ "") do
    {before, rest} = split(set, key)
    rank = length(before)

    case rest do
      [{known, _payload} | rest] when known === key ->
        {{:ok, {:known, rank}}, before ++ [{key, payload} | rest]}

      rest ->
        {{:ok, {:new, rank}}, before ++ [{key, payload} | rest]}
    end
  end

  @spec delete(t(), term()) :: {{:ok, non_neg_integer()} | {:error, :not_found}, t()}
  def delete(set, key) do
    case rank(set, key) do
      {:ok, rank} -> {{:ok, rank}, List.delete_at(set, rank)}
      not_found -> {not_found, set}
    end
  end

  @spec rank(t(), term()) :: {:ok, non_neg_integer()} | {:error, :not_found}
  def rank(set, key) do
    case Enum.find_index(set, fn {known, _payload} -> known === key end) do
      nil -> {:error, :not_found}
      rank -> {:ok, rank}
    end
  end

  @spec get(t(), term()) :: {:ok, binary()} | {:error, :not_found}
  def get(set, key) do
    with {:ok, rank} <- rank(set, key), do: {:ok, set |> Enum.at(rank) |> elem(1)}
  end

  @spec entries(t(), non_neg_integer(), non_neg_integer()) :: t()
  def entries(set, from, count), do: Enum.slice(set, from, count)

  @spec range(t(), from :: term(), until :: term()) :: t()
  def range(set, from, until) do
    for {key, _payload} = entry <- set, not before?(key, from), before?(key, until), do: entry
  end

  defp split(set, key), do: Enum.split_while(set, fn {known, _} -> before?(known, key) end)

  @doc "Whether a key comes before another: Erlang's order, but never equal if they are not the same."
  @spec before?(term(), term()) :: boolean()
  def before?(a, b) when is_number(a) and is_number(b) do
    a < b or (a == b and is_integer(a) and is_float(b))
  end

  def before?(a, b) when is_tuple(a) and is_tuple(b) and tuple_size(a) == tuple_size(b) do
    elements_before?(Tuple.to_list(a), Tuple.to_list(b))
  end

  def before?([_ | _] = a, [_ | _] = b), do: elements_before?(a, b)
  def before?(a, b), do: a < b

  defp elements_before?([same | a], [same_too | b]) when same === same_too,
    do: elements_before?(a, b)

  defp elements_before?([a | _], [b | _]), do: before?(a, b)
  defp elements_before?(a, b), do: before?(a, b)
end
