defmodule Guildhall.Api.Multipart do
  @moduledoc false

  # `multipart/form-data`: the fields and the files of a form that has been read whole.
  #
  # The bytes of a file are a slice of the body. Nothing is unbounded: a form has at most 32 parts,
  # a part's headers at most 4 KiB.

  alias Guildhall.Http

  @max_parts 32
  @max_head 4_096
  @max_header 1_024
  # The content type of a file, as the message shows it.
  @max_type 128

  @type file :: %{
          field: String.t(),
          filename: String.t(),
          content_type: String.t() | nil,
          bytes: binary()
        }
  @type form :: {fields :: [{String.t(), binary()}], [file()]}

  # The boundary that a content type names: RFC 2046, 5.1.1.
  @spec boundary(String.t()) :: {:ok, String.t()} | :error
  def boundary(content_type) when byte_size(content_type) <= @max_header do
    with boundary when is_binary(boundary) <- parameters(content_type)["boundary"],
         true <- boundary =~ ~r/\A[0-9A-Za-z'()+_,\-.\/:=? ]{0,69}[0-9A-Za-z'()+_,\-.\/:=?]\z/ do
      {:ok, boundary}
    else
      _other -> :error
    end
  end

  def boundary(_too_long), do: :error

  @spec parse(binary(), boundary :: String.t()) :: {:ok, form()} | {:error, :malformed}
  def parse(body, boundary) do
    # The first delimiter may stand at the very beginning, without the line break before it.
    case :binary.split(body, "--" <> boundary) do
      [_preamble, rest] -> parts(rest, "\r\n--" <> boundary, {[], []}, @max_parts)
      [_no_delimiter] -> {:error, :malformed}
    end
  end

  defp parts("--" <> _epilogue, _delimiter, {fields, files}, _left) do
    {:ok, {Enum.reverse(fields), Enum.reverse(files)}}
  end

  defp parts("\r\n" <> rest, delimiter, form, left) when left > 0 do
    with [part, rest] <- :binary.split(rest, delimiter),
         {:ok, form} <- part(part, form) do
      parts(rest, delimiter, form, left - 1)
    else
      _no_part -> {:error, :malformed}
    end
  end

  defp parts(_rest, _delimiter, _form, _left), do: {:error, :malformed}

  defp part(part, {fields, files}) do
    scope = {0, min(byte_size(part), @max_head)}

    with {start, 4} <- :binary.match(part, "\r\n\r\n", scope: scope),
         headers = headers(binary_part(part, 0, start)),
         bytes = binary_part(part, start + 4, byte_size(part) - start - 4),
         %{"name" => field} = disposition <- parameters(headers["content-disposition"] || "") do
      case filename(disposition) do
        nil -> {:ok, {[{field, bytes} | fields], files}}
        name -> {:ok, {fields, [file(field, name, headers, bytes) | files]}}
      end
    else
      _malformed -> {:error, :malformed}
    end
  end

  defp file(field, filename, headers, bytes) do
    %{field: field, filename: filename, content_type: type(headers["content-type"]), bytes: bytes}
  end

  defp type(type) when is_binary(type) and byte_size(type) <= @max_type do
    if type =~ ~r/\A[\x20-\x7E]+\z/, do: type
  end

  defp type(_none_or_too_long), do: nil

  defp headers(head) do
    for line <- :binary.split(head, "\r\n", [:global]),
        [name, value] <- [:binary.split(line, ":")],
        String.valid?(value),
        into: %{},
        do: {String.downcase(name, :ascii), String.trim(value)}
  end

  # RFC 5987's form is the one that says its charset.
  defp filename(%{"filename*" => extended} = disposition) do
    case String.split(extended, "'", parts: 3) do
      [_charset, _language, text] -> decode(text)
      _other -> disposition["filename"]
    end
  end

  defp filename(disposition), do: disposition["filename"]

  defp decode(text) do
    case Http.unescape(text) do
      {:ok, decoded} -> decoded
      :error -> text
    end
  end

  # `form-data; name="files[0]"; filename="a \"b\".txt"` -> the parameters by name.
  defp parameters(header) do
    for [_all, name | value] <-
          Regex.scan(~r/;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/u, header),
        into: %{},
        do: {String.downcase(name), value |> List.last("") |> unescape()}
  end

  # Browsers write `%22` where others write `\"`.
  defp unescape(text) do
    ~r/\\(.)/u |> Regex.replace(text, "\\1") |> String.replace("%22", "\"")
  end
end
