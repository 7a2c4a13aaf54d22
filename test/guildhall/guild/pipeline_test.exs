defmodule Guildhall.Guild.PipelineTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Guild.Pipeline

  defp indexes(released), do: Enum.map(released, &elem(&1, 0))

  test "results are released in index order, whatever order they come in" do
    pipeline = Enum.reduce(1..3, Pipeline.new(10), &Pipeline.submit(&2, [], &1))
    assert {[], pipeline} = Pipeline.settle(pipeline, 3, :ok)
    assert {[{1, 1, :ok, []}], pipeline} = Pipeline.settle(pipeline, 1, :ok)
    assert {released, pipeline} = Pipeline.settle(pipeline, 2, {:error, :storage_full})
    assert [{2, 2, {:error, :storage_full}, []}, {3, 3, :ok, []}] = released
    assert Pipeline.idle?(pipeline)
  end

  test "a key is held until its write is released, and whoever waited comes with it" do
    pipeline = Pipeline.new(10) |> Pipeline.submit([], :a) |> Pipeline.submit([:key], :b)
    assert Pipeline.blocker(pipeline, [:other]) == nil
    assert Pipeline.blocker(pipeline, [:other, :key]) == 2
    pipeline = pipeline |> Pipeline.wait(2, :first) |> Pipeline.wait(2, :second)
    assert Pipeline.depth(pipeline) == 4
    # Settled, but not released.
    assert {[], pipeline} = Pipeline.settle(pipeline, 2, :ok)
    assert Pipeline.blocker(pipeline, [:key]) == 2
    assert {[_one, {2, :b, :ok, [:first, :second]}], pipeline} = Pipeline.settle(pipeline, 1, :ok)
    assert Pipeline.blocker(pipeline, [:key]) == nil
    assert Pipeline.depth(pipeline) == 0
  end

  test "has room up to its limit" do
    pipeline = Pipeline.new(2) |> Pipeline.submit([:key], :a)
    assert Pipeline.room(pipeline) == 1
    pipeline = Pipeline.wait(pipeline, 1, :b)
    assert Pipeline.room(pipeline) == 0
    assert pipeline |> Pipeline.wait(1, :c) |> Pipeline.room() == 0
  end

  property "everything is released once, in order, as late as its slowest predecessor" do
    forall {count, seed} <- {range(1, 12), integer()} do
      :rand.seed(:exsss, {seed, 1, 1})
      pipeline = Enum.reduce(1..count, Pipeline.new(100), &Pipeline.submit(&2, [rem(&1, 3)], &1))

      {released, settled, pipeline} =
        Enum.reduce(Enum.shuffle(1..count), {[], [], pipeline}, fn index,
                                                                   {released, settled, pipeline} ->
          {more, pipeline} = Pipeline.settle(pipeline, index, :ok)
          released = released ++ indexes(more)
          settled = [index | settled]
          assert released == Enum.take_while(1..count, &(&1 in settled))
          {released, settled, pipeline}
        end)

      assert released == Enum.sort(settled)
      assert pipeline.held == %{} and Pipeline.idle?(pipeline)
    end
  end
end
