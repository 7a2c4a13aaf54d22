defmodule Guildhall.Http.Head do
  @moduledoc false

  # The head of a request: found in the bytes so far, then parsed as a whole by OTP's packet parser.
  # Where two readers could disagree about where a request ends, it is refused (RFC 9112, 11.2).

  alias Guildhall.Http.{Settings, Target}

  @enforce_keys [:method, :target, :version, :headers, :body, :keep_alive?, :continue?]
  defstruct @enforce_keys

  @type refusal :: {status :: 400..599, reason :: atom()}
  @type t :: %__MODULE__{
          method: String.t(),
          target: Target.t(),
          version: {1, 0 | 1},
          headers: [{name :: String.t(), value :: String.t()}],
          body: :none | :chunked | {:length, pos_integer()},
          keep_alive?: boolean(),
          continue?: boolean()
        }

  @doc """
  Splits the first head off the buffer, or says that it is not all there: then `seen` is, for the next
  time, how much of the buffer need not be searched again.
  """
  @spec split(binary(), seen :: non_neg_integer(), Settings.t()) ::
          {:ok, head :: binary(), rest :: binary()} | {:more, binary()} | {:error, refusal()}
  def split(<<"\r\n", rest::binary>>, _seen, settings), do: split(rest, 0, settings)
  def split(buffer, _seen, _settings) when buffer in ["", "\r"], do: {:more, buffer}

  # No method begins like that: line noise, or a TLS client on a plain port.
  def split(<<c, _rest::binary>>, _seen, _settings) when c not in ?a..?z and c not in ?A..?Z do
    {:error, {400, :request_line}}
  end

  def split(buffer, seen, settings) do
    with {:ok, line_size} <- line(buffer, settings.request_line_limit),
         # The request line's own end counts, so that a head without headers ends too.
         from = max(line_size - 2, seen - 3),
         {:ok, size} <- ending(buffer, from, settings.header_limit) do
      <<head::binary-size(size), rest::binary>> = buffer
      {:ok, head, rest}
    end
  end

  defp line(buffer, limit) do
    case :binary.match(buffer, "\n", scope: {0, min(limit, byte_size(buffer))}) do
      {at, 1} when at > 0 -> if :binary.at(buffer, at - 1) == ?\r, do: {:ok, at + 1}, else: bare()
      :nomatch when byte_size(buffer) >= limit -> {:error, {414, :uri_too_long}}
      :nomatch -> {:more, buffer}
    end
  end

  defp bare, do: {:error, {400, :line_ending}}

  defp ending(buffer, from, limit) do
    to = min(limit, byte_size(buffer))

    case from < to && :binary.match(buffer, "\r\n\r\n", scope: {from, to - from}) do
      {at, 4} -> {:ok, at + 4}
      _none when byte_size(buffer) >= limit -> {:error, {431, :headers_too_large}}
      _none -> {:more, buffer}
    end
  end

  @doc "Parses a whole head."
  @spec parse(binary(), Settings.t()) :: {:ok, t()} | {:error, refusal()}
  def parse(head, settings) do
    with {:ok, characters} <- text(head, :ascii),
         {:ok, method, uri, version, rest} <- request_line(head),
         {:ok, target} <- target(uri),
         {:ok, headers} <- headers(rest, settings.header_count_limit, []),
         headers = utf8(headers, characters),
         :ok <- once(headers),
         :ok <- host(headers, version),
         {:ok, body} <- body(headers, version, settings.body_limit),
         {:ok, continue?} <- expectation(headers, version, body) do
      {:ok,
       %__MODULE__{
         method: method,
         target: target,
         version: version,
         headers: headers,
         body: body,
         keep_alive?: keep_alive?(tokens(headers, "connection"), version),
         continue?: continue?
       }}
    end
  end

  # OTP's parser forgives control characters, bare line feeds and folded lines. Byte by byte: regular
  # expressions took two thirds of the time of a head.
  defp text(<<c, rest::binary>>, found) when (c >= ?\s and c < 0x7F) or c == ?\t,
    do: text(rest, found)

  defp text(<<c, rest::binary>>, _found) when c > 0x7F, do: text(rest, :others)
  defp text(<<"\r\n", c, _rest::binary>>, _found) when c in [?\s, ?\t], do: bare()
  defp text(<<"\r\n", rest::binary>>, found), do: text(rest, found)
  defp text("", found), do: {:ok, found}
  defp text(_other, _found), do: bare()

  # Old clients write Latin-1. No handler meets a value that is not UTF-8.
  defp utf8(headers, :ascii), do: headers

  defp utf8(headers, :others) do
    for {name, value} <- headers do
      if String.valid?(value),
        do: {name, value},
        else: {name, :unicode.characters_to_binary(value, :latin1)}
    end
  end

  # Two readers could take different ones.
  defp once(headers), do: once(headers, [])

  defp once([{name, _value} | headers], seen) when name in ["authorization", "content-type"] do
    if name in seen, do: {:error, {400, :header}}, else: once(headers, [name | seen])
  end

  defp once([_other | headers], seen), do: once(headers, seen)
  defp once([], _seen), do: :ok

  defp request_line(head) do
    case :erlang.decode_packet(:http_bin, head, []) do
      {:ok, {:http_request, method, uri, {1, minor}}, rest} ->
        {:ok, to_string(method), uri, {1, min(minor, 1)}, rest}

      {:ok, {:http_request, _method, _uri, {major, _minor}}, _rest} when major > 1 ->
        {:error, {505, :version}}

      _other ->
        {:error, {400, :request_line}}
    end
  end

  defp target({:abs_path, "/" <> _rest = path}), do: decode(path)
  defp target({:absoluteURI, _scheme, _host, _port, "/" <> _rest = path}), do: decode(path)
  defp target(:*), do: {:ok, {"*", [], []}}
  defp target(_other), do: {:error, {400, :target}}

  defp decode(path) do
    with :error <- Target.parse(path), do: {:error, {400, :target}}
  end

  defp headers(_rest, -1, _headers), do: {:error, {431, :too_many_headers}}

  defp headers(rest, left, headers) do
    case :erlang.decode_packet(:httph_bin, rest, []) do
      {:ok, {:http_header, _, name, sent, value}, rest} when is_atom(name) ->
        headers(rest, left - 1, [{lower(name, sent), trim(value)} | headers])

      {:ok, {:http_header, _, _name, sent, value}, rest} ->
        if token?(sent),
          do: headers(rest, left - 1, [{lower(sent), trim(value)} | headers]),
          else: {:error, {400, :header}}

      {:ok, :http_eoh, ""} ->
        {:ok, Enum.reverse(headers)}

      _other ->
        {:error, {400, :header}}
    end
  end

  # The parser knows common names as atoms.
  for name <- ~w(Accept Accept-Encoding Accept-Language Authorization Connection Content-Length
                 Content-Type Cookie Host Origin Referer Transfer-Encoding Upgrade User-Agent) do
    lower = String.downcase(name)
    defp lower(unquote(String.to_atom(name)), _sent), do: unquote(lower)
  end

  defp lower(_name, sent), do: lower(sent)

  defp lower(sent), do: String.downcase(sent, :ascii)

  # RFC 9110, 5.6.2.
  defp token?(<<c>>), do: token_character?(c)
  defp token?(<<c, rest::binary>>), do: token_character?(c) and token?(rest)
  defp token?(""), do: false

  defp token_character?(c) when c in ?a..?z or c in ?A..?Z or c in ?0..?9, do: true
  defp token_character?(c), do: c in ~c"!#$%&'*+-.^_`|~"

  defp trim(""), do: ""

  defp trim(value) do
    if :binary.last(value) in [?\s, ?\t], do: String.trim_trailing(value), else: value
  end

  defp host(headers, version) do
    case values(headers, "host") do
      [host] -> authority(host)
      [] when version == {1, 0} -> :ok
      _none_or_many -> {:error, {400, :host}}
    end
  end

  # Line breaks are none that came so far.
  defp authority(<<c, _rest::binary>>) when c in [?\s, ?\t, ?,, ?/, ?@],
    do: {:error, {400, :host}}

  defp authority(<<_c, rest::binary>>), do: authority(rest)
  defp authority(""), do: :ok

  defp body(headers, version, limit) do
    case {values(headers, "transfer-encoding"), values(headers, "content-length")} do
      {[], []} -> {:ok, :none}
      {[], [length]} -> content_length(length, limit)
      {[coding], []} when version == {1, 1} -> coding(String.downcase(coding, :ascii))
      _ambiguous -> {:error, {400, :body_length}}
    end
  end

  # More than 15 digits is beyond every limit, and no number worth making.
  defp content_length(text, limit) do
    case digits?(text) and byte_size(text) <= 15 and String.to_integer(text) do
      0 -> {:ok, :none}
      length when is_integer(length) and length <= limit -> {:ok, {:length, length}}
      _none -> {:error, if(digits?(text), do: {413, :body_too_large}, else: {400, :body_length})}
    end
  end

  defp digits?(<<digit>>), do: digit in ?0..?9
  defp digits?(<<digit, rest::binary>>) when digit in ?0..?9, do: digits?(rest)
  defp digits?(_other), do: false

  defp coding("chunked"), do: {:ok, :chunked}

  defp coding(codings) do
    if codings =~ ~r/,[ \t]*chunked\z/,
      do: {:error, {501, :transfer_coding}},
      else: {:error, {400, :transfer_coding}}
  end

  defp expectation(headers, version, body) do
    case values(headers, "expect") do
      [] -> {:ok, false}
      _any when version == {1, 0} -> {:ok, false}
      [one] -> expected(String.downcase(one, :ascii), body)
      _many -> {:error, {417, :expectation}}
    end
  end

  defp expected("100-continue", body), do: {:ok, body != :none}
  defp expected(_other, _body), do: {:error, {417, :expectation}}

  defp keep_alive?(tokens, {1, 1}), do: "close" not in tokens
  defp keep_alive?(tokens, {1, 0}), do: "keep-alive" in tokens and "close" not in tokens

  @doc "Returns the comma-separated tokens of a header, in lower case."
  @spec tokens([{String.t(), String.t()}], String.t()) :: [String.t()]
  def tokens(headers, name) do
    for value <- values(headers, name),
        token <- :binary.split(value, ",", [:global]),
        do: token |> String.trim() |> String.downcase(:ascii)
  end

  @doc "Returns the values of a header, in order."
  @spec values([{String.t(), String.t()}], String.t()) :: [String.t()]
  def values(headers, name), do: for({^name, value} <- headers, do: value)
end
