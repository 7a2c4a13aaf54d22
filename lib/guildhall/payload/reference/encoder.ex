defmodule Guildhall.Payload.Reference.Encoder do
  @moduledoc false

  # Terms to iodata. What cannot be written is thrown, with the path to it, innermost step first.

  alias Guildhall.Payload.Raw

  @max_depth 512
  @beyond Integer.pow(10, 1_024)
  # So many bytes have 1,024 digits. What is longer is not compared: that would be slow as well.
  @longest_bytes 426

  @spec encode(term()) :: iodata()
  def encode(term), do: value(term, 0, [])

  defp value(nil, _depth, _path), do: "null"
  defp value(true, _depth, _path), do: "true"
  defp value(false, _depth, _path), do: "false"
  defp value(atom, _depth, path) when is_atom(atom), do: string(Atom.to_string(atom), path)
  defp value(text, _depth, path) when is_binary(text), do: string(text, path)
  defp value(number, _depth, path) when is_integer(number), do: integer(number, path)
  defp value(number, _depth, _path) when is_float(number), do: float(number)

  defp value(term, @max_depth, path) when is_list(term) or is_map(term),
    do: refuse(:too_deep, term, path)

  defp value([], _depth, _path), do: "[]"

  defp value([head | tail] = list, depth, path),
    do: ["[", value(head, depth + 1, [0 | path]), elements(tail, 1, list, depth + 1, path)]

  defp value(%{__struct__: Raw} = raw, _depth, path) do
    case raw do
      %{json: json} when is_binary(json) -> json
      _other -> refuse(:invalid_raw, raw, path)
    end
  end

  defp value(%{__struct__: _module} = struct, _depth, path), do: refuse(:__struct__, struct, path)

  defp value(map, depth, path) when is_map(map) do
    case in_order(:maps.next(:maps.iterator(map))) do
      [] -> "{}"
      [first | rest] -> ["{", pair(first, depth + 1, path), pairs(rest, depth + 1, path)]
    end
  end

  defp value(term, _depth, path), do: refuse(kind(term), term, path)

  # The order of iterators, which is the NIF's: until OTP 26 that of lists is another above 32 keys.
  defp in_order(:none), do: []
  defp in_order({key, value, rest}), do: [{key, value} | in_order(:maps.next(rest))]

  defp elements([], _index, _list, _depth, _path), do: "]"

  defp elements([head | tail], index, list, depth, path) do
    [",", value(head, depth, [index | path]), elements(tail, index + 1, list, depth, path)]
  end

  defp elements(_tail, _index, list, _depth, path), do: refuse(:improper_list, list, path)

  defp pairs([], _depth, _path), do: "}"

  defp pairs([first | rest], depth, path),
    do: [",", pair(first, depth, path), pairs(rest, depth, path)]

  defp pair({key, value}, depth, path),
    do: [key(key, path), ":", value(value, depth, [key | path])]

  defp key(key, path) when is_atom(key), do: string(Atom.to_string(key), path)
  defp key(key, path) when is_binary(key), do: string(key, path)
  defp key(key, path) when is_integer(key), do: ["\"", integer(key, path), "\""]
  defp key(key, path), do: refuse(:invalid_key, key, path)

  defp integer(number, path) do
    if :erlang.external_size(number) > @longest_bytes + 10 or abs(number) >= @beyond,
      do: refuse(:number_too_long, number, path),
      else: Integer.to_string(number)
  end

  defp float(number), do: :erlang.float_to_binary(number, [:short])

  defp string(text, path), do: ["\"", escape(text, text, 0, 0, path), "\""]

  # Runs of ordinary characters are parts of the text: `from` is where this one starts, `size` how
  # long it is so far.
  defp escape(<<byte, rest::binary>>, text, from, size, path)
       when byte in 0x20..0x7F and byte not in [?", ?\\],
       do: escape(rest, text, from, size + 1, path)

  defp escape(<<byte, rest::binary>>, text, from, size, path) when byte < 0x80 do
    part = binary_part(text, from, size)
    [part, escaped(byte) | escape(rest, text, from + size + 1, 0, path)]
  end

  defp escape(<<character::utf8, rest::binary>>, text, from, size, path),
    do: escape(rest, text, from, size + width(character), path)

  defp escape(<<>>, text, from, size, _path), do: [binary_part(text, from, size)]

  defp escape(_invalid, text, from, size, path),
    do: throw({:refused, :invalid_utf8, from + size, text, path})

  defp width(character) when character < 0x800, do: 2
  defp width(character) when character < 0x10000, do: 3
  defp width(_character), do: 4

  defp escaped(?"), do: "\\\""
  defp escaped(?\\), do: "\\\\"
  defp escaped(?\n), do: "\\n"
  defp escaped(?\r), do: "\\r"
  defp escaped(?\t), do: "\\t"
  defp escaped(?\b), do: "\\b"
  defp escaped(?\f), do: "\\f"
  defp escaped(byte), do: ["\\u00", Base.encode16(<<byte>>, case: :lower)]

  defp kind(term) when is_tuple(term), do: :tuple
  defp kind(term) when is_bitstring(term), do: :bitstring
  defp kind(term) when is_pid(term), do: :pid
  defp kind(term) when is_port(term), do: :port
  defp kind(term) when is_reference(term), do: :reference
  defp kind(term) when is_function(term), do: :function

  @spec refuse(atom(), term(), list()) :: no_return()
  defp refuse(reason, term, path), do: throw({:refused, reason, nil, term, path})
end
