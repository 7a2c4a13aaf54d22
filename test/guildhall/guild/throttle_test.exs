defmodule Guildhall.Guild.ThrottleTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.{Plan, Request, State, Throttle}
  alias Guildhall.Model.{Channel, Guild, Overwrite}

  @now 1_000_000

  setup do
    overwrites = for id <- 1..1_000, into: %{}, do: {id, %Overwrite{id: id, type: :member}}
    channel = %Channel{id: 2, type: 0, guild_id: 1, name: "large", overwrites: overwrites}
    guild = %Guild{id: 1, owner_id: 10, channels: %{2 => channel}}
    %{state: State.new(guild, epoch: 1), plan: plan(channel)}
  end

  test "a guild's worth of events is allowed at once, and then a quarter of a megabyte in a second",
       context do
    {throttle, allowed} = pay_until_refused(%Throttle{}, context, @now, 0)
    assert allowed in 20..60
    assert {:error, {:throttled, wait}} = pay(throttle, context, @now)
    assert wait in 1..300

    assert {:error, {:throttled, _wait}} = pay(throttle, context, @now + wait - 2)
    assert {:ok, throttle} = pay(throttle, context, @now + wait)

    {_throttle, more} = pay_until_refused(throttle, context, @now + 10_000 + wait, 0)
    assert more in div(allowed, 2)..allowed
  end

  test "a clock that is set back allows nothing more, and a command without such events is free",
       context do
    {throttle, _allowed} = pay_until_refused(%Throttle{}, context, @now, 0)
    assert {:error, {:throttled, _wait}} = pay(throttle, context, @now - 60_000)

    pinned = %{context.plan | effects: [publish: :pins]}
    request = %Request{actor: 5, command: {:pin, 2, 3}, now: @now}
    assert {:ok, ^throttle} = Throttle.pay(throttle, context.state, request, pinned)

    operator = %{request | actor: :operator}
    assert {:ok, ^throttle} = Throttle.pay(throttle, context.state, operator, context.plan)
  end

  test "small changes are carried out in spite of the debts of large ones, up to a bound",
       context do
    {throttle, _allowed} = pay_until_refused(%Throttle{}, context, @now, 0)
    small = %{context | plan: plan(%Channel{id: 3, type: 0, guild_id: 1, name: "small"})}
    {throttle, allowed} = pay_until_refused(throttle, small, @now, 0)
    assert allowed in 5_000..50_000
    assert {:error, {:throttled, wait}} = pay(throttle, small, @now)
    assert {:error, {:throttled, longer}} = pay(throttle, context, @now)
    assert wait < 50 and longer > 10_000
  end

  defp plan(channel) do
    changes = [{:channel, channel}]
    %Plan{changes: changes, effects: [{:change, changes, [channel], []}]}
  end

  defp pay(throttle, %{state: state, plan: plan}, now) do
    request = %Request{actor: 5, command: {:update_channel, 2, %{}}, now: now}
    Throttle.pay(throttle, state, request, plan)
  end

  defp pay_until_refused(throttle, context, now, allowed) do
    case pay(throttle, context, now) do
      {:ok, throttle} -> pay_until_refused(throttle, context, now, allowed + 1)
      {:error, _reason} -> {throttle, allowed}
    end
  end
end
