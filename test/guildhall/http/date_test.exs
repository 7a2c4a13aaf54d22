defmodule Guildhall.Http.DateTest do
  use ExUnit.Case, async: true

  alias Guildhall.Http.Date

  test "is in the form of the RFC" do
    # RFC 9110, 5.6.7.
    assert Date.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert Date.format(951_782_400) == "Tue, 29 Feb 2000 00:00:00 GMT"
  end

  test "is made anew when it is old" do
    table = Date.table()
    :ets.insert(table, {:date, 0, "old"})
    before = System.system_time(:second)
    date = Date.now(table)
    assert date in for(second <- before..System.system_time(:second), do: Date.format(second))
    assert [{:date, _second, ^date}] = :ets.lookup(table, :date)
  end
end
