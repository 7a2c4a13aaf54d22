defmodule Guildhall.Store.IdsTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise

  alias Guildhall.{Events, Instance}
  alias Guildhall.Model.Snowflake
  alias Guildhall.Store
  alias Guildhall.Store.{Ids, Lease}

  @moduletag :tmp_dir
  @noon 1_760_000_000_000

  # A clock that the test sets.
  setup %{test: instance, tmp_dir: path} do
    Events.listen()
    clock = :atomics.new(1, [])
    :atomics.put(clock, 1, @noon)
    options = [instance: instance, path: path, clock: fn -> :atomics.get(clock, 1) end]
    %{store: instance, clock: clock, options: options}
  end

  defp start(context, options \\ []),
    do: start_supervised!({Store, Keyword.merge(context.options, options)})

  defp stop(context), do: stop_supervised!({Store, context.store})
  defp set(context, time), do: :atomics.put(context.clock, 1, time)

  test "an id says when it was made, and by which worker", context do
    start(context, worker: 1_023)
    id = next_id(context)
    assert Snowflake.time(id) == @noon
    assert (id >>> 12 &&& 0x3FF) == 1_023
    assert (id &&& 0xFFF) == 0
    assert next_id(context) == id + 1
  end

  test "ids of one millisecond borrow from the next", context do
    start(context)
    ids = for _n <- 1..5_000, do: next_id(context)
    assert increasing?(ids)
    assert Snowflake.time(List.last(ids)) == @noon + 1
    set(context, @noon + 1_000)
    assert Snowflake.time(next_id(context)) == @noon + 1_000
  end

  test "ids of many processes are all different, and grow for each of them", context do
    start(context)

    ids =
      for _n <- 1..8 do
        Task.async(fn -> for _n <- 1..5_000, do: next_id(context) end)
      end
      |> Task.await_many()

    assert Enum.all?(ids, &increasing?/1)
    assert ids |> Enum.concat() |> Enum.uniq() |> length() == 40_000
  end

  test "a clock that goes far ahead is followed", context do
    start(context)
    next_id(context)
    set(context, @noon + 3_600_000)
    assert Snowflake.time(next_id(context)) == @noon + 3_600_000
  end

  test "a clean restart loses no time", context do
    start(context)
    before = next_id(context)
    stop(context)
    start(context)
    after_it = next_id(context)
    assert after_it > before
    assert Snowflake.time(after_it) == @noon + 1
  end

  test "a stopped store gives out no ids", context do
    start(context)
    ids = Instance.fetch!(context.store, :ids)
    next_id(context)
    stop(context)
    assert Ids.next(ids) == {:error, :no_ids}
    assert Store.next_id(context.store) == {:error, :unavailable}
  end

  property "no step of the clock, no restart and no kill makes ids repeat or go back", context do
    commands =
      frequency([
        {6, {:take, range(1, 20)}},
        {4, {:step, integer(-20_000, 20_000)}},
        {1, :restart},
        {1, :kill}
      ])

    start(context)
    first = next_id(context)

    forall commands <- list(commands) do
      last = Process.get(:last, first)

      ids =
        Enum.flat_map(commands, fn
          {:step, by} -> step(context, by)
          {:take, n} -> for _n <- 1..n, do: next_id(context)
          :restart -> restart(context)
          :kill -> kill(context)
        end)

      assert increasing?([last | ids])
      Process.put(:last, List.last([last | ids]))
    end
  end

  test "without a higher limit there are no ids, and nobody is held up", context do
    {:ok, full} = GenServer.start_link(__MODULE__.Full, self())
    limit = @noon - Snowflake.epoch() + 1
    ids = Ids.new(nil, worker: 0, clock: context.options[:clock], server: full)
    Ids.allow(ids, Lease.take(nil, <<limit::64>>))
    taken = for _n <- 1..4_096, {:ok, id} <- [Ids.next(ids)], do: id
    assert increasing?(taken)
    assert Snowflake.time(List.last(taken)) == @noon
    assert Ids.next(ids) == {:error, :no_ids}

    # Asked for once, however many want ids.
    assert Ids.next(ids) == {:error, :no_ids}
    assert_receive :raise_limit
    refute_received :raise_limit

    # An id never has a time that is over.
    Ids.allow(ids, Lease.take(nil, <<limit + 1_000::64>>))
    set(context, @noon + 60_000)
    assert Ids.next(ids) == {:error, :no_ids}
  end

  test "the limit is raised in advance while ids are in use", context do
    start(context)
    next_id(context)
    ids = Instance.fetch!(context.store, :ids)

    for second <- 1..3 do
      set(context, @noon + second * 3_000)
      await_limit(ids, context)
      assert {:ok, id} = Store.next_id_now(context.store)
      assert Snowflake.time(id) == @noon + second * 3_000
    end
  end

  # The store says nothing of it, so that an id costs nothing: a later commit tells.
  defp await_limit(ids, context) do
    instance = context.store

    unless :atomics.get(ids.numbers, 2) >>> 12 >
             :atomics.get(context.clock, 1) - Snowflake.epoch() do
      assert_receive {:event, [:guildhall, :store, :commit], _, %{instance: ^instance}}, 5_000
      await_limit(ids, context)
    end
  end

  test "a store that was killed goes on with the ids that processes hold", context do
    start(context)
    before = next_id(context)
    ids = Instance.fetch!(context.store, :ids)
    kill(context)
    assert next_id(context) == before + 1
    assert {:ok, id} = Ids.next(ids)
    assert id == before + 2
    assert next_id(context) == before + 3
  end

  test "a store that does not answer costs its caller an error", context do
    start(context)
    next_id(context)
    ids = Instance.fetch!(context.store, :ids)
    :ok = :sys.suspend(Instance.child(context.store, :store))
    :atomics.put(ids.numbers, 2, 0)
    assert Store.next_id_now(context.store) == {:error, :no_ids}
    assert Store.next_id(context.store) == {:error, :unavailable}
    :ok = :sys.resume(Instance.child(context.store, :store))
    assert {:ok, _id} = Store.next_id(context.store)
  end

  defmodule Full do
    use GenServer
    def init(test), do: {:ok, test}

    def handle_cast(:raise_limit, test) do
      send(test, :raise_limit)
      {:noreply, test}
    end
  end

  defp next_id(context) do
    {:ok, id} = Store.next_id(context.store)
    id
  end

  defp step(context, by) do
    set(context, :atomics.get(context.clock, 1) + by)
    []
  end

  defp restart(context) do
    stop(context)
    start(context)
    []
  end

  # The next one takes the folder over from the one that could not close it.
  defp kill(context) do
    store = Process.whereis(Instance.child(context.store, :store))
    flush()
    Process.exit(store, :kill)
    instance = context.store
    # A busy disk may take its time.
    assert_receive {:event, [:guildhall, :store, :open], _, %{instance: ^instance}}, 30_000
    []
  end

  # Of starts before this one, and of other tests.
  defp flush do
    receive do
      {:event, _path, _measurements, _metadata} -> flush()
    after
      0 -> :ok
    end
  end

  defp increasing?(ids), do: ids |> Enum.zip(tl(ids)) |> Enum.all?(fn {a, b} -> a < b end)
end
