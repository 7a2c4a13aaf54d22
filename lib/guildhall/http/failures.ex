defmodule Guildhall.Http.Failures do
  @moduledoc """
  How often the clients of an address failed to authenticate, over REST and gateway together.

  The table is the `:address_limiter` of the instance; where there is none, nothing is counted.
  """

  alias Guildhall.Http.Address
  alias Guildhall.{Instance, Limiter}

  @limit {100, 60_000}
  @max_rows 32_768

  @doc "Returns how many failures an address may have in how many milliseconds."
  @spec limit() :: Limiter.limit()
  def limit, do: @limit

  @doc "Counts a failure."
  @spec count(Instance.t(), :inet.ip_address() | nil) :: Limiter.verdict()
  def count(instance, address) do
    ask(instance, address, &Limiter.hit(&1, &2, @limit, &3, @max_rows))
  end

  @doc "Says whether the address has had its failures for now."
  @spec check(Instance.t(), :inet.ip_address() | nil) :: Limiter.verdict()
  def check(instance, address), do: ask(instance, address, &Limiter.check(&1, &2, @limit, &3))

  defp ask(instance, address, fun) do
    {count, per} = @limit
    table = Instance.get(instance, :address_limiter)

    if table != nil and Instance.get(instance, :rate_limits, true) do
      key = {:unauthorized, address && Address.client(address)}
      fun.(table, key, System.monotonic_time(:millisecond))
    else
      {:ok, count, per}
    end
  end
end
