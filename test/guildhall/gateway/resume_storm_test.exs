defmodule Guildhall.Gateway.ResumeStormTest do
  use ExUnit.Case, async: true

  # 200 sessions lose their connections at random moments while messages flow: no gap, no double, no
  # reordering for any of them.

  alias Guildhall.{GatewayClient, RestlessClient, TestNode}

  @sessions 200
  @messages 250

  @tag timeout: 120_000
  test "no session misses a message, or gets one twice" do
    node = TestNode.start()
    bots = for _n <- 1..5, do: TestNode.bot(node)
    author = TestNode.bot(node)
    {_guild, channel} = TestNode.guild(node, author, bots)
    seed = ExUnit.configuration()[:seed]
    test = self()

    tasks =
      for n <- 1..@sessions do
        bot = Enum.at(bots, rem(n, length(bots)))
        ready = fn -> send(test, :ready) end
        Task.async(fn -> RestlessClient.run(node, bot.token, @messages, seed + n, ready) end)
      end

    for _n <- 1..@sessions, do: assert_receive(:ready, 30_000)

    # It is quiet, and sets the pace.
    pace = GatewayClient.session(node, author)

    Enum.reduce(0..(@messages - 1), pace, fn n, pace ->
      TestNode.post(node, author, channel, "#{n}")
      {_data, pace} = GatewayClient.await(pace, "MESSAGE_CREATE")
      pace
    end)

    results = Task.await_many(tasks, 60_000)
    assert Enum.sum(Enum.map(results, & &1.cuts)) > @sessions * 5
    assert Enum.sum(Enum.map(results, & &1.resumed)) > @sessions
  end
end
