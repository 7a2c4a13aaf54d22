# What does it cost this node to tell many processes of another one?
#
#     mix guildhall.bench fanout/nodes

alias Guildhall.Fanout

# Runs there. A subscriber counts what it gets together with all others; the one that completes the
# count says so.
{:module, remote, code, _last} =
  defmodule Bench.Remote do
    @moduledoc false

    def start(count, reader) do
      parent = self()

      spawn(fn ->
        Fanout.start_link(name: Bench.Nodes)
        counter = :atomics.new(2, [])
        pids = for _n <- 1..count, do: spawn(fn -> count(counter, reader) end)
        for pid <- pids, do: :ok = Fanout.subscribe(Bench.Nodes, count, pid: pid)
        worker = spawn(&work/0)
        send(parent, {:started, %{count: count, pids: pids, counter: counter, worker: worker}})
        receive do: (:stop -> :ok)
      end)

      receive do: ({:started, input} -> input)
    end

    def reset(counter, total) do
      :atomics.put(counter, 1, 0)
      :atomics.put(counter, 2, total)
    end

    defp work do
      receive do: ({:send, pids, message} -> Enum.each(pids, &send(&1, message)))
      work()
    end

    defp count(counter, reader) do
      n =
        receive do
          {Fanout, events} -> length(events)
          {:event, _event} -> 1
        end

      if :atomics.add_get(counter, 1, n) == :atomics.get(counter, 2), do: send(reader, :complete)
      count(counter, reader)
    end
  end

# The other node is a VM of its own on loopback, with this build's code.
unless Node.alive?() do
  {_output, 0} = System.cmd("epmd", ["-address", "127.0.0.1", "-daemon"])
  Application.put_env(:kernel, :inet_dist_use_interface, {127, 0, 0, 1})
  {:ok, _pid} = Node.start(:"guildhall-bench-#{System.pid()}@127.0.0.1", :longnames)
end

{:ok, _control, node} =
  :peer.start_link(%{
    name: :"guildhall-bench-peer-#{System.pid()}",
    host: ~c"127.0.0.1",
    longnames: true,
    connection: :standard_io,
    args:
      [~c"-kernel", ~c"inet_dist_use_interface", ~c"{127,0,0,1}"] ++
        [~c"-setcookie", Atom.to_charlist(Node.get_cookie())] ++
        Enum.flat_map(:code.get_path(), &[~c"-pa", &1])
  })

true = Node.connect(node)

{:module, ^remote} = :erpc.call(node, :code, :load_binary, [remote, ~c"remote", code])
{:ok, _started} = :erpc.call(node, Application, :ensure_all_started, [:elixir])
{:ok, _pid} = Fanout.start_link(name: Bench.Nodes)

sizes = if Bench.quick?(), do: [100], else: [100, 1_000, 10_000]
label = fn n -> n |> Integer.to_string() |> String.replace(~r/(?<=\d)(?=(\d{3})+$)/, ",") end

inputs =
  for n <- sizes do
    {label.(n) <> " subscribers", :erpc.call(node, remote, :start, [n, self()])}
  end

# Until this node has heard of a topic, nothing goes there.
heard = fn heard, topic ->
  if Fanout.Table.routes(Fanout.Table.fetch!(Bench.Nodes), topic) == [], do: heard.(heard, topic)
end

for {_name, input} <- inputs, do: heard.(heard, input.count)

event = %{id: 1_174_109_841_002_725_376, content: String.duplicate("x", 256), mentions: []}

told = fn burst, publish ->
  fn input ->
    :erpc.call(node, remote, :reset, [input.counter, burst * input.count])
    for _n <- 1..burst, do: publish.(input)
    receive do: (:complete -> burst * input.count)
  end
end

Bench.compare(
  "fanout: 8 events to processes of another node, time a delivery and CPU of this node",
  inputs,
  [
    sends: told.(8, fn input -> for pid <- input.pids, do: send(pid, {:event, event}) end),
    partitioner:
      told.(8, fn input -> send(input.worker, {:send, input.pids, {:event, event}}) end),
    fanout_send: told.(8, fn input -> Fanout.send(Bench.Nodes, input.pids, {:event, event}) end),
    fanout: told.(8, fn input -> Fanout.publish(Bench.Nodes, input.count, event) end)
  ],
  per: fn input -> 8 * input.count end
)
