defmodule Guildhall.PayloadFixture do
  @moduledoc false

  # Terms and texts for the properties of `Guildhall.Payload`.

  use Guildhall.Property

  @doc "Terms that JSON has."
  def json, do: sized(&json(&1, scalar(), key()))

  @doc "Terms of which some part may be one that JSON has not."
  def hostile, do: sized(&json(&1, oneof([scalar(), strange()]), oneof([key(), strange()])))

  @doc "Bytes that are nearly JSON: a text of a term, with a few bytes changed."
  def nearly do
    map({json(), list({range(0, 1_000), range(0, 2), piece()})}, fn {term, changes} ->
      {:ok, text} = Guildhall.Payload.Reference.encode(term)
      Enum.reduce(changes, text, &change/2)
    end)
  end

  @doc "Texts made of what JSON is made of, in any order."
  def pieces, do: map(list(piece()), &IO.iodata_to_binary/1)

  defp json(size, scalar, key) do
    if size < 2 do
      scalar
    else
      inner = lazy(json(div(size, 3), scalar, key))

      frequency([
        {2, scalar},
        {1, list(inner)},
        {1, map(list({key, inner}), &Map.new/1)}
      ])
    end
  end

  defp scalar do
    oneof([
      oneof([nil, true, false, :atom, :é, :null]),
      integer(),
      map({integer(), range(0, 80)}, fn {n, bits} -> n * Integer.pow(2, bits) end),
      number(),
      text()
    ])
  end

  defp key, do: oneof([text(), oneof([:id, :name, :日本, nil]), integer()])

  # Floats of every size, from bits.
  defp number do
    map(vector(8, range(0, 255)), fn bytes ->
      case :binary.list_to_bin(bytes) do
        <<float::float>> -> float
        _not_finite -> 0.5
      end
    end)
  end

  # Sizes around the blocks of the scanner, and what must be escaped or checked anywhere in them.
  defp text do
    character =
      frequency([{12, range(?a, ?z)}, {1, oneof([?", ?\\, 0, 31, 127, ?é, 0x65E5, 0x1F600])}])

    map({range(0, 40), list(character)}, fn {n, list} ->
      String.duplicate("x", n) <> to_string(list)
    end)
  end

  defp strange do
    oneof([
      {integer()},
      exactly([1 | 2]),
      exactly(<<1::3>>),
      binary(),
      exactly(self()),
      exactly(&is_list/1),
      exactly(%{__struct__: Nope}),
      exactly(%Guildhall.Payload.Raw{json: "7"}),
      exactly(%Guildhall.Payload.Raw{json: nil}),
      exactly(Integer.pow(10, 1_024))
    ])
  end

  defp piece do
    oneof([
      oneof(
        ~w([ ] { } : , " \\ \\u \\ud83d \\ude00 \\n - + . e E 0 1 9223372036854775807 null true fals)
      ),
      oneof([
        " ",
        "\n",
        <<0>>,
        <<0x1F>>,
        "é",
        <<0xC3>>,
        <<0xA9>>,
        <<0xFF>>,
        ~s("a"),
        ~s({"k":),
        "1e400"
      ]),
      binary(1)
    ])
  end

  defp change({place, kind, piece}, text) do
    place = rem(place, byte_size(text) + 1)
    <<head::binary-size(place), tail::binary>> = text

    case {kind, tail} do
      {0, <<_byte, tail::binary>>} -> head <> tail
      {1, <<_byte, tail::binary>>} -> head <> piece <> tail
      _insert -> head <> piece <> tail
    end
  end
end
