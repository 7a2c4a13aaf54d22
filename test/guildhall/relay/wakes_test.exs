defmodule Guildhall.Relay.WakesTest do
  use ExUnit.Case, async: true

  alias Guildhall.Relay.Wakes

  # Only ever compared, so anything that is ordered will do.
  defp line(wakes, taken \\ []) do
    case Wakes.next(wakes) do
      {piece, true, wakes} -> line(wakes, [piece | taken])
      {piece, false, wakes} -> {Enum.reverse([piece | taken]), wakes}
    end
  end

  test "nobody is in line at first" do
    assert {[], false, wakes} = Wakes.next(%Wakes{})
    assert {[], false, ^wakes} = wakes |> Wakes.add([]) |> Wakes.next()
  end

  test "who came first is woken first, few at a time" do
    wakes =
      %Wakes{} |> Wakes.add(Enum.to_list(1..100)) |> Wakes.add([101]) |> Wakes.add([102, 103])

    {pieces, rest} = line(wakes)
    assert List.flatten(pieces) == Enum.to_list(1..103)
    assert Enum.all?(pieces, &(length(&1) in 1..64))
    assert rest == %Wakes{}
  end

  test "who comes while others are woken is behind them" do
    {first, true, wakes} = %Wakes{} |> Wakes.add(Enum.to_list(1..100)) |> Wakes.next()
    {pieces, _rest} = wakes |> Wakes.add([101]) |> line()
    assert first ++ List.flatten(pieces) == Enum.to_list(1..101)
  end
end
