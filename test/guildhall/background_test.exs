defmodule Guildhall.BackgroundTest do
  use ExUnit.Case, async: true

  alias Guildhall.Background

  doctest Background

  test "a crash of the work is a result as well" do
    reference = Background.run(fn -> exit(:shutdown) end)
    assert_receive {:DOWN, ^reference, :process, _pid, reason}
    assert Background.result(reason) == {:error, :unavailable}
  end
end
