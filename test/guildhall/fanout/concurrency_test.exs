defmodule Guildhall.Fanout.ConcurrencyTest do
  use ExUnit.Case, async: true

  # Many publish while many come and go; who stays gets everything, each publisher's in its order.

  alias Guildhall.{Events, Fanout, FanoutSubscriber}

  @publishers 16
  @events 300

  setup do
    name = Module.concat(__MODULE__, "F#{System.unique_integer([:positive])}")
    start_supervised!({Fanout, name: name, partitions: 4})
    %{fanout: name}
  end

  test "nobody who stays misses anything", %{fanout: fanout} do
    stay = for _n <- 1..20, do: elem(FanoutSubscriber.start(fanout, [:t, :u]), 1)

    restless =
      for n <- 1..20 do
        Task.async(fn ->
          for round <- 1..100 do
            :ok = Fanout.subscribe(fanout, :t)
            :ok = Fanout.publish(fanout, {:own, n}, round)
            :ok = Fanout.unsubscribe(fanout, :t)
          end
        end)
      end

    mortal = for _n <- 1..50, do: elem(FanoutSubscriber.start(fanout, [:t]), 1)
    killer = Task.async(fn -> for pid <- mortal, do: Process.exit(pid, :kill) end)

    publishers =
      for publisher <- 1..@publishers do
        Task.async(fn ->
          for n <- 1..@events do
            :ok = Fanout.publish(fanout, Enum.at([:t, :u], rem(n, 2)), {publisher, n})
            if rem(n, 10) == 0, do: :ok = Fanout.send(fanout, stay, {:sent, {publisher, n}})
          end
        end)
      end

    Task.await_many([killer | restless ++ publishers], 60_000)
    total = @publishers * (@events + div(@events, 10))

    for pid <- stay do
      got = pid |> FanoutSubscriber.await(total) |> Enum.map(&elem(&1, 1))
      assert length(got) == total

      for publisher <- 1..@publishers do
        numbers = for {^publisher, n} <- got, do: n
        assert numbers == Enum.sort(numbers)
        assert Enum.uniq(numbers) == Enum.to_list(1..@events)
      end
    end
  end

  test "a partition that crashes under load loses what waited, and no order", %{fanout: fanout} do
    {:ok, pid} = FanoutSubscriber.start(fanout, [:t])
    table = Fanout.Table.fetch!(fanout)
    index = Fanout.Table.partition(table, pid)

    publisher =
      Task.async(fn ->
        for n <- 1..20_000, do: Fanout.publish(fanout, :t, n)
      end)

    Events.listen()
    {partition, _counter} = Fanout.Table.destination(table, index)
    FanoutSubscriber.reach(pid, 100)
    Process.exit(partition, :kill)
    Task.await(publisher, 60_000)

    assert_receive {:event, [:guildhall, :fanout, :partition, :start], %{subscriptions: 1},
                    %{fanout: ^fanout, partition: ^index}}

    :ok = Fanout.publish(fanout, :t, :last)
    {partition, _counter} = Fanout.Table.destination(table, index)
    :sys.get_state(partition)
    got = FanoutSubscriber.got(pid)
    assert List.last(got) == {:t, :last}
    numbers = for {:t, n} <- got, is_integer(n), do: n
    assert numbers == Enum.sort(numbers) and numbers == Enum.uniq(numbers)
  end
end
