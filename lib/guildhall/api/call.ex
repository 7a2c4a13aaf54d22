defmodule Guildhall.Api.Call do
  @moduledoc false

  # A request on its way through the API: whose it is, and what it asks, read and checked.
  #
  # `params` are those of the path, snowflakes as integers; `body` is the decoded JSON (or the
  # form's `payload_json`) and `files` are the form's files.

  alias Guildhall.Api.{Multipart, Route}
  alias Guildhall.Http
  alias Guildhall.Http.Request
  alias Guildhall.Instance
  alias Guildhall.Model.User

  @enforce_keys [:instance, :route, :request]
  defstruct [:instance, :route, :request, :user, params: %{}, body: %{}, files: []]

  @type t :: %__MODULE__{
          instance: Instance.t(),
          route: Route.t(),
          request: Request.t(),
          user: User.t() | nil,
          params: %{optional(atom()) => non_neg_integer() | String.t()},
          body: map() | list(),
          files: [Multipart.file()]
        }

  @typedoc "What an action answers: 200, 201, 204 or a reason of `Guildhall.Api.Error`."
  @type result :: {:ok, term()} | {:created, term()} | :no_content | {:error, term()}

  # The query as a form, for `Guildhall.Model.Form`; of a name that comes twice the last one counts.
  @spec query(t()) :: %{optional(String.t()) => String.t()}
  def query(%__MODULE__{request: request}), do: Map.new(request.query)

  # Bans keep the reason that the audit log would show; it is percent-encoded, as headers are ASCII.
  @spec audit_reason(t()) :: String.t() | nil
  def audit_reason(%__MODULE__{request: request}) do
    with reason when is_binary(reason) <- Request.header(request, "x-audit-log-reason"),
         {:ok, text} when text != "" <- Http.unescape(reason) do
      String.slice(text, 0, 512)
    else
      _absent -> nil
    end
  end
end
