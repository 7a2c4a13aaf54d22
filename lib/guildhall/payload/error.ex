defmodule Guildhall.Payload.Error do
  # Each reason, and how a message puts it.
  @reasons [
    unexpected_byte: "a byte that no JSON has there",
    unexpected_end: "the text ends too early",
    control_character: "a control character in a string, which must be escaped",
    invalid_escape: "a backslash without a known escape",
    lone_surrogate: "half of a surrogate pair",
    invalid_utf8: "a string that is not UTF-8",
    number_out_of_range: "a float beyond 64 bits",
    number_too_long: "an integer of more than 1,024 digits",
    too_deep: "more than 512 open arrays and objects",
    too_large: "more bytes than there may be",
    atom: "an atom other than nil, true and false",
    bitstring: "a bitstring that ends within a byte",
    function: "a function",
    improper_list: "an improper list",
    invalid_external:
      "bytes that are no external term, or a compressed one, or have unknown atoms",
    invalid_key: "a key of a map that cannot be a string",
    invalid_raw: "a raw fragment without a binary",
    pid: "a pid",
    port: "a port",
    reference: "a reference",
    __struct__: "a struct",
    tuple: "a tuple",
    unknown: "a term of a kind that this version does not know"
  ]

  rows =
    Enum.map_join(@reasons, "\n", fn {reason, text} -> "| `#{inspect(reason)}` | #{text} |" end)

  @moduledoc """
  Why a text is not read, or a term not written.

  `reason` says what is wrong. Of a text, `position` is the offset of the byte that
  cannot stand. Of a term, `term` is the part that cannot be written, `path` the keys and
  indexes that lead to it, and `position` an offset within it if it is not UTF-8.

      iex> {:error, error} = Guildhall.Payload.encode(%{"d" => [1, {2, 3}]})
      iex> {error.reason, error.path, error.term}
      {:tuple, ["d", 1], {2, 3}}
      iex> Exception.message(error)
      "a tuple at [\\"d\\", 1]"

  | reason | meaning |
  | ------ | ------- |
  #{rows}
  """

  @enforce_keys [:reason]
  defexception [:reason, :position, :term, path: []]

  @type reason :: unquote(@reasons |> Keyword.keys() |> Enum.reduce(&{:|, [], [&1, &2]}))
  @type t :: %__MODULE__{
          reason: reason(),
          position: non_neg_integer() | nil,
          term: term(),
          path: [term()]
        }

  @impl Exception
  def message(%__MODULE__{reason: reason} = error) do
    @reasons[reason] <> position(error.position) <> path(error.path)
  end

  defp position(nil), do: ""
  defp position(position), do: ", byte #{position}"

  defp path([]), do: ""
  defp path(path), do: " at #{inspect(path)}"
end
