defmodule Guildhall.Model.SnowflakeTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Model.Snowflake

  doctest Snowflake

  test "reads integers and strings of digits, and nothing else" do
    assert Snowflake.parse(0) == {:ok, 0}
    assert Snowflake.parse("0") == {:ok, 0}
    assert Snowflake.parse(18_446_744_073_709_551_615) == {:ok, 18_446_744_073_709_551_615}
    assert Snowflake.parse("18446744073709551615") == {:ok, 18_446_744_073_709_551_615}

    for bad <- [
          -1,
          18_446_744_073_709_551_616,
          "18446744073709551616",
          "",
          "-1",
          "+1",
          " 1",
          "1 ",
          "1a",
          "1_0",
          "1.0",
          1.0,
          nil,
          true,
          [1],
          %{},
          <<255>>,
          String.duplicate("0", 21)
        ] do
      assert Snowflake.parse(bad) == :error, inspect(bad)
    end
  end

  property "an id made from a time is the first of its millisecond" do
    forall ms <- range(1_420_070_400_000, 5_000_000_000_000) do
      id = Snowflake.from_time(ms)
      assert Snowflake.time(id) == ms
      assert id == 0 or Snowflake.time(id - 1) == ms - 1
    end
  end

  property "what is written can be read" do
    forall id <- range(0, 0xFFFF_FFFF_FFFF_FFFF) do
      assert Snowflake.parse(Snowflake.to_string(id)) == {:ok, id}
    end
  end

  test "a time before the first id is the bound 0" do
    assert Snowflake.from_time(0) == 0
  end
end
