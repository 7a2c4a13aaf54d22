defmodule Guildhall.HashRing.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.HashRing
  alias Guildhall.HashRing.Reference

  property "answers as the reference does, however the ring came about" do
    forall {changes, keys, loads} <-
             {list(change()), list(key()), vector(6, range(0, 9))} do
      {ring, weights} = Enum.reduce(changes, {empty(), %{}}, &change/2)
      reference = Reference.new(Enum.to_list(weights), 8)
      loads = loads |> Enum.with_index(&{"node-#{&2}", &1}) |> Map.new()

      assert HashRing.nodes(ring) == weights

      for key <- keys do
        assert HashRing.owner(ring, key) == Reference.owner(reference, key)
        assert HashRing.owners(ring, key, 3) == Reference.owners(reference, key, 3)
        assert HashRing.pick(ring, key, loads) == Reference.pick(reference, key, loads, 1.25)
      end
    end
  end

  defp empty do
    {:ok, ring} = HashRing.new([], replicas: 8)
    ring
  end

  defp change({:put, node, weight}, {ring, weights}) do
    {:ok, ring} = HashRing.put(ring, node, weight)
    {ring, Map.put(weights, node, weight)}
  end

  defp change({:delete, node}, {ring, weights}) do
    {HashRing.delete(ring, node), Map.delete(weights, node)}
  end

  defp change, do: oneof([{:put, name(), range(1, 3)}, {:delete, name()}])
  defp name, do: map(range(0, 5), &"node-#{&1}")
  defp key, do: oneof([range(0, 0xFFFF_FFFF_FFFF_FFFF), binary()])
end
