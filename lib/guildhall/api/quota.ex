defmodule Guildhall.Api.Quota do
  @moduledoc false

  # What a request leaves of its bucket: the numbers in the rate-limit headers.
  #
  # Everyone who is known has 50 requests a second over all routes, and in each bucket what the
  # route table says. Everyone else is counted by the address; wrong tokens have a bucket that soon
  # answers 429, while right ones from the same address (a proxy's, perhaps) are let through.
  #
  # Users and addresses have a table each, so that addresses, which cost a stranger nothing, never have
  # the rows of users deleted.

  alias Guildhall.Api.Route
  alias Guildhall.Http.Failures
  alias Guildhall.{Instance, Limiter, Telemetry}

  @global {50, 1_000}
  @anonymous {100, 1_000}
  @anonymous_bucket Route.bucket("anonymous")
  @unauthorized_bucket Route.bucket("unauthorized")
  @global_bucket Route.bucket("global")
  # A row of an address takes about 1 KB.
  @rows %{api_limiter: 200_000, address_limiter: 32_768}

  @enforce_keys [:bucket, :limit, :remaining, :reset_after, :scope]
  defstruct @enforce_keys

  @type scope :: :user | :global | :shared
  @type t :: %__MODULE__{
          bucket: String.t(),
          limit: pos_integer(),
          remaining: non_neg_integer(),
          reset_after: non_neg_integer(),
          scope: scope()
        }
  @type verdict :: {:ok | :limited, t()}
  @type address :: :inet.ip_address() | nil

  # Counts a request of a known user.
  @spec user(Instance.t(), user_id :: pos_integer(), Route.t(), major :: term()) :: verdict()
  def user(instance, user_id, %Route{bucket: bucket, limit: limit}, major) do
    now = now()

    case take(instance, :api_limiter, {user_id}, {@global_bucket, @global, :global}, now) do
      {:ok, _global} ->
        take(instance, :api_limiter, {user_id, bucket, major}, {bucket, limit, :user}, now)

      {:limited, global} ->
        {:limited, global}
    end
  end

  # Counts a request that needs no token, or reaches no route.
  @spec anonymous(Instance.t(), address()) :: verdict()
  def anonymous(instance, address) do
    rate = {@anonymous_bucket, @anonymous, :user}
    take(instance, :address_limiter, {:anonymous, address}, rate, now())
  end

  # Counts a wrong token.
  @spec unauthorized(Instance.t(), address()) :: verdict()
  def unauthorized(instance, address) do
    {limit, _per} = Failures.limit()
    instance |> Failures.count(address) |> judge(instance, @unauthorized_bucket, limit, :user)
  end

  defp take(instance, table, key, {bucket, {limit, per} = rate, scope}, now) do
    if Instance.get(instance, :rate_limits, true) do
      instance
      |> Instance.fetch!(table)
      |> Limiter.hit(key, rate, now, @rows[table])
      |> judge(instance, bucket, limit, scope)
    else
      {:ok, quota(bucket, limit, limit, per, scope)}
    end
  end

  defp now, do: System.monotonic_time(:millisecond)

  defp judge({:ok, remaining, reset_after}, _instance, bucket, limit, scope) do
    {:ok, quota(bucket, limit, remaining, reset_after, scope)}
  end

  defp judge({:limited, remaining, reset_after}, instance, bucket, limit, scope) do
    refuse(instance, quota(bucket, limit, remaining, reset_after, scope))
  end

  defp refuse(instance, quota) do
    measurements = %{retry_after: quota.reset_after}
    Telemetry.emit([:api, :limited], measurements, %{instance: instance, scope: quota.scope})
    {:limited, quota}
  end

  defp quota(bucket, limit, remaining, reset_after, scope) do
    %__MODULE__{
      bucket: bucket,
      limit: limit,
      remaining: remaining,
      reset_after: reset_after,
      scope: scope
    }
  end
end
