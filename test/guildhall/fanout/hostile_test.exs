defmodule Guildhall.Fanout.HostileTest do
  use ExUnit.Case, async: true

  # Any term is a topic and any term is a message; what is no process, no fanout and no option raises.

  alias Guildhall.Fanout
  alias Guildhall.Options.ValidationError

  setup do
    name = Module.concat(__MODULE__, "F#{System.unique_integer([:positive])}")
    start_supervised!({Fanout, name: name, partitions: 2})
    %{fanout: name}
  end

  test "any term is a topic, and matches itself alone", %{fanout: fanout} do
    topics = strange()
    for topic <- topics, do: :ok = Fanout.subscribe(fanout, topic)
    for topic <- topics, do: :ok = Fanout.publish(fanout, topic, :hello)
    assert got(length(topics)) == for(topic <- topics, do: {topic, :hello})

    for topic <- topics, do: :ok = Fanout.unsubscribe(fanout, topic)
    assert Fanout.stats(fanout).subscriptions == 0
    for topic <- topics, do: assert(Fanout.Table.routes(Fanout.Table.fetch!(fanout), topic) == [])
  end

  test "topics that are equal and not the same are two", %{fanout: fanout} do
    {one, two} = {Guildhall.Outbox.new(), Guildhall.Outbox.new()}
    subscriber = spawn_link(fn -> receive(do: (:stop -> :ok)) end)
    :ok = Fanout.subscribe(fanout, 1, outbox: one, pid: subscriber)
    :ok = Fanout.subscribe(fanout, 1.0, outbox: two, pid: subscriber)
    assert Fanout.stats(fanout).subscriptions == 2

    for topic <- [1, 1.0, 1.0], do: :ok = Fanout.publish(fanout, topic, {"E", "1"})
    :ok = Fanout.unsubscribe(fanout, :none, subscriber)
    assert for(outbox <- [one, two], do: Guildhall.Outbox.info(outbox).sequence) == [1, 2]
  end

  test "any term is a message", %{fanout: fanout} do
    :ok = Fanout.subscribe(fanout, :t)
    for message <- strange(), do: :ok = Fanout.publish(fanout, :t, message)
    assert got(length(strange())) == for(message <- strange(), do: {:t, message})

    for message <- strange(), do: :ok = Fanout.send(fanout, [self()], message)
    for message <- strange(), do: assert_receive(^message)
  end

  test "what is no process raises", %{fanout: fanout} do
    for term <- [:atom, 1, nil, "pid", make_ref(), [], {}] do
      assert_raise ArgumentError, fn -> Fanout.subscribe(fanout, :t, pid: term) end
      assert_raise ArgumentError, fn -> Fanout.unsubscribe(fanout, :t, term) end
    end

    for pids <- [[1], [self(), :atom], [nil], [self() | self()]] do
      assert refused?(fn -> Fanout.send(fanout, pids, :m) end)
    end

    assert Fanout.send(fanout, [], :m) == :ok
  end

  test "a process that is dead is subscribed to nothing", %{fanout: fanout} do
    {pid, ref} = spawn_monitor(fn -> :ok end)
    assert_receive {:DOWN, ^ref, :process, ^pid, _reason}
    :ok = Fanout.subscribe(fanout, :t, pid: pid)
    # The next call comes after the news of its death, which was under way at once.
    :ok = Fanout.unsubscribe(fanout, :other, pid)
    :ok = Fanout.unsubscribe(fanout, :other, pid)
    assert Fanout.publish(fanout, :t, 1) == :ok
  end

  test "what is no fanout, and no option, raises", %{fanout: fanout} do
    message = "no fanout is started under the name :no_such_fanout"
    assert_raise ArgumentError, message, fn -> Fanout.publish(:no_such_fanout, :t, 1) end

    for name <- [:no_such_fanout, nil, 1] do
      assert_raise ArgumentError, fn -> Fanout.publish(name, :t, 1) end
      assert_raise ArgumentError, fn -> Fanout.subscribe(name, :t) end
    end

    assert_raise ArgumentError, fn -> Fanout.subscribe(fanout, :t, outboxes: 1) end

    for options <- [[], [name: "text"], [name: A, partitions: 0], [name: A, event: &+/2]] do
      assert_raise ValidationError, fn -> Fanout.start_link(options) end
    end
  end

  test "strange messages to the processes change nothing", %{fanout: fanout} do
    :ok = Fanout.subscribe(fanout, :t)
    table = Fanout.Table.fetch!(fanout)

    for {_destination, pid, _counter} <- Fanout.Table.destinations(table),
        message <- strange(),
        do: send(pid, message)

    for message <- strange(), do: send(table.peers, message)
    :ok = Fanout.publish(fanout, :t, 1)
    assert got(1) == [t: 1]
  end

  defp got(count) do
    receive do
      {Fanout, events} when length(events) >= count -> events
      {Fanout, events} -> events ++ got(count - length(events))
    end
  end

  defp refused?(fun) do
    fun.()
    false
  rescue
    error in [ArgumentError, FunctionClauseError] -> is_exception(error)
  end

  defp strange do
    [
      :_,
      :"$1",
      :"$_",
      {:config, 1},
      {:destination, 0},
      0,
      0.0,
      1.5,
      -0x1_0000_0000_0000_0000,
      "",
      <<1::1>>,
      <<255, 254>>,
      [1 | 2],
      %{1 => %{2 => :"$1"}},
      &is_atom/1,
      String.duplicate("x", 100_000),
      Enum.to_list(1..10_000),
      Enum.reduce(1..10_000, [], fn _n, inner -> [inner] end)
    ]
  end
end
