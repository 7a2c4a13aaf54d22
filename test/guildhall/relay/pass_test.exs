defmodule Guildhall.Relay.PassTest do
  use ExUnit.Case, async: true

  alias Guildhall.Relay.Pass

  # Writes all of a pass at once.
  defp write(pass, size, now) do
    assert {:write, ^size, pass} = Pass.turn(pass, size, now)
    Pass.wrote(pass, size, 0)
  end

  test "with nobody in line there is nothing to do" do
    assert Pass.turn(%Pass{}, 0, -5_000_000) == :rest
  end

  test "the first pass begins at once, and so does one after a while" do
    pass = write(%Pass{}, 1_000, -5_000_000)
    write(pass, 1_000, -4_983_500)
  end

  test "a pass that comes too soon waits, and is waited for once" do
    pass = write(%Pass{}, 1_000, 0)
    assert {:wait, 15, pass} = Pass.turn(pass, 700, 2_500)
    assert Pass.turn(pass, 800, 3_000) == :rest
    pass = Pass.reached(pass)
    write(pass, 900, 17_000)
  end

  test "a small one never waits" do
    pass = write(%Pass{}, 33, 0)
    write(pass, 33, 1)
  end

  test "nobody waits longer than 250 ms" do
    pass = write(%Pass{}, 1_000_000, 0)
    assert {:wait, 250, _pass} = Pass.turn(pass, 1_000_000, 1_000)
  end

  test "who comes while a pass goes on is written in the next" do
    assert {:write, 1_000, pass} = Pass.turn(%Pass{}, 1_000, 0)
    # 256 written, 500 more in line.
    pass = Pass.wrote(pass, 256, 1_244)
    assert {:write, 744, pass} = Pass.turn(pass, 1_244, 1_000)
    pass = Pass.wrote(pass, 744, 500)
    assert {:wait, 13, _pass} = Pass.turn(pass, 500, 4_000)
  end

  test "a queue that is shorter than the pass ends it" do
    assert {:write, 1_000, pass} = Pass.turn(%Pass{}, 1_000, 0)
    pass = Pass.wrote(pass, 10, 0)
    assert Pass.turn(pass, 0, 100) == :rest
  end
end
