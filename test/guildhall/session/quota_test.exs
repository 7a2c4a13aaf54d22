defmodule Guildhall.Session.QuotaTest do
  use ExUnit.Case, async: true

  alias Guildhall.Session.Quota

  @settings %{rate_limits: true, max_concurrency: 2, identify_limit: 1_000}

  setup context do
    instance = Module.concat(__MODULE__, "T#{:erlang.phash2(context.test)}")
    start_supervised!({Quota, instance})
    %{instance: instance}
  end

  test "lets a shard of each bucket start, and refuses a second one", %{instance: instance} do
    # Two windows of 5 s can be met, but not three.
    starts = for _n <- 1..3, do: Quota.take(instance, 1, 0, @settings)
    assert {:error, :rate_limited} in starts

    assert Quota.take(instance, 1, 1, @settings) == :ok
    assert Quota.take(instance, 2, 0, @settings) == :ok
  end

  test "counts shards of one bucket together", %{instance: instance} do
    starts = for shard_id <- [0, 2, 4], do: Quota.take(instance, 1, shard_id, @settings)
    assert {:error, :rate_limited} in starts
  end

  test "counts the starts of a day", %{instance: instance} do
    settings = %{@settings | identify_limit: 3, max_concurrency: 100}
    assert {3, reset_after} = Quota.left(instance, 1, settings)
    assert reset_after in 1..86_400_000

    for shard_id <- 0..2, do: assert(Quota.take(instance, 1, shard_id, settings) == :ok)
    assert Quota.take(instance, 1, 3, settings) == {:error, :rate_limited}
    assert {0, _reset_after} = Quota.left(instance, 1, settings)
    assert {3, _reset_after} = Quota.left(instance, 2, settings)
  end

  test "does not count where nothing is limited", %{instance: instance} do
    settings = %{@settings | rate_limits: false}
    for _n <- 1..10, do: assert(Quota.take(instance, 1, 0, settings) == :ok)
  end
end
