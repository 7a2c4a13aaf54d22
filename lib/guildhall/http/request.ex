defmodule Guildhall.Http.Request do
  @moduledoc """
  An HTTP request. `body` is empty until the handler has asked for it (`Guildhall.Http.Handler`);
  `length` says how many bytes of it are still to be read, nil if only their end will tell (a chunked body).

  `path` is what the client wrote, without the query; `segments` are its parts, percent-decoded
  (so one may hold a slash), without empty ones. `query` is decoded, in the client's order.
  Header names are lower case; a header that was sent twice is there twice. Values are UTF-8: one that is
  not was read as Latin-1. `peer` is the client, also behind a trusted proxy (the port is 0 then).
  """

  @enforce_keys [:method, :path, :segments]
  defstruct [
    :method,
    :path,
    :segments,
    :peer,
    query: [],
    headers: [],
    body: "",
    length: 0,
    scheme: :http
  ]

  @type t :: %__MODULE__{
          method: String.t(),
          path: String.t(),
          segments: [String.t()],
          query: [{String.t(), String.t()}],
          headers: [{String.t(), String.t()}],
          body: binary(),
          length: non_neg_integer() | nil,
          peer: {:inet.ip_address(), :inet.port_number()} | nil,
          scheme: :http | :https
        }

  @doc "Returns the first header of that name (in lower case), or nil."
  @spec header(t(), String.t()) :: String.t() | nil
  def header(%__MODULE__{headers: headers}, name) do
    case List.keyfind(headers, name, 0) do
      {_name, value} -> value
      nil -> nil
    end
  end
end
