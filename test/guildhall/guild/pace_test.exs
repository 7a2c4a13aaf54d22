defmodule Guildhall.Guild.PaceTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Guild.Pace

  test "to few everything is told soon" do
    for watchers <- [0, 1, 25] do
      assert Pace.window(watchers) == 50
      assert Pace.at_once(watchers) == 20
      assert Pace.at_end(watchers) == 1_000
    end
  end

  property "to however many, writes and deliveries have a bound, and it goes on" do
    forall watchers <- range(1, 2_000_000) do
      window = Pace.window(watchers)
      assert Pace.at_once(watchers) >= 1 and Pace.at_end(watchers) >= 1

      if watchers <= 100_000 do
        assert watchers <= 5 * (window + 1)
        assert watchers * Pace.at_end(watchers) <= 1_000 * (window + 1)
      end
    end
  end
end
