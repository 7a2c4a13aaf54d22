defmodule Guildhall.Http.Response do
  @moduledoc """
  An answer to an HTTP request.

  The headers go out as they are given, names and order kept. `date`, `content-length` and
  `connection` are added where the handler has not given them; `connection: close` among the
  handler's own closes the connection after the answer.
  """

  @enforce_keys [:status]
  defstruct [:status, headers: [], body: ""]

  @type t :: %__MODULE__{
          status: 200..599,
          headers: [{String.t(), iodata()}],
          body: iodata()
        }
end
