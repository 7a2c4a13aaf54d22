defmodule Guildhall.Session.IdTest do
  use ExUnit.Case, async: true

  alias Guildhall.Session.Id

  test "is short, fit for a URL and never the same" do
    ids = for _n <- 1..100, do: Id.new(:one)
    assert ids == Enum.uniq(ids)
    assert Enum.all?(ids, &(&1 =~ ~r/\A[A-Za-z0-9_-]{22}\z/))
  end

  test "says which node has the session" do
    assert tag(Id.new(:one)) == tag(Id.new(:one))
    refute tag(Id.new(:one)) == tag(Id.new(:two))
  end

  defp tag(id), do: id |> Base.url_decode64!(padding: false) |> binary_part(0, 4)
end
