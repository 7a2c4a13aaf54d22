defmodule Guildhall.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  property "reversing twice changes nothing" do
    forall list <- list(integer()) do
      assert Enum.reverse(Enum.reverse(list)) == list
    end
  end

  property "takes the context", %{test: name} do
    forall {small, _list} <-
             {such_that(range(0, 9), &(&1 < 5)), [boolean(), map(integer(), &(&1 * 2))]} do
      assert small < 5 and is_atom(name)
    end
  end

  test "the smallest counterexample is reported, with the assertion that failed" do
    error =
      assert_raise ExUnit.AssertionError, fn ->
        forall(n <- range(0, 1_000), do: assert(n < 10))
      end

    assert error.message =~ ~r/counterexample is\n\n    10\n/
    assert error.left == 10
  end

  test "a property that raises or exits is reported like one that asserts" do
    for fun <- [fn -> raise "no" end, fn -> exit("no") end, fn -> throw("no") end] do
      error =
        assert_raise ExUnit.AssertionError, fn ->
          forall(list <- list(range(0, 3)), do: if(length(list) > 1, do: fun.()))
        end

      assert error.message =~ "[0, 0]"
      assert error.message =~ "no"
    end
  end

  test "a share of the runs is at least one" do
    forall n <- pos_integer(), share: 1 do
      send(self(), {:tried, n})
    end

    assert_received {:tried, _n}
    share = div(String.to_integer(System.get_env("GUILDHALL_PROPERTY_RUNS", "100")), 100)
    assert {:messages, rest} = Process.info(self(), :messages)
    assert length(rest) == max(share, 1) - 1
  end

  test "a generator that finds nothing is a failure" do
    assert_raise ExUnit.AssertionError, ~r/no property was tested/, fn ->
      forall(_n <- such_that(range(0, 9), &(&1 > 9)), do: :ok)
    end
  end
end
