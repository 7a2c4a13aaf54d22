defmodule Guildhall.Api.Route do
  @moduledoc false

  # A row of the route table: where, who may call, how often, and what answers.
  #
  # `path` is the template of Discord's documentation, `/channels/{channel_id}/messages`; a parameter
  # that ends in `_id` is a snowflake. `bucket` names the route to clients, who pace themselves by it:
  # it is opaque to them and the same for every channel or guild, while requests are counted for
  # each of them on its own (`major`).

  alias Guildhall.Api.Call

  @enforce_keys [:method, :path, :segments, :action, :bucket, :limit, :auth, :major, :body]
  defstruct @enforce_keys

  @typedoc "How many requests in how many milliseconds."
  @type limit :: {pos_integer(), pos_integer()}
  @typedoc "`:none`: anyone, `:user`: people and bots, `:bot`: bots, `:operator`: the admin API."
  @type auth :: :none | :user | :bot | :operator
  @typedoc "What the body must be: an object, an array, or either a form with files or an object."
  @type body :: :object | :array | :form
  @type action :: (Call.t() -> Call.result())

  @type t :: %__MODULE__{
          method: String.t(),
          path: String.t(),
          segments: [String.t() | {:param, atom()}],
          action: action(),
          bucket: String.t(),
          limit: limit(),
          auth: auth(),
          major: atom() | nil,
          body: body()
        }

  # As much as the global limit allows: the route's own is not felt.
  @generous {50, 1_000}
  @majors [:channel_id, :guild_id]

  @spec new({String.t(), String.t(), action()} | {String.t(), String.t(), action(), keyword()}) ::
          t()
  def new({method, path, action}), do: new({method, path, action, []})

  def new({method, path, action, options}) do
    segments = path |> String.split("/", trim: true) |> Enum.map(&segment/1)

    %__MODULE__{
      method: method,
      path: path,
      segments: segments,
      action: action,
      bucket: bucket(options[:bucket] || method <> path),
      limit: options[:limit] || @generous,
      auth: options[:auth] || :user,
      major: Enum.find(@majors, &({:param, &1} in segments)),
      body: options[:body] || :object
    }
  end

  # A bucket of its own for the requests that reach no route.
  @spec bucket(String.t()) :: String.t()
  def bucket(name) do
    :crypto.hash(:sha256, name) |> binary_part(0, 8) |> Base.encode16(case: :lower)
  end

  # Called while the tables compile, with names that the tables write.
  defp segment("{" <> name) do
    {:param, name |> String.trim_trailing("}") |> String.to_atom()}
  end

  defp segment(text), do: text
end
