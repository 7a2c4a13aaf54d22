defmodule Guildhall.FanoutTest do
  use ExUnit.Case, async: true
  doctest Guildhall.Fanout

  alias Guildhall.{Events, Fanout, Outbox}

  setup context do
    name = Module.concat(__MODULE__, "F#{System.unique_integer([:positive])}")
    options = [name: name, partitions: 3] ++ Map.get(context, :options, [])
    start_supervised!({Fanout, options})
    %{fanout: name}
  end

  test "gives subscribers of a topic what is published, in order", %{fanout: fanout} do
    :ok = Fanout.subscribe(fanout, :a)
    for n <- 1..100, do: assert(Fanout.publish(fanout, :a, n) == :ok)
    assert Fanout.publish(fanout, :b, :not_for_us) == :ok
    assert events(100) == for(n <- 1..100, do: {:a, n})
  end

  test "gives all that waits in one message, of all topics in their order", %{fanout: fanout} do
    :ok = Fanout.subscribe(fanout, :a)
    :ok = Fanout.subscribe(fanout, :b)
    partition = partition_of(fanout, self())
    :ok = :sys.suspend(partition)
    for n <- 1..10, do: Fanout.publish(fanout, Enum.at([:a, :b, :c], rem(n, 3)), n)
    :ok = :sys.resume(partition)

    assert_receive {Fanout, events}
    assert events == for(n <- 1..10, rem(n, 3) < 2, do: {Enum.at([:a, :b], rem(n, 3)), n})
    refute_received {Fanout, _more}
  end

  test "a subscription ends when it is ended", %{fanout: fanout} do
    :ok = Fanout.subscribe(fanout, :a)
    :ok = Fanout.subscribe(fanout, :b)
    :ok = Fanout.unsubscribe(fanout, :a)
    :ok = Fanout.unsubscribe(fanout, :never)
    Fanout.publish(fanout, :a, 1)
    Fanout.publish(fanout, :b, 2)
    assert events(1) == [{:b, 2}]
    assert Fanout.stats(fanout).subscriptions == 1
  end

  test "a subscription ends with its process", %{fanout: fanout} do
    pid = spawn(fn -> receive(do: (:stop -> :ok)) end)
    :ok = Fanout.subscribe(fanout, :a, pid: pid)
    :ok = Fanout.subscribe(fanout, :b, pid: pid)
    assert Fanout.stats(fanout).subscriptions == 2

    # The partition hears of its death at another time than we would.
    partition = partition_of(fanout, pid)
    :erlang.trace(partition, true, [:receive])
    Process.exit(pid, :kill)
    assert_receive {:trace, ^partition, :receive, {:DOWN, _ref, :process, ^pid, _reason}}
    :sys.get_state(partition)
    assert Fanout.stats(fanout).subscriptions == 0
    assert Fanout.publish(fanout, :a, 1) == :ok
  end

  test "subscribing twice is subscribing once", %{fanout: fanout} do
    for _n <- 1..3, do: :ok = Fanout.subscribe(fanout, :a)
    Fanout.publish(fanout, :a, 1)
    Fanout.publish(fanout, :a, 2)
    assert events(2) == [{:a, 1}, {:a, 2}]
  end

  test "sends messages as they are to processes, in order with what is published", %{
    fanout: fanout
  } do
    :ok = Fanout.subscribe(fanout, :a)
    :ok = Fanout.send(fanout, [self(), self()], :first)
    :ok = Fanout.publish(fanout, :a, :second)
    :ok = Fanout.send(fanout, [self()], :third)
    assert_receive :third
    assert {:messages, [:first, :first, {Fanout, [a: :second]}]} = Process.info(self(), :messages)
  end

  describe "with an outbox" do
    test "events are pushed and the owner is woken once", %{fanout: fanout} do
      outbox = Outbox.new()
      :ok = Fanout.subscribe(fanout, :a, outbox: outbox)
      partition = partition_of(fanout, self())
      :ok = :sys.suspend(partition)
      for n <- 1..50, do: Fanout.publish(fanout, :a, {"TYPING_START", ~s({"n":#{n}})})
      :ok = :sys.resume(partition)

      assert_receive {Fanout, :wake}
      assert %{sequence: 50, pending_events: 50} = Outbox.info(outbox)
      refute_received {Fanout, _more}
    end

    test "the order is kept over several topics", %{fanout: fanout} do
      outbox = Outbox.new()
      for topic <- [:a, :b], do: :ok = Fanout.subscribe(fanout, topic, outbox: outbox)
      partition = partition_of(fanout, self())
      :ok = :sys.suspend(partition)
      for n <- 1..9, do: Fanout.publish(fanout, Enum.at([:a, :b], rem(n, 2)), {"E", "#{n}"})
      :ok = :sys.resume(partition)

      assert_receive {Fanout, :wake}
      {:ok, frames, false} = Outbox.take(outbox, Outbox.Transport.new(:plain), 65_536)

      numbers =
        Regex.scan(~r/"s":(\d+),"t":"E","op":0,"d":(\d+)/, frames, capture: :all_but_first)

      assert numbers == for(n <- 1..9, do: ["#{n}", "#{n}"])
    end

    test "one that overflows is told once and gets nothing more", %{fanout: fanout} do
      outbox = Outbox.new(max_events: 2)
      for topic <- [:a, :b], do: :ok = Fanout.subscribe(fanout, topic, outbox: outbox)
      for n <- 1..20, do: Fanout.publish(fanout, :a, {"E", "#{n}"})
      assert_receive {Fanout, :overflow}
      done(fanout)
      assert Fanout.stats(fanout).subscriptions == 0
      Fanout.publish(fanout, :b, {"E", "1"})
      refute_received {Fanout, :overflow}
    end

    test "a message that is no event hurts nobody", %{fanout: fanout} do
      Events.listen()
      outbox = Outbox.new()
      :ok = Fanout.subscribe(fanout, :a, outbox: outbox)

      for bad <- [:bad, {"lower case", "1"}, {"E", :no_iodata}, make_ref(), {"E", "1"}] do
        Fanout.publish(fanout, :a, bad)
      end

      assert_receive {Fanout, :wake}

      for _bad <- 1..4 do
        assert_receive {:event, [:guildhall, :fanout, :invalid], %{count: 1}, %{fanout: ^fanout}}
      end

      assert Outbox.info(outbox).sequence == 1
    end

    test "what is no outbox raises", %{fanout: fanout} do
      assert_raise ArgumentError, fn -> Fanout.subscribe(fanout, :a, outbox: make_ref()) end
      assert_raise ArgumentError, fn -> Fanout.subscribe(fanout, :a, outbox: :none) end
    end
  end

  @tag options: [max_events: 5]
  test "what waits is bounded, and beyond it publishers are told and it is counted", %{
    fanout: fanout
  } do
    Events.listen()
    :ok = Fanout.subscribe(fanout, :a)
    partition = partition_of(fanout, self())
    :ok = :sys.suspend(partition)
    for n <- 1..5, do: assert(Fanout.publish(fanout, :a, n) == :ok)
    assert Fanout.publish(fanout, :a, 6) == {:error, {:dropped, [node()]}}
    assert Fanout.send(fanout, [self()], 7) == {:error, {:dropped, [node()]}}

    assert_receive {:event, [:guildhall, :fanout, :drop], %{count: 1},
                    %{fanout: ^fanout, reason: :full}}

    index = index_of(fanout, self())
    assert %{events: 5, dropped: 2} = Fanout.stats(fanout).partitions[index]

    :ok = :sys.resume(partition)
    assert events(5) == for(n <- 1..5, do: {:a, n})
    done(fanout)
    assert %{events: 0, bytes: 0} = Fanout.stats(fanout).partitions[index]
    assert Fanout.publish(fanout, :a, 8) == :ok
    assert events(1) == [{:a, 8}]
  end

  @tag options: [max_bytes: 10_000]
  test "bytes are bounded too", %{fanout: fanout} do
    :ok = Fanout.subscribe(fanout, :a)
    :ok = :sys.suspend(partition_of(fanout, self()))
    dropped = {:error, {:dropped, [node()]}}
    body = String.duplicate("x", 3_000)
    results = for _n <- 1..5, do: Fanout.publish(fanout, :a, body)
    assert results == [:ok, :ok, :ok, dropped, dropped]
    assert Fanout.publish(fanout, :a, String.duplicate("x", 100)) == :ok
    assert Fanout.send(fanout, List.duplicate(self(), 1_000), :many) == dropped

    :ok = :sys.resume(partition_of(fanout, self()))
    assert [{:a, ^body}, {:a, ^body}, {:a, ^body}, {:a, _short}] = events(4)
    assert Fanout.publish(fanout, :a, String.duplicate("x", 10_000)) == dropped
  end

  test "subscriptions outlive their partition", %{fanout: fanout} do
    Events.listen()
    :ok = Fanout.subscribe(fanout, :a)
    Process.exit(partition_of(fanout, self()), :kill)
    index = index_of(fanout, self())

    assert_receive {:event, [:guildhall, :fanout, :partition, :start], %{subscriptions: 1},
                    %{fanout: ^fanout, partition: ^index}}

    :ok = Fanout.subscribe(fanout, :b)
    assert Fanout.stats(fanout).subscriptions == 2
    Fanout.publish(fanout, :a, 1)
    assert events(1) == [{:a, 1}]
    Fanout.unsubscribe(fanout, :a)
    Fanout.publish(fanout, :a, 2)
    Fanout.publish(fanout, :b, 3)
    assert events(1) == [{:b, 3}]
  end

  test "serves its own node while Peers is down", %{fanout: fanout} do
    peers = Process.whereis(Module.concat(fanout, Peers))
    ref = Process.monitor(peers)
    Process.exit(peers, :kill)
    assert_receive {:DOWN, ^ref, :process, ^peers, :killed}
    :ok = Fanout.subscribe(fanout, :a)
    Fanout.publish(fanout, :a, 1)
    assert events(1) == [{:a, 1}]
  end

  test "a process of another node cannot be subscribed from here", %{fanout: fanout} do
    # A pid of a node that never was.
    far = :erlang.binary_to_term(<<131, 88, 119, 3, "a@b", 1::32, 0::32, 1::32>>)
    assert_raise ArgumentError, fn -> Fanout.subscribe(fanout, :a, pid: far) end
    assert Fanout.send(fanout, [far], :hello) == {:error, {:dropped, [:a@b]}}
  end

  # Receives events until there are so many.
  defp events(count, got \\ []) when count >= length(got) do
    if length(got) == count do
      got
    else
      assert_receive {Fanout, events} when is_list(events)
      events(count, got ++ events)
    end
  end

  defp index_of(fanout, pid), do: fanout |> Fanout.Table.fetch!() |> Fanout.Table.partition(pid)

  defp partition_of(fanout, pid) do
    {partition, _counter} =
      Fanout.Table.destination(Fanout.Table.fetch!(fanout), index_of(fanout, pid))

    partition
  end

  # What came before is done.
  defp done(fanout), do: :sys.get_state(partition_of(fanout, self()))
end
