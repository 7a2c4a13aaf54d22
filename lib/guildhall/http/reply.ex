defmodule Guildhall.Http.Reply do
  @moduledoc false

  # Responses as bytes. Raises on what would not be one: a status without a phrase, a line break in
  # a header.

  alias Guildhall.Http.Response

  @phrases %{
    200 => "OK",
    201 => "Created",
    202 => "Accepted",
    204 => "No Content",
    206 => "Partial Content",
    301 => "Moved Permanently",
    302 => "Found",
    303 => "See Other",
    304 => "Not Modified",
    307 => "Temporary Redirect",
    308 => "Permanent Redirect",
    400 => "Bad Request",
    401 => "Unauthorized",
    403 => "Forbidden",
    404 => "Not Found",
    405 => "Method Not Allowed",
    406 => "Not Acceptable",
    408 => "Request Timeout",
    409 => "Conflict",
    410 => "Gone",
    411 => "Length Required",
    412 => "Precondition Failed",
    413 => "Content Too Large",
    414 => "URI Too Long",
    415 => "Unsupported Media Type",
    417 => "Expectation Failed",
    422 => "Unprocessable Content",
    426 => "Upgrade Required",
    428 => "Precondition Required",
    429 => "Too Many Requests",
    431 => "Request Header Fields Too Large",
    500 => "Internal Server Error",
    501 => "Not Implemented",
    502 => "Bad Gateway",
    503 => "Service Unavailable",
    504 => "Gateway Timeout",
    505 => "HTTP Version Not Supported",
    507 => "Insufficient Storage"
  }

  defp phrase(status) when status in 200..599, do: Map.get(@phrases, status, "")

  @doc "The plain response of the server itself, where no handler was asked or it failed."
  @spec plain(status :: 400..599, [{String.t(), iodata()}]) :: Response.t()
  def plain(status, headers \\ []) do
    %Response{
      status: status,
      headers: headers ++ [{"content-type", "text/plain; charset=utf-8"}],
      body: [phrase(status), ?\n]
    }
  end

  @spec closes?(Response.t()) :: boolean()
  def closes?(%Response{headers: headers}) do
    Enum.any?(headers, fn {name, value} ->
      known(name) == :connection and lower(IO.iodata_to_binary(value)) == "close"
    end)
  end

  @doc "`connection` is the value of the header of that name, or nil for none."
  @spec encode(Response.t(), method :: String.t(), connection :: String.t() | nil, String.t()) ::
          iodata()
  def encode(%Response{status: status} = response, method, connection, date) do
    given = for {name, _value} <- response.headers, known = known(name), do: known
    bodiless? = status in [204, 304]

    [
      status_line(status),
      lines(response.headers),
      if(:date in given, do: [], else: line("date", date)),
      if(connection && :connection not in given, do: line("connection", connection), else: []),
      if(bodiless? or :content_length in given, do: [], else: size(response.body)),
      "\r\n",
      if(method == "HEAD" or bodiless?, do: [], else: response.body)
    ]
  end

  @doc "The head of a successful upgrade."
  @spec switch([{String.t(), iodata()}], date :: String.t()) :: iodata()
  def switch(headers, date) do
    [
      "HTTP/1.1 101 Switching Protocols\r\n",
      lines(headers),
      line("date", date),
      "\r\n"
    ]
  end

  for {status, phrase} <- @phrases do
    defp status_line(unquote(status)), do: unquote("HTTP/1.1 #{status} #{phrase}\r\n")
  end

  defp status_line(status),
    do: ["HTTP/1.1 ", Integer.to_string(status), ?\s, phrase(status), "\r\n"]

  defp size(body), do: line("content-length", Integer.to_string(IO.iodata_length(body)))
  defp line(name, value), do: [name, ": ", value, "\r\n"]
  defp lines(headers), do: for({name, value} <- headers, do: line(safe!(name), safe!(value)))

  # The headers that would come twice. Their lengths tell them from nearly all others.
  defp known(name) when byte_size(name) == 4, do: if(lower(name) == "date", do: :date)

  defp known(name) when byte_size(name) == 10,
    do: if(lower(name) == "connection", do: :connection)

  defp known(name) when byte_size(name) == 14,
    do: if(lower(name) == "content-length", do: :content_length)

  defp known(_name), do: nil

  defp lower(name), do: String.downcase(name, :ascii)

  # A line break in a header would let its author write the rest of the response.
  defp safe!(text) do
    text = IO.iodata_to_binary(text)

    if safe?(text),
      do: text,
      else: raise(ArgumentError, "a header holds a line break: #{inspect(text)}")
  end

  defp safe?(<<c, rest::binary>>) when c not in [?\r, ?\n, 0], do: safe?(rest)
  defp safe?(rest), do: rest == ""
end
