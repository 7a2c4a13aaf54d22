defmodule Guildhall.Payload.Reference.Decoder do
  @moduledoc false

  # Text to terms, by recursive descent. What cannot be read is thrown, with the number of bytes from
  # there on.

  @max_depth 512
  @max_digits 1_024

  defguardp is_space(byte) when byte in [?\s, ?\n, ?\r, ?\t]
  defguardp is_digit(byte) when byte in ?0..?9

  @spec decode(binary()) :: term()
  def decode(text) do
    {term, rest} = value(text, 0)
    with rest when rest != "" <- skip(rest), do: unexpected(rest)
    term
  end

  defp value(<<byte, rest::binary>>, depth) when is_space(byte), do: value(rest, depth)
  defp value(<<?", rest::binary>>, _depth), do: string(rest)
  defp value(<<?{, _rest::binary>> = text, @max_depth), do: unread(:too_deep, text)
  defp value(<<?[, _rest::binary>> = text, @max_depth), do: unread(:too_deep, text)

  defp value(<<?{, rest::binary>>, depth) do
    case skip(rest) do
      <<?}, rest::binary>> -> {%{}, rest}
      rest -> object(rest, depth + 1, [])
    end
  end

  defp value(<<?[, rest::binary>>, depth) do
    case skip(rest) do
      <<?], rest::binary>> -> {[], rest}
      rest -> array(rest, depth + 1, [])
    end
  end

  defp value(<<?n, rest::binary>>, _depth), do: {nil, literal(rest, "ull")}
  defp value(<<?t, rest::binary>>, _depth), do: {true, literal(rest, "rue")}
  defp value(<<?f, rest::binary>>, _depth), do: {false, literal(rest, "alse")}
  defp value(<<?-, rest::binary>> = text, _depth), do: number(rest, text)
  defp value(<<byte, _rest::binary>> = text, _depth) when is_digit(byte), do: number(text, text)
  defp value(rest, _depth), do: unexpected(rest)

  defp skip(<<byte, rest::binary>>) when is_space(byte), do: skip(rest)
  defp skip(rest), do: rest

  defp literal(<<byte, rest::binary>>, <<byte, letters::binary>>), do: literal(rest, letters)
  defp literal(rest, <<>>), do: rest
  defp literal(rest, _letters), do: unexpected(rest)

  defp array(text, depth, values) do
    {value, rest} = value(text, depth)

    case skip(rest) do
      <<?,, rest::binary>> -> array(rest, depth, [value | values])
      <<?], rest::binary>> -> {Enum.reverse(values, [value]), rest}
      rest -> unexpected(rest)
    end
  end

  defp object(<<?", rest::binary>>, depth, pairs) do
    {key, rest} = string(rest)
    {value, rest} = rest |> skip() |> colon() |> value(depth)
    pairs = [{key, value} | pairs]

    case skip(rest) do
      <<?,, rest::binary>> -> rest |> skip() |> object(depth, pairs)
      <<?}, rest::binary>> -> {pairs |> Enum.reverse() |> Map.new(), rest}
      rest -> unexpected(rest)
    end
  end

  defp object(rest, _depth, _pairs), do: unexpected(rest)

  defp colon(<<?:, rest::binary>>), do: rest
  defp colon(rest), do: unexpected(rest)

  # `text` is the number with its sign, the first argument is without.
  defp number(digits, text) do
    rest = digits(digits)

    case {digits, rest} do
      {<<?0, after_zero::binary>>, rest} when byte_size(after_zero) > byte_size(rest) ->
        unread(:unexpected_byte, after_zero)

      {_digits, <<byte, _rest::binary>>} when byte in [?., ?e, ?E] ->
        {mantissa, exponent, rest} = fraction(rest, until(text, rest))
        {float(mantissa, exponent, text), rest}

      _integer when byte_size(digits) - byte_size(rest) > @max_digits ->
        unread(:number_too_long, text)

      _integer ->
        {String.to_integer(until(text, rest)), rest}
    end
  end

  defp digits(<<byte, rest::binary>>) when is_digit(byte), do: more_digits(rest)
  defp digits(rest), do: unexpected(rest)

  defp more_digits(<<byte, rest::binary>>) when is_digit(byte), do: more_digits(rest)
  defp more_digits(rest), do: rest

  # Erlang's floats have a fraction, always.
  defp fraction(<<?., rest::binary>> = point, integer) do
    after_digits = digits(rest)
    exponent(after_digits, integer <> until(point, after_digits))
  end

  defp fraction(rest, integer), do: exponent(rest, integer <> ".0")

  defp exponent(<<e, rest::binary>>, mantissa) when e in [?e, ?E] do
    rest_of_sign =
      case rest do
        <<sign, rest::binary>> when sign in [?+, ?-] -> rest
        rest -> rest
      end

    after_digits = digits(rest_of_sign)
    {mantissa, until(rest, after_digits), after_digits}
  end

  defp exponent(rest, mantissa), do: {mantissa, "0", rest}

  defp float(mantissa, exponent, text) do
    String.to_float(mantissa <> "e" <> exponent)
  rescue
    ArgumentError -> unread(:number_out_of_range, text)
  end

  defp until(text, rest), do: binary_part(text, 0, byte_size(text) - byte_size(rest))

  # Most strings are one run of ordinary characters, copied out of the text at its end.
  defp string(text), do: string(text, text, 0, [])

  defp string(<<?", rest::binary>>, text, size, []) do
    {:binary.copy(binary_part(text, 0, size)), rest}
  end

  defp string(<<?", rest::binary>>, text, size, parts) do
    {IO.iodata_to_binary([parts, binary_part(text, 0, size)]), rest}
  end

  defp string(<<?\\, rest::binary>> = escape, text, size, parts) do
    {character, rest} = escape(rest, escape)
    string(rest, rest, 0, [parts, binary_part(text, 0, size), character])
  end

  defp string(<<byte, _rest::binary>> = text, _text, _size, _parts) when byte < 0x20,
    do: unread(:control_character, text)

  defp string(<<byte, rest::binary>>, text, size, parts) when byte < 0x80,
    do: string(rest, text, size + 1, parts)

  defp string(<<_::utf8, rest::binary>> = here, text, size, parts),
    do: string(rest, text, size + byte_size(here) - byte_size(rest), parts)

  defp string(<<>>, _text, _size, _parts), do: unexpected(<<>>)
  defp string(rest, _text, _size, _parts), do: unread(:invalid_utf8, rest)

  defp escape(<<byte, rest::binary>>, _text) when byte in [?", ?\\, ?/], do: {<<byte>>, rest}
  defp escape(<<?b, rest::binary>>, _text), do: {"\b", rest}
  defp escape(<<?f, rest::binary>>, _text), do: {"\f", rest}
  defp escape(<<?n, rest::binary>>, _text), do: {"\n", rest}
  defp escape(<<?r, rest::binary>>, _text), do: {"\r", rest}
  defp escape(<<?t, rest::binary>>, _text), do: {"\t", rest}
  defp escape(<<?u, rest::binary>>, text), do: rest |> hex(0, 4, text) |> unicode(text)
  defp escape(<<>>, _text), do: unexpected(<<>>)
  defp escape(_rest, text), do: unread(:invalid_escape, text)

  defp unicode({high, <<?\\, ?u, rest::binary>> = second}, text) when high in 0xD800..0xDBFF do
    case hex(rest, 0, 4, second) do
      {low, rest} when low in 0xDC00..0xDFFF ->
        {<<0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00::utf8>>, rest}

      _other ->
        unread(:lone_surrogate, text)
    end
  end

  defp unicode({half, _rest}, text) when half in 0xD800..0xDFFF, do: unread(:lone_surrogate, text)
  defp unicode({code, rest}, _text), do: {<<code::utf8>>, rest}

  defp hex(rest, code, 0, _text), do: {code, rest}

  defp hex(<<byte, rest::binary>>, code, left, text) do
    case Integer.parse(<<byte>>, 16) do
      {digit, ""} -> hex(rest, code * 16 + digit, left - 1, text)
      _other -> unread(:invalid_escape, text)
    end
  end

  defp hex(<<>>, _code, _left, _text), do: unexpected(<<>>)

  @spec unexpected(binary()) :: no_return()
  defp unexpected(<<>>), do: unread(:unexpected_end, <<>>)
  defp unexpected(rest), do: unread(:unexpected_byte, rest)

  @spec unread(atom(), binary()) :: no_return()
  defp unread(reason, rest), do: throw({:unread, reason, byte_size(rest)})
end
