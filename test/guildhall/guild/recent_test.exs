defmodule Guildhall.Guild.RecentTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Guild.Recent

  test "rows that are found are as the last write left them" do
    recent = Recent.new(8) |> Recent.put(:a, 1, 1) |> Recent.put(:a, nil, 2)
    assert Recent.fetch(recent, :a) == {:ok, nil}
    assert Recent.fetch(recent, :b) == :error
  end

  test "rows of a write that failed are read again by everyone" do
    recent = Recent.new(8) |> Recent.put(:a, 1, 1) |> Recent.doubt([:a], 2)
    assert Recent.fetch(recent, :a) == :error
    refute Recent.current?(recent, 1)
    assert Recent.current?(recent, 2)
  end

  # Whoever read the rows at a stamp, and takes those that are found instead, has them as they are.
  property "a current stamp never hides a change" do
    forall {limit, writes} <- {range(1, 4), list({range(0, 5), range(0, 9)})} do
      {recent, rows, history} =
        writes
        |> Enum.with_index(1)
        |> Enum.reduce({Recent.new(limit), %{}, %{0 => %{}}}, fn {{key, value}, index},
                                                                 {recent, rows, history} ->
          rows = Map.put(rows, key, value)
          {Recent.put(recent, key, value, index), rows, Map.put(history, index, rows)}
        end)

      for {stamp, read} <- history, Recent.current?(recent, stamp), key <- 0..5 do
        found = with :error <- Recent.fetch(recent, key), do: {:ok, read[key]}
        assert found == {:ok, rows[key]}
      end

      assert map_size(recent.values) <= limit
    end
  end
end
