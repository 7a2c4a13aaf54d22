defmodule Guildhall.Zstd.Literals do
  @moduledoc false

  # The literals of a block (RFC 8878, 3.1.1.3.1), and the Huffman trees that they are coded with.

  import Bitwise

  alias Guildhall.Zstd.Fse

  @typedoc "The most bits of a code, and for each number of so many its symbol and what it takes of them."
  @type tree :: {pos_integer(), tuple()}

  @doc "Reads the section; returns the literals, the tree of the next block, and what is behind."
  @spec read(binary(), tree() | nil) :: {binary(), tree() | nil, binary()}
  def read(<<_::4, format::2, type::2, _::binary>> = block, tree) when type < 2 do
    {head, bits} = if format in [0, 2], do: {1, 3}, else: {if(format == 1, do: 2, else: 3), 4}
    <<number::little-unit(8)-size(head), rest::binary>> = block
    size = number >>> bits

    case {type, rest} do
      {0, <<literals::binary-size(size), rest::binary>>} -> {literals, tree, rest}
      {1, <<byte, rest::binary>>} -> {:binary.copy(<<byte>>, size), tree, rest}
    end
  end

  def read(<<_::4, format::2, type::2, _::binary>> = block, tree) do
    {head, bits} = Enum.at([{3, 10}, {3, 10}, {4, 14}, {5, 18}], format)
    <<number::little-unit(8)-size(head), rest::binary>> = block
    size = number >>> 4 &&& (1 <<< bits) - 1
    coded_size = number >>> (4 + bits)
    <<coded::binary-size(coded_size), rest::binary>> = rest
    {tree, streams} = if type == 2, do: tree(coded), else: {tree, coded}
    {decode(streams, size, tree, format), tree, rest}
  end

  defp decode(stream, size, tree, 0), do: stream(stream, size, tree)

  defp decode(<<sizes::binary-size(6), streams::binary>>, size, tree, _four) do
    quarter = div(size + 3, 4)

    {first, last} =
      Enum.map_reduce(for(<<size::little-16 <- sizes>>, do: size), streams, fn size, streams ->
        <<stream::binary-size(size), streams::binary>> = streams
        {stream(stream, quarter, tree), streams}
      end)

    IO.iodata_to_binary([first, stream(last, size - 3 * quarter, tree)])
  end

  # Zeros behind it, so that there is always as much to look at as a code may be long.
  defp stream(bytes, size, {most, _codes} = tree) do
    symbols(<<Fse.backwards(bytes)::bitstring, 0::size(most)>>, size, tree, [])
  end

  defp symbols(end_of_stream, 0, {most, _codes}, symbols) do
    # All of it was read.
    ^most = bit_size(end_of_stream)
    symbols |> Enum.reverse() |> :binary.list_to_bin()
  end

  defp symbols(stream, left, {most, codes} = tree, symbols) do
    <<number::size(most), _::bitstring>> = stream
    {symbol, bits} = elem(codes, number)
    <<_::size(bits), stream::bitstring>> = stream
    symbols(stream, left - 1, tree, [symbol | symbols])
  end

  defp tree(<<size, rest::binary>>) when size < 128 do
    <<coded::binary-size(size), rest::binary>> = rest
    {table, stream} = Fse.read(coded)
    {one, stream} = Fse.begin(table, Fse.backwards(stream))
    {two, stream} = Fse.begin(table, stream)
    {build(weights(table, one, two, stream, [])), rest}
  end

  defp tree(<<count, rest::binary>>) do
    count = count - 127
    size = div(count + 1, 2)
    <<packed::binary-size(size), rest::binary>> = rest
    weights = for <<weight::4 <- packed>>, do: weight
    {weights |> Enum.take(count) |> build(), rest}
  end

  # Two states in turn; when there is nothing left to read, the other one says the last symbol.
  defp weights(table, {symbol, _, _} = one, two, stream, weights) do
    case Fse.next(table, one, stream) do
      :end -> Enum.reverse([elem(two, 0), symbol | weights])
      {one, stream} -> weights(table, two, one, stream, [symbol | weights])
    end
  end

  # The last symbol's weight is what the others leave.
  defp build(weights) do
    sum = Enum.sum(for weight <- weights, weight > 0, do: 1 <<< (weight - 1))
    most = Fse.log2(sum) + 1
    last = Fse.log2((1 <<< most) - sum) + 1

    codes =
      for {weight, symbol} <- (weights ++ [last]) |> Enum.with_index() |> Enum.sort(),
          weight > 0,
          _ <- 1..(1 <<< (weight - 1)),
          do: {symbol, most + 1 - weight}

    {most, List.to_tuple(codes)}
  end
end
