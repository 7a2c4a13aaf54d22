defmodule Guildhall.Gateway.SoakTest do
  use ExUnit.Case, async: false

  # Sessions, connections and relays end at random while messages flow: no client misses a message, or
  # gets one twice, and at the end no descriptor and no process is left.

  alias Guildhall.{HardyClient, Outbox, Relay, Session, TestNode}
  alias Guildhall.Gateway.Farewell

  @clients 24
  @messages 400

  @tag timeout: 180_000
  test "whatever dies, the living get everything once and in order, and nothing leaks" do
    node = TestNode.start()
    bots = for _n <- 1..4, do: TestNode.bot(node)
    author = TestNode.bot(node)
    {_guild, channel} = TestNode.guild(node, author, bots)
    seed = ExUnit.configuration()[:seed]
    :rand.seed(:exsss, {seed, 3, 3})
    before = descriptors()
    # Those of earlier tests that nobody has collected yet.
    sockets = Outbox.memory().sockets.count
    test = self()

    clients =
      for n <- 1..@clients do
        bot = Enum.at(bots, rem(n, length(bots)))
        Task.async(fn -> HardyClient.run(node, bot.token, test, seed + n) end)
      end

    for client <- clients, do: assert_receive({:session, pid} when pid == client.pid, 30_000)

    for n <- 1..@messages do
      post(node, author, channel, n, "go")
      # A supervisor bears few deaths in a second.
      if rem(n, 150) == 0, do: kill(Relay.all(node.instance))

      if rem(n, 4) == 0 do
        kill(sessions(node))
        # Its client comes back.
        assert_receive {:session, _pid}, 10_000
      end
    end

    # Whoever identifies late has nothing before it; so this is said until everybody has heard it.
    next = settle(node, author, channel, @messages + 1, MapSet.new(clients, & &1.pid))
    # Nobody dies any more, and nothing comes behind it: it must not wait for something that does.
    post(node, author, channel, next, "last")
    results = Task.await_many(clients, 30_000)
    assert Enum.sum(for result <- results, do: result.sessions) > @messages / 4
    assert Enum.sum(for result <- results, do: result.cuts) > @clients

    assert ended?(fn -> Session.count(node.instance) == 0 end)
    assert ended?(fn -> Enum.all?(Process.list(), &(not farewell?(&1))) end)
    assert ended?(fn -> Outbox.memory().sockets.count <= sockets end)
    assert ended?(fn -> descriptors() <= before end)
  end

  defp post(node, author, channel, number, word) do
    padding = String.duplicate("x", :rand.uniform(1_900))
    TestNode.post(node, author, channel, "#{number} #{word} #{padding}")
  end

  defp settle(node, author, channel, number, clients) do
    post(node, author, channel, number, "end")
    clients = heard(clients)
    next = number + 1
    if Enum.empty?(clients), do: next, else: settle(node, author, channel, next, clients)
  end

  defp heard(clients) do
    receive do
      {:session, _pid} -> heard(clients)
      {:ended, pid} -> clients |> MapSet.delete(pid) |> heard()
      {_ref, _result} = message -> flunk("a client ended early: #{inspect(message)}")
    after
      100 -> clients
    end
  end

  defp sessions(node) do
    registry = Session.Supervisor.registry(node.instance)
    for {_id, pid, _user_id} <- Guildhall.PartitionedRegistry.entries(registry), do: pid
  end

  defp kill([]), do: :ok
  defp kill(pids), do: pids |> Enum.random() |> Process.exit(:kill)

  defp farewell?(pid) do
    case Process.info(pid, :current_stacktrace) do
      {:current_stacktrace, stack} -> Enum.any?(stack, &(elem(&1, 0) == Farewell))
      nil -> false
    end
  end

  # A descriptor is closed when the VM no longer polls it, of which nobody is told.
  defp ended?(fun, tries \\ 500) do
    cond do
      fun.() -> true
      tries == 0 -> false
      true -> receive(do: (:never -> false), after: (20 -> ended?(fun, tries - 1)))
    end
  end

  defp descriptors do
    case File.ls("/proc/self/fd") do
      {:ok, names} -> length(names)
      {:error, _reason} -> 0
    end
  end
end
