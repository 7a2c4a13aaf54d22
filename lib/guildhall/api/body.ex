defmodule Guildhall.Api.Body do
  @moduledoc false

  # Reads a request's body as its route wants it: an object, an array, or a form with files.
  #
  # No body at all is an empty object, since clients send `Content-Length: 0` where nothing is asked.

  alias Guildhall.Api.{Error, Multipart, Route}
  alias Guildhall.Http.Request
  alias Guildhall.Model.Form
  alias Guildhall.Payload

  # Bytes of bodies that are dropped unread: of anonymous callers and of accounts.
  @max_anonymous 4_096
  @max_ignored 16_384
  @max_json 1_048_576
  @max_form 8_388_608
  @max_files 10

  @type content :: {map() | list(), [Multipart.file()]}

  # How long the body of a request may be, before any of it is read.
  @spec limit(Route.t(), Request.t()) :: pos_integer()
  def limit(%Route{auth: :none}, _request), do: @max_anonymous
  def limit(_route, %Request{method: method}) when method in ["GET", "DELETE"], do: @max_ignored

  def limit(%Route{body: :form}, request) do
    if media_type(content_type(request)) == "multipart/form-data", do: @max_form, else: @max_json
  end

  def limit(_route, _request), do: @max_json

  defp content_type(request), do: Request.header(request, "content-type") || "application/json"

  @spec read(Route.t(), Request.t()) :: {:ok, content()} | {:error, Error.reason()}
  def read(_route, %Request{method: method}) when method in ["GET", "DELETE"],
    do: {:ok, {%{}, []}}

  def read(%Route{body: kind}, %Request{body: ""}) when kind != :array, do: {:ok, {%{}, []}}

  def read(%Route{body: kind}, %Request{body: body} = request) do
    content_type = content_type(request)

    case {media_type(content_type), kind} do
      {"application/json", :array} ->
        with {:ok, list} <- json(body, :array), do: {:ok, {list, []}}

      {"application/json", _kind} ->
        with {:ok, map} <- json(body, :object), do: {:ok, {map, []}}

      {"multipart/form-data", :form} ->
        form(body, content_type)

      _other ->
        {:error, content_type_invalid(kind)}
    end
  end

  defp media_type(content_type) do
    content_type
    |> :binary.split(";")
    |> hd()
    |> String.trim()
    |> String.downcase(:ascii)
  end

  # A field of a form may be longer than a body of JSON.
  defp json(body, _kind) when byte_size(body) > @max_json, do: {:error, :too_large}

  defp json(body, kind) do
    case {Payload.decode(body), kind} do
      {{:ok, map}, :object} when is_map(map) -> {:ok, map}
      {{:ok, list}, :array} when is_list(list) -> {:ok, list}
      {{:ok, _other}, kind} -> {:error, wrong_type(kind)}
      {{:error, _reason}, _kind} -> {:error, :invalid_json}
    end
  end

  defp form(body, content_type) do
    with {:ok, boundary} <- Multipart.boundary(content_type),
         {:ok, {fields, files}} <- Multipart.parse(body, boundary) do
      with :ok <- check(files), {:ok, map} <- payload(fields), do: {:ok, {map, files}}
    else
      _malformed -> {:error, content_type_invalid(:form)}
    end
  end

  defp check(files) when length(files) <= @max_files, do: :ok

  defp check(_files) do
    message = "Must be #{@max_files} or fewer in length."
    {:error, Form.error("files", "BASE_TYPE_MAX_LENGTH", message)}
  end

  # The whole object in one field, or its plain fields each in one of its own.
  defp payload(fields) do
    case List.keyfind(fields, "payload_json", 0) do
      {_name, text} -> json(text, :object)
      nil -> plain(fields)
    end
  end

  defp plain(fields) do
    if Enum.all?(fields, fn {_name, text} -> String.valid?(text) end),
      do: {:ok, Map.new(fields)},
      else: {:error, content_type_invalid(:form)}
  end

  defp wrong_type(:object) do
    Form.error("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
  end

  defp wrong_type(:array) do
    Form.error("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
  end

  defp content_type_invalid(:form) do
    not_one_of("'application/json', 'multipart/form-data'")
  end

  defp content_type_invalid(_kind), do: not_one_of("'application/json'")

  defp not_one_of(types) do
    message = "Expected \"Content-Type\" header to be one of {#{types}}."
    Form.error("CONTENT_TYPE_INVALID", message)
  end
end
