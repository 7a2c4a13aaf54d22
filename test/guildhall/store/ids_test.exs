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
    id = Store.next_id(context.store)
    assert Snowflake.time(id) == @noon
    assert (id >>> 12 &&& 0x3FF) == 1_023
    assert (id &&& 0xFFF) == 0
    assert Store.next_id(context.store) == id + 1
  end

  test "ids of one millisecond borrow from the next", context do
    start(context)
    ids = for _n <- 1..5_000, do: Store.next_id(context.store)
    assert increasing?(ids)
    assert Snowflake.time(List.last(ids)) == @noon + 1
    set(context, @noon + 1_000)
    assert Snowflake.time(Store.next_id(context.store)) == @noon + 1_000
  end

  test "ids of many processes are all different, and grow for each of them", context do
    start(context)

    ids =
      for _n <- 1..8 do
        Task.async(fn -> for _n <- 1..5_000, do: Store.next_id(context.store) end)
      end
      |> Task.await_many()

    assert Enum.all?(ids, &increasing?/1)
    assert ids |> Enum.concat() |> Enum.uniq() |> length() == 40_000
  end

  test "a clock that goes far ahead is followed", context do
    start(context)
    Store.next_id(context.store)
    set(context, @noon + 3_600_000)
    assert Snowflake.time(Store.next_id(context.store)) == @noon + 3_600_000
  end

  test "a clean restart loses no time", context do
    start(context)
    before = Store.next_id(context.store)
    stop(context)
    start(context)
    after_it = Store.next_id(context.store)
    assert after_it > before
    assert Snowflake.time(after_it) == @noon + 1
  end

  test "a stopped store gives out no ids", context do
    start(context)
    ids = Instance.fetch!(context.store, :ids)
    Ids.next(ids)
    stop(context)
    assert {:noproc, _call} = catch_exit(Ids.next(ids))
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
    first = Store.next_id(context.store)

    forall commands <- list(commands) do
      last = Process.get(:last, first)

      ids =
        Enum.flat_map(commands, fn
          {:step, by} -> step(context, by)
          {:take, n} -> for _n <- 1..n, do: Store.next_id(context.store)
          :restart -> restart(context)
          :kill -> kill(context)
        end)

      assert increasing?([last | ids])
      Process.put(:last, List.last([last | ids]))
    end
  end

  test "without room for a new limit ids lag behind the clock, then end", context do
    {:ok, full} = GenServer.start_link(__MODULE__.Full, :ok)
    limit = @noon - Snowflake.epoch() + 1
    ids = Ids.new(nil, worker: 0, clock: context.options[:clock], server: full)
    Ids.allow(ids, Lease.take(nil, <<limit::64>>))
    assert Snowflake.time(Ids.next(ids)) == @noon

    set(context, @noon + 60_000)
    lagging = for _n <- 1..4_095, do: Ids.next(ids)
    assert increasing?(lagging)
    assert Snowflake.time(List.last(lagging)) == @noon
    assert catch_exit(Ids.next(ids)) == {:no_ids, :storage_full}
  end

  defmodule Full do
    use GenServer
    def init(:ok), do: {:ok, :ok}
    def handle_call(:raise_limit, _from, :ok), do: {:reply, {:error, :storage_full}, :ok}
    def handle_cast(:raise_limit, :ok), do: {:noreply, :ok}
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
