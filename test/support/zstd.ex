defmodule Guildhall.Zstd do
  @moduledoc false

  # A decoder of zstd frames (RFC 8878) in plain Elixir, for what OTP has none for: the twin of
  # `native/zstd_splice`, made to be right and not fast. One frame, in parts that end with a block, without a
  # dictionary and a checksum.
  #
  #     {payload, zstd} = Zstd.read(Zstd.new(), message)

  import Bitwise

  alias Guildhall.Zstd.{Fse, Literals}

  @lengths List.to_tuple(
             Enum.map(0..15, &{&1, 0}) ++
               [{16, 1}, {18, 1}, {20, 1}, {22, 1}, {24, 2}, {28, 2}, {32, 3}, {40, 3}, {48, 4}] ++
               Enum.map(6..16, &{1 <<< &1, &1})
           )
  @matches List.to_tuple(
             Enum.map(0..31, &{&1 + 3, 0}) ++
               [{35, 1}, {37, 1}, {39, 1}, {41, 1}, {43, 2}, {47, 2}, {51, 3}, {59, 3}] ++
               [{67, 4}, {83, 4}, {99, 5}] ++ Enum.map(7..16, &{(1 <<< &1) + 3, &1})
           )

  # Tables that every decoder knows.
  @known %{
    lengths:
      {[4, 3] ++
         List.duplicate(2, 11) ++
         [1, 1, 1] ++
         List.duplicate(2, 9) ++ [3, 2] ++ List.duplicate(1, 5) ++ List.duplicate(-1, 4), 6},
    offsets:
      {List.duplicate(1, 6) ++ [2, 2, 2] ++ List.duplicate(1, 15) ++ List.duplicate(-1, 5), 5},
    matches:
      {[1, 4, 3] ++ List.duplicate(2, 6) ++ List.duplicate(1, 37) ++ List.duplicate(-1, 7), 6}
  }

  defstruct begun?: false, content: "", tree: nil, tables: %{}, last: {1, 4, 8}

  @type t :: %__MODULE__{}

  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc "What the next part of the frame says."
  @spec read(t(), binary()) :: {binary(), t()}
  def read(%__MODULE__{begun?: false} = zstd, part) do
    <<0xFD2FB528::little-32, sizes::2, single::1, 0::1, 0::1, 0::1, 0::2, rest::binary>> = part
    # None of the sizes is of use here.
    window = 1 - single
    content = Enum.at([single, 2, 4, 8], sizes)
    <<_::binary-size(window), _::binary-size(content), blocks::binary>> = rest
    read(%{zstd | begun?: true}, blocks)
  end

  def read(%__MODULE__{content: before} = zstd, blocks) do
    %{content: content} = zstd = blocks(zstd, blocks)
    {binary_part(content, byte_size(before), byte_size(content) - byte_size(before)), zstd}
  end

  defp blocks(zstd, ""), do: zstd

  defp blocks(zstd, <<head::little-24, rest::binary>>) do
    size = head >>> 3

    case {head >>> 1 &&& 3, rest} do
      {0, <<bytes::binary-size(size), rest::binary>>} ->
        blocks(append(zstd, bytes), rest)

      {1, <<byte, rest::binary>>} ->
        blocks(append(zstd, :binary.copy(<<byte>>, size)), rest)

      {2, <<block::binary-size(size), rest::binary>>} ->
        blocks(block(zstd, block), rest)
    end
  end

  defp append(zstd, bytes), do: %{zstd | content: zstd.content <> bytes}

  defp block(zstd, block) do
    {literals, tree, rest} = Literals.read(block, zstd.tree)
    zstd = %{zstd | tree: tree}

    case count(rest) do
      {0, ""} ->
        append(zstd, literals)

      {count, <<modes::binary-size(1), rest::binary>>} ->
        sequences(zstd, count, modes, rest, literals)
    end
  end

  defp count(<<255, more::little-16, rest::binary>>), do: {more + 0x7F00, rest}
  defp count(<<high, low, rest::binary>>) when high > 127, do: {(high - 128) * 256 + low, rest}
  defp count(<<count, rest::binary>>), do: {count, rest}

  defp sequences(zstd, count, <<lengths::2, offsets::2, matches::2, 0::2>>, rest, literals) do
    {tables, rest} =
      [lengths: lengths, offsets: offsets, matches: matches]
      |> Enum.reduce({zstd.tables, rest}, fn {name, mode}, {tables, rest} ->
        {table, rest} = table(mode, rest, name, tables)
        {Map.put(tables, name, table), rest}
      end)

    stream = Fse.backwards(rest)
    {length, stream} = Fse.begin(tables.lengths, stream)
    {offset, stream} = Fse.begin(tables.offsets, stream)
    {match, stream} = Fse.begin(tables.matches, stream)
    states = {length, offset, match}
    sequence(%{zstd | tables: tables}, count, states, stream, literals)
  end

  defp table(0, rest, name, _tables) do
    {counts, accuracy} = @known[name]
    {Fse.build(counts, accuracy), rest}
  end

  defp table(1, <<symbol, rest::binary>>, _name, _tables), do: {Fse.constant(symbol), rest}
  defp table(2, rest, _name, _tables), do: Fse.read(rest)
  defp table(3, rest, name, tables), do: {Map.fetch!(tables, name), rest}

  defp sequence(zstd, left, {length, offset, match} = states, stream, literals) do
    power = elem(offset, 0)
    <<more::size(power), stream::bitstring>> = stream
    {copied, stream} = extra(@matches, match, stream)
    {count, stream} = extra(@lengths, length, stream)
    {offset, last} = offset((1 <<< power) + more, count, zstd.last)

    <<plain::binary-size(count), literals::binary>> = literals
    content = copy(zstd.content <> plain, offset, copied)
    zstd = %{zstd | content: content, last: last}

    if left == 1 do
      # All of it was read.
      "" = stream
      append(zstd, literals)
    else
      {states, stream} = next(zstd.tables, states, stream)
      sequence(zstd, left - 1, states, stream, literals)
    end
  end

  defp extra(codes, {code, _bits, _base}, stream) do
    {base, bits} = elem(codes, code)
    <<more::size(bits), stream::bitstring>> = stream
    {base + more, stream}
  end

  defp next(tables, {length, offset, match}, stream) do
    {length, stream} = Fse.next(tables.lengths, length, stream)
    {match, stream} = Fse.next(tables.matches, match, stream)
    {offset, stream} = Fse.next(tables.offsets, offset, stream)
    {{length, offset, match}, stream}
  end

  # One of the last three offsets, or a new one.
  defp offset(value, _count, {a, b, _c}) when value > 3, do: {value - 3, {value - 3, a, b}}

  defp offset(value, count, {a, b, c}) do
    case if(count == 0, do: value + 1, else: value) do
      1 -> {a, {a, b, c}}
      2 -> {b, {b, a, c}}
      3 -> {c, {c, a, b}}
      4 -> {a - 1, {a - 1, a, b}}
    end
  end

  defp copy(content, offset, count) when count <= offset,
    do: content <> binary_part(content, byte_size(content) - offset, count)

  # It overlaps what it makes, which repeats.
  defp copy(content, offset, count) do
    content |> copy(offset, offset) |> copy(offset, count - offset)
  end
end
