defmodule Guildhall.Gateway.RateTest do
  use ExUnit.Case, async: true

  alias Guildhall.Gateway.Rate

  test "120 payloads in 60 seconds pass, with the heartbeats of a minute among them" do
    kinds = List.duplicate(:payload, 120) ++ List.duplicate(:heartbeat, 10)
    assert {:ok, _rate} = count(Rate.new(), kinds, 0)
  end

  test "a client that does not pace itself is limited" do
    assert {:error, :rate_limited} = count(Rate.new(), List.duplicate(:payload, 150), 0)
    assert {:error, :rate_limited} = count(Rate.new(), List.duplicate(:heartbeat, 150), 0)
  end

  test "a new minute begins with the first payload after the old one" do
    {:ok, rate} = count(Rate.new(), List.duplicate(:payload, 120), 5)
    {:ok, rate} = count(rate, List.duplicate(:payload, 120), 60_005)
    assert {:error, :rate_limited} = count(rate, List.duplicate(:payload, 120), 60_006)
  end

  defp count(rate, kinds, now) do
    Enum.reduce_while(kinds, {:ok, rate}, fn kind, {:ok, rate} ->
      case Rate.count(rate, kind, now) do
        {:ok, rate} -> {:cont, {:ok, rate}}
        error -> {:halt, error}
      end
    end)
  end
end
