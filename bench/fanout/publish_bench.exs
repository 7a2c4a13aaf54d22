# What does it cost to tell many processes of a node, when one event waits and when eight do?
#
#     mix guildhall.bench fanout/publish

alias Guildhall.Fanout

defmodule Bench.Partitioner do
  @moduledoc false

  # Manifold's way, from its description: a list of processes goes to a partitioner, which splits it
  # by hash over a worker per core, and the workers send.

  def start do
    cores = System.schedulers_online()
    workers = for _n <- 1..cores, do: spawn_link(&work/0)
    spawn_link(fn -> split(List.to_tuple(workers), cores) end)
  end

  defp split(workers, cores) do
    receive do
      {:send, pids, message} ->
        for {index, pids} <- Enum.group_by(pids, &:erlang.phash2(&1, cores)),
            do: send(elem(workers, index), {:send, pids, message})
    end

    split(workers, cores)
  end

  defp work do
    receive do: ({:send, pids, message} -> Enum.each(pids, &send(&1, message)))
    work()
  end
end

defmodule Bench.Subscriber do
  @moduledoc false

  # Counts what it gets, together with all others; the one that completes the count says so.

  def start(topic, counter, reader) do
    spawn_link(fn ->
      {:ok, _owner} = Registry.register(Bench.Registry, topic, nil)
      loop(counter, reader)
    end)
  end

  defp loop(counter, reader) do
    receive do
      {Fanout, events} -> count(length(events), counter, reader)
      {:event, _event} -> count(1, counter, reader)
    end

    loop(counter, reader)
  end

  defp count(n, counter, reader) do
    if :atomics.add_get(counter, 1, n) == :atomics.get(counter, 2), do: send(reader, :complete)
  end
end

{:ok, _pid} = Fanout.start_link(name: Bench.Fanout)
{:ok, _pid} = :pg.start_link(Bench.Pg)

{:ok, _pid} =
  Registry.start_link(
    keys: :duplicate,
    name: Bench.Registry,
    partitions: System.schedulers_online()
  )

partitioner = Bench.Partitioner.start()
reader = self()

subscribers = fn n ->
  counter = :atomics.new(2, [])
  pids = for _n <- 1..n, do: Bench.Subscriber.start(n, counter, reader)
  for pid <- pids, do: Fanout.subscribe(Bench.Fanout, n, pid: pid)
  :ok = :pg.join(Bench.Pg, n, pids)
  %{topic: n, pids: pids, count: n, counter: counter}
end

event = %{id: 1_174_109_841_002_725_376, content: String.duplicate("x", 256), mentions: []}

# Publishes so many events, and waits until everyone has all of them.
told = fn burst, publish ->
  fn input ->
    :atomics.put(input.counter, 1, 0)
    :atomics.put(input.counter, 2, burst * input.count)
    for _n <- 1..burst, do: publish.(input)
    receive do: (:complete -> :atomics.get(input.counter, 1))
  end
end

sizes = if Bench.quick?(), do: [100], else: [100, 1_000, 10_000, 100_000]
label = fn n -> n |> Integer.to_string() |> String.replace(~r/(?<=\d)(?=(\d{3})+$)/, ",") end
inputs = for n <- sizes, do: {label.(n) <> " subscribers", subscribers.(n)}

for burst <- [1, 8] do
  Bench.compare(
    "fanout: #{burst} event(s) to all of a topic, time a delivery",
    inputs,
    [
      sends: told.(burst, fn input -> for pid <- input.pids, do: send(pid, {:event, event}) end),
      pg:
        told.(burst, fn input ->
          for pid <- :pg.get_members(Bench.Pg, input.topic), do: send(pid, {:event, event})
        end),
      registry:
        told.(burst, fn input ->
          Registry.dispatch(Bench.Registry, input.topic, fn entries ->
            for {pid, nil} <- entries, do: send(pid, {:event, event})
          end)
        end),
      partitioner:
        told.(burst, fn input -> send(partitioner, {:send, input.pids, {:event, event}}) end),
      fanout_send:
        told.(burst, fn input -> Fanout.send(Bench.Fanout, input.pids, {:event, event}) end),
      fanout: told.(burst, fn input -> Fanout.publish(Bench.Fanout, input.topic, event) end)
    ],
    per: fn input -> burst * input.count end
  )
end

# A room has other things to do: how long is it held by an event to 10,000?
unless Bench.quick?() do
  {_name, input} = Enum.at(inputs, 2)

  held = fn publish ->
    times =
      for _n <- 1..50 do
        :atomics.put(input.counter, 1, 0)
        :atomics.put(input.counter, 2, input.count)
        start = System.monotonic_time(:nanosecond)
        publish.()
        time = System.monotonic_time(:nanosecond) - start
        receive do: (:complete -> time / 1_000)
      end

    times |> Enum.sort() |> Enum.at(25)
  end

  Bench.figure(
    "fanout: the publisher is held, 10,000 subscribers, sends",
    held.(fn -> for pid <- input.pids, do: send(pid, {:event, event}) end),
    "us"
  )

  Bench.figure(
    "fanout: the publisher is held, 10,000 subscribers, a partitioner",
    held.(fn -> send(partitioner, {:send, input.pids, {:event, event}}) end),
    "us"
  )

  Bench.figure(
    "fanout: the publisher is held, 10,000 subscribers, fanout",
    held.(fn -> Fanout.publish(Bench.Fanout, input.topic, event) end),
    "us"
  )
end
