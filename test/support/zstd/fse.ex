defmodule Guildhall.Zstd.Fse do
  @moduledoc false

  # Finite state entropy (RFC 8878, 4.1): a table has for each state its symbol, how many bits the next state
  # is read from, and what these are added to.

  import Bitwise

  @type t :: {accuracy :: non_neg_integer(), states :: tuple()}

  @doc "The table of one symbol, which takes no bits."
  @spec constant(non_neg_integer()) :: t()
  def constant(symbol), do: {0, {{symbol, 0, 0}}}

  @doc "Reads a table's description; returns what is behind it."
  @spec read(binary()) :: {t(), binary()}
  def read(bytes) do
    head = binary_part(bytes, 0, min(byte_size(bytes), 512))
    number = :binary.decode_unsigned(head, :little)
    accuracy = (number &&& 15) + 5
    {counts, bits} = counts(number, 4, 1 <<< accuracy, (1 <<< accuracy) + 1, [])
    size = div(bits + 7, 8)
    <<_description::binary-size(size), rest::binary>> = bytes
    {build(counts, accuracy), rest}
  end

  # The probabilities of the symbols in order, in parts of the table; -1 is less than one of them.
  defp counts(_number, bits, _threshold, 1, counts), do: {Enum.reverse(counts), bits}

  defp counts(number, bits, threshold, remaining, counts) when remaining < threshold,
    do: counts(number, bits, threshold >>> 1, remaining, counts)

  defp counts(number, bits, threshold, remaining, counts) do
    short = 2 * threshold - 1 - remaining
    few = log2(threshold)
    low = part(number, bits, few)

    {value, bits} =
      if low < short do
        {low, bits + few}
      else
        value = part(number, bits, few + 1)
        {if(value >= threshold, do: value - short, else: value), bits + few + 1}
      end

    count = value - 1
    remaining = remaining - abs(count)

    if count == 0 do
      {zeros, bits} = zeros(number, bits, 0)
      counts(number, bits, threshold, remaining, List.duplicate(0, zeros + 1) ++ counts)
    else
      counts(number, bits, threshold, remaining, [count | counts])
    end
  end

  defp zeros(number, bits, zeros) do
    case part(number, bits, 2) do
      3 -> zeros(number, bits + 2, zeros + 3)
      more -> {zeros + more, bits + 2}
    end
  end

  defp part(number, from, count), do: number >>> from &&& (1 <<< count) - 1

  @doc "The table of a distribution."
  @spec build([integer()], pos_integer()) :: t()
  def build(counts, accuracy) do
    size = 1 <<< accuracy
    counted = Enum.with_index(counts)
    rare = for {-1, symbol} <- counted, do: symbol
    # Those of less than one stand at the end, the first of them last.
    last = size - length(rare)
    rares = Enum.zip(Enum.to_list((size - 1)..last//-1), rare)

    symbols = for {count, symbol} <- counted, count > 0, _ <- 1..count, do: symbol
    step = (size >>> 1) + (size >>> 3) + 3

    places =
      0
      |> Stream.iterate(&(&1 + step &&& size - 1))
      |> Stream.filter(&(&1 < last))
      |> Enum.take(last)

    by_state = Map.new(rares ++ Enum.zip(places, symbols))
    next = Map.new(counted, fn {count, symbol} -> {symbol, abs(count)} end)

    {states, _next} =
      Enum.map_reduce(0..(size - 1), next, fn state, next ->
        symbol = Map.fetch!(by_state, state)
        number = Map.fetch!(next, symbol)
        bits = accuracy - log2(number)
        {{symbol, bits, (number <<< bits) - size}, %{next | symbol => number + 1}}
      end)

    {accuracy, List.to_tuple(states)}
  end

  @doc "The state that a stream begins with."
  @spec begin(t(), bitstring()) :: {tuple(), bitstring()}
  def begin({accuracy, states}, stream) do
    <<state::size(accuracy), stream::bitstring>> = stream
    {elem(states, state), stream}
  end

  @doc "The next state, or `:end` if the stream has too few bits."
  @spec next(t(), tuple(), bitstring()) :: {tuple(), bitstring()} | :end
  def next({_accuracy, states}, {_symbol, bits, base}, stream) do
    case stream do
      <<more::size(bits), stream::bitstring>> -> {elem(states, base + more), stream}
      _short -> :end
    end
  end

  @doc "The bits of a stream that is written from its end, after the one that marks it."
  @spec backwards(binary()) :: bitstring()
  def backwards(bytes) do
    bytes |> :binary.bin_to_list() |> Enum.reverse() |> :binary.list_to_bin() |> unmark()
  end

  defp unmark(<<1::1, stream::bitstring>>), do: stream
  defp unmark(<<0::1, rest::bitstring>>), do: unmark(rest)

  @doc "The largest power of two that is not above the number, as its exponent."
  @spec log2(pos_integer()) :: non_neg_integer()
  def log2(number), do: length(Integer.digits(number, 2)) - 1
end
