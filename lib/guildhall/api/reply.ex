defmodule Guildhall.Api.Reply do
  @moduledoc false

  # What an action answered, as an HTTP response.
  #
  # Clients are particular about these headers. The content type has no charset (eris and oceanic
  # compare the string), Reset-After always has a decimal point (nostrum reads a float), Retry-After
  # is an integer (twilight reads one), a 429 without Via is taken for one of a proxy's (discord.py),
  # and twilight believes a bucket only where it sees a scope.

  alias Guildhall.Api.{Call, Error, Quota}
  alias Guildhall.Http.Response
  alias Guildhall.Payload

  @json {"Content-Type", "application/json"}
  @via {"Via", "1.1 guildhall"}
  @shared {"X-RateLimit-Scope", "shared"}
  # Milliseconds that a client is told to wait for a part of the node that is restarted or overloaded.
  @later 1_000

  @spec render(Call.result(), Quota.t() | nil) :: Response.t()
  def render({:ok, body}, quota), do: json(200, body, limits(quota))
  def render({:created, body}, quota), do: json(201, body, limits(quota))
  def render(:no_content, quota), do: %Response{status: 204, headers: limits(quota)}

  def render({:error, {:slowmode, wait} = reason}, quota) do
    {status, body} = Error.render(reason)
    json(status, body, [@via, retry_after(wait) | limits(quota)])
  end

  # The limit is the guild's, regardless of the actor.
  def render({:error, {:throttled, wait} = reason}, quota) do
    {status, body} = Error.render(reason)
    shared = if quota, do: limits(%{quota | scope: :shared}), else: [@shared]
    json(status, body, [@via, retry_after(wait) | shared])
  end

  def render({:error, {:method_not_allowed, methods} = reason}, quota) do
    {status, body} = Error.render(reason)
    json(status, body, [{"Allow", Enum.join(methods, ", ")} | limits(quota)])
  end

  def render({:error, reason}, quota) do
    {status, body} = Error.render(reason)
    later = if status == 503, do: [retry_after(@later)], else: []
    json(status, body, later ++ limits(quota))
  end

  @spec limited(Quota.t()) :: Response.t()
  def limited(%Quota{scope: scope, reset_after: wait} = quota) do
    global? = scope == :global
    body = %{message: "You are being rate limited.", retry_after: wait / 1_000, global: global?}
    global = if global?, do: [{"X-RateLimit-Global", "true"}], else: []
    json(429, body, [@via, retry_after(wait)] ++ global ++ limits(quota))
  end

  defp json(status, body, headers) do
    %Response{status: status, headers: [@json | headers], body: Payload.encode!(body)}
  end

  defp retry_after(wait), do: {"Retry-After", Integer.to_string(max(div(wait + 999, 1_000), 1))}

  defp limits(nil), do: []

  defp limits(%Quota{} = quota) do
    [
      {"X-RateLimit-Limit", Integer.to_string(quota.limit)},
      {"X-RateLimit-Remaining", Integer.to_string(quota.remaining)},
      {"X-RateLimit-Reset", seconds(System.system_time(:millisecond) + quota.reset_after)},
      {"X-RateLimit-Reset-After", seconds(quota.reset_after)},
      {"X-RateLimit-Bucket", quota.bucket},
      {"X-RateLimit-Scope", Atom.to_string(quota.scope)}
    ]
  end

  defp seconds(ms), do: :erlang.float_to_binary(ms / 1_000, decimals: 3)
end
