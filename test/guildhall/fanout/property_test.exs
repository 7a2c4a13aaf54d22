defmodule Guildhall.Fanout.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.{Fanout, FanoutSubscriber}
  alias Guildhall.Fanout.Reference

  @subscribers 6

  setup do
    name = Module.concat(__MODULE__, "F#{System.unique_integer([:positive])}")
    start_supervised!({Fanout, name: name, partitions: 3})
    %{fanout: name}
  end

  property "each subscriber gets what the reference says, in its order", %{fanout: fanout} do
    forall commands <- list(command()) do
      pids = for _n <- 1..@subscribers, do: elem(FanoutSubscriber.start(fanout, []), 1)
      state = {fanout, Reference.subscribe(%Reference{}, self(), :nothing), List.to_tuple(pids)}
      {_fanout, reference, _pids} = Enum.reduce(commands, state, &run/2)

      for pid <- pids, Process.alive?(pid) do
        # A call to its partition, after which everything has been sent.
        :ok = Fanout.unsubscribe(fanout, :nothing, pid)
        assert FanoutSubscriber.got(pid) == Reference.got(reference, pid)
        GenServer.stop(pid)
      end
    end
  end

  defp run({:subscribe, n, topic}, {fanout, reference, pids}) do
    pid = elem(pids, n)
    :ok = Fanout.subscribe(fanout, topic, pid: pid)
    {fanout, Reference.subscribe(reference, pid, topic), pids}
  end

  defp run({:unsubscribe, n, topic}, {fanout, reference, pids}) do
    pid = elem(pids, n)
    :ok = Fanout.unsubscribe(fanout, topic, pid)
    {fanout, Reference.unsubscribe(reference, pid, topic), pids}
  end

  defp run({:publish, topic, count}, {fanout, reference, pids}) do
    reference =
      for n <- 1..count//1, reduce: reference do
        reference ->
          :ok = Fanout.publish(fanout, topic, n)
          Reference.publish(reference, topic, n)
      end

    {fanout, reference, pids}
  end

  defp run({:send, ns, message}, {fanout, reference, pids}) do
    to = for n <- ns, do: elem(pids, n)
    :ok = Fanout.send(fanout, to, {:as_it_is, message})
    {fanout, Reference.send(reference, to, {:as_it_is, message}), pids}
  end

  defp run({:kill, n}, {fanout, reference, pids}) do
    pid = elem(pids, n)
    ref = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^ref, :process, ^pid, _reason}
    {fanout, Reference.down(reference, pid), pids}
  end

  defp command do
    topic = range(1, 3)
    subscriber = range(0, @subscribers - 1)

    frequency([
      {6, {:subscribe, subscriber, topic}},
      {3, {:unsubscribe, subscriber, topic}},
      {8, {:publish, topic, range(1, 20)}},
      {3, {:send, list(subscriber), range(1, 9)}},
      {1, {:kill, subscriber}}
    ])
  end
end
