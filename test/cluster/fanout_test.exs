defmodule Guildhall.Cluster.FanoutTest do
  use ExUnit.Case, async: false

  # A fanout on several nodes, each a VM of its own: one that is stuck, one that dies, one that comes back.

  import Guildhall.Events, only: [until: 1]

  alias Guildhall.{Events, Fanout, FanoutSubscriber, PeerNodes}

  @moduletag :cluster
  @moduletag timeout: 120_000

  # What a node knows of others changes with one of these.
  @changes for event <- [[:start], [:node, :up], [:node, :topics], [:node, :down], [:batch]],
               do: [:guildhall, :fanout | event]
  @limits [max_events: 2_000, max_bytes: 4_000_000]

  setup_all do
    PeerNodes.distribute()
    %{peers: for(name <- [:a, :b, :c], do: PeerNodes.start(name))}
  end

  setup do
    name = Module.concat(__MODULE__, "F#{System.unique_integer([:positive])}")
    Events.watch(self(), @changes)
    start_supervised!({Fanout, [name: name, partitions: 2] ++ @limits})
    %{fanout: name}
  end

  test "subscribers on three nodes get what is published, in order", %{
    fanout: fanout,
    peers: peers
  } do
    subscribers = for peer <- peers, _n <- 1..3, do: subscriber(peer, fanout, [:t, :u])
    :ok = Fanout.subscribe(fanout, :t)
    known(fanout, peers, [:t, :u])

    for n <- 1..1_000, do: assert(Fanout.publish(fanout, Enum.at([:t, :u], rem(n, 2)), n) == :ok)
    expected = for n <- 1..1_000, do: {Enum.at([:t, :u], rem(n, 2)), n}
    for pid <- subscribers, do: assert(FanoutSubscriber.await(pid, 1_000) == expected)

    # And back: what they publish comes to this node and to each other.
    for peer <- peers do
      for n <- 1..100,
          do: :ok = PeerNodes.call(peer, Fanout, :publish, [fanout, :t, {peer.node, n}])
    end

    for pid <- subscribers do
      got = pid |> FanoutSubscriber.await(1_300) |> Enum.drop(1_000)

      for %{node: node} <- peers do
        assert for({:t, {^node, n}} <- got, do: n) == Enum.to_list(1..100)
      end
    end
  end

  test "messages to processes on any node come as they are, in order", %{
    fanout: fanout,
    peers: peers
  } do
    subscribers = for peer <- peers, _n <- 1..5, do: subscriber(peer, fanout, [:t])
    known(fanout, peers, [:t])

    for n <- 1..500, do: assert(Fanout.send(fanout, [self() | subscribers], n) == :ok)
    for pid <- subscribers, do: assert(FanoutSubscriber.await(pid, 500) == Enum.to_list(1..500))
    for n <- 1..500, do: assert_receive(^n)
  end

  test "a large message is packed once, and comes whole to each node", %{
    fanout: fanout,
    peers: peers
  } do
    subscribers = for peer <- peers, do: subscriber(peer, fanout, [:t])
    known(fanout, peers, [:t])

    large = for n <- 1..20_000, do: {n, "#{n}"}
    :ok = Fanout.publish(fanout, :t, large)
    :ok = Fanout.publish(fanout, :t, :small)
    for pid <- subscribers, do: assert(FanoutSubscriber.await(pid, 2) == [t: large, t: :small])
  end

  test "a node that is stuck holds up nobody, and takes a bounded part of memory", context do
    %{fanout: fanout, peers: [stuck, sound | _others]} = context
    on_exit(fn -> PeerNodes.thaw(stuck) end)
    late = subscriber(stuck, fanout, [:t])
    pid = subscriber(sound, fanout, [:t])
    known(fanout, [stuck, sound], [:t])
    Events.listen()
    PeerNodes.freeze(stuck)

    # Ten times what may wait for the node, in steps that the sound node can follow.
    stuck_node = stuck.node
    body = String.duplicate("x", 10_000)

    results =
      for step <- 1..40 do
        results = for n <- 1..100, do: Fanout.publish(fanout, :t, {step * 100 + n, body})
        FanoutSubscriber.reach(pid, step * 100)
        assert Fanout.stats(fanout).nodes[stuck_node].bytes <= @limits[:max_bytes]
        results
      end

    assert Enum.uniq(List.flatten(results)) == [:ok, {:error, {:dropped, [stuck_node]}}]
    assert length(FanoutSubscriber.got(pid)) == 4_000

    assert_receive {:event, [:guildhall, :fanout, :drop], %{count: 1},
                    %{fanout: ^fanout, node: ^stuck_node, reason: :full}}

    dropped = Fanout.stats(fanout).nodes[stuck_node].dropped
    assert dropped == Enum.count(List.flatten(results), &(&1 != :ok))

    # It wakes up: what was kept comes, in order, and then what is new.
    PeerNodes.thaw(stuck)
    got = FanoutSubscriber.await(late, 4_000 - dropped)
    numbers = for {:t, {n, _body}} <- got, do: n
    assert numbers == Enum.sort(numbers) and Enum.uniq(numbers) == numbers

    until(fn -> Fanout.stats(fanout).nodes[stuck_node].events == 0 end)
    :ok = Fanout.publish(fanout, :t, :new)
    assert {:t, :new} == late |> FanoutSubscriber.await(4_001 - dropped) |> List.last()
  end

  test "a node that dies is forgotten, and served when it comes back", %{fanout: fanout} do
    peer = PeerNodes.start(:mortal)
    subscriber(peer, fanout, [:t])
    known(fanout, [peer], [:t])
    PeerNodes.kill(peer)
    until(fn -> Fanout.stats(fanout).nodes == %{} end)
    assert Fanout.publish(fanout, :t, :nobody) == :ok

    # As the same node, with other subscribers.
    peer = PeerNodes.start(:mortal)
    pid = subscriber(peer, fanout, [:u])
    known(fanout, [peer], [:u])
    assert Fanout.publish(fanout, :t, :nobody) == :ok
    assert Fanout.publish(fanout, :u, :hello) == :ok
    assert FanoutSubscriber.await(pid, 1) == [u: :hello]
  end

  test "what waits for a node that is lost is counted", %{fanout: fanout} do
    peer = PeerNodes.start(:lost)
    subscriber(peer, fanout, [:t])
    known(fanout, [peer], [:t])
    Events.listen()
    PeerNodes.freeze(peer)
    node = peer.node
    flood(fanout, node)
    Node.disconnect(node)

    assert_receive {:event, [:guildhall, :fanout, :drop], %{count: count, bytes: bytes},
                    %{fanout: ^fanout, node: ^node, reason: :down}}
                   when count > 1 and bytes > 10_000,
                   10_000
  end

  test "a topic without subscribers left on a node is not sent there", %{
    fanout: fanout,
    peers: [peer | _others]
  } do
    pid = subscriber(peer, fanout, [:t, :u])
    other = subscriber(peer, fanout, [:t])
    known(fanout, [peer], [:t, :u])
    PeerNodes.call(peer, Process, :exit, [pid, :kill])
    until(fn -> not routed?(fanout, peer, :u) end)
    assert routed?(fanout, peer, :t)

    :ok = Fanout.publish(fanout, :t, 1)
    assert FanoutSubscriber.await(other, 1) == [t: 1]
  end

  test "a fanout whose Peers crashed finds the other nodes again", %{
    fanout: fanout,
    peers: [peer | _others]
  } do
    pid = subscriber(peer, fanout, [:t])
    :ok = Fanout.subscribe(fanout, :t)
    known(fanout, [peer], [:t])
    peers = Module.concat(fanout, Peers)

    for {here, there} <- [{true, false}, {false, true}, {true, true}] do
      if here, do: restart(&apply/3, peers)
      if there, do: restart(&PeerNodes.call(peer, &1, &2, &3), peers)

      known(fanout, [peer], [:t])
      before = length(FanoutSubscriber.got(pid))
      for n <- 1..100, do: :ok = Fanout.publish(fanout, :t, n)
      got = pid |> FanoutSubscriber.await(before + 100) |> Enum.drop(before)
      assert got == for(n <- 1..100, do: {:t, n})
    end
  end

  # Publishes until something is dropped.
  defp flood(fanout, node) do
    case Fanout.publish(fanout, :t, String.duplicate("x", 10_000)) do
      :ok -> flood(fanout, node)
      {:error, {:dropped, [^node]}} -> :ok
    end
  end

  defp subscriber(peer, fanout, topics) do
    {:ok, pid} = PeerNodes.call(peer, FanoutSubscriber, :start, [fanout, topics, @limits])
    pid
  end

  # Waits until this node and the peers know each other, and which topics the peers want.
  defp known(fanout, peers, topics) do
    for peer <- peers do
      PeerNodes.call(peer, Events, :watch, [self(), @changes])
      until(fn -> Enum.all?(topics, &routed?(fanout, peer, &1)) end)
      until(fn -> is_map_key(Fanout.stats(fanout).nodes, peer.node) end)

      for other <- [node() | Enum.map(peers, & &1.node)], other != peer.node do
        until(fn ->
          is_map_key(PeerNodes.call(peer, Fanout, :stats, [fanout]).nodes, other)
        end)
      end
    end
  end

  defp routed?(fanout, peer, topic) do
    {topic, peer.node} in Fanout.Table.routes(Fanout.Table.fetch!(fanout), topic)
  end

  # Its state is there when it has begun.
  defp restart(call, name) do
    old = call.(Process, :whereis, [name])
    call.(Process, :exit, [old, :kill])
    until(fn -> call.(Process, :whereis, [name]) not in [nil, old] end)
    call.(:sys, :get_state, [name])
  end
end
