defmodule Guildhall.Api.Quota do
  @moduledoc false

  # What a request leaves of its bucket: the numbers in the rate-limit headers.
  #
  # Everyone who is known has 50 requests a second over all routes, and in each bucket what the
  # route table says. Everyone who is not is known by his address; a token that is wrong counts in a
  # bucket that soon refuses to look at more of them, while right ones from the same address (a
  # proxy's, perhaps) are let through. Requests without the table of routes cost one update.

  alias Guildhall.Api.{Limiter, Route}
  alias Guildhall.{Instance, Telemetry}

  @global {50, 1_000}
  @anonymous {100, 1_000}
  @unauthorized {100, 60_000}
  @anonymous_bucket Route.bucket("anonymous")
  @unauthorized_bucket Route.bucket("unauthorized")
  @global_bucket Route.bucket("global")

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
    case take(instance, {user_id}, @global_bucket, @global, :global) do
      {:ok, _global} -> take(instance, {user_id, bucket, major}, bucket, limit, :user)
      {:limited, global} -> {:limited, global}
    end
  end

  # Counts a request that needs no token, or reaches no route.
  @spec anonymous(Instance.t(), address()) :: verdict()
  def anonymous(instance, address) do
    take(instance, {:ip, address}, @anonymous_bucket, @anonymous, :user)
  end

  # Counts a wrong token.
  @spec unauthorized(Instance.t(), address()) :: verdict()
  def unauthorized(instance, address) do
    take(instance, {:unauthorized, address}, @unauthorized_bucket, @unauthorized, :user)
  end

  defp take(instance, key, bucket, {limit, per} = rate, scope) do
    if Instance.get(instance, :rate_limits, true) do
      table = Instance.fetch!(instance, :api_limiter)
      verdict = Limiter.hit(table, key, rate, System.monotonic_time(:millisecond))
      judge(verdict, instance, bucket, limit, scope)
    else
      {:ok, quota(bucket, limit, limit, per, scope)}
    end
  end

  defp judge({:ok, remaining, reset_after}, _instance, bucket, limit, scope) do
    {:ok, quota(bucket, limit, remaining, reset_after, scope)}
  end

  defp judge({:limited, remaining, reset_after}, instance, bucket, limit, scope) do
    refuse(instance, quota(bucket, limit, remaining, reset_after, scope))
  end

  # Not the client's fault, and so nothing that counts against it.
  defp judge({:full, remaining, reset_after}, instance, bucket, limit, _scope) do
    refuse(instance, quota(bucket, limit, remaining, reset_after, :shared))
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
