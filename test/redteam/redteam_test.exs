defmodule Guildhall.RedteamTest do
  use ExUnit.Case, async: false

  # Everybody who may connect to a node does harm, for two minutes, while every process of the node is
  # killed at some time. A guild of 200 sessions must not notice.
  #
  #     GUILDHALL_REDTEAM_SEED=1 GUILDHALL_REDTEAM_SECONDS=120 mix test --only redteam test/redteam
  #
  # The same seed gives the same plan of kills and the same choices of each attacker.

  alias Guildhall.Redteam.{Attack, Attacks, Bystander, Http, Killer, Newcomer, Node}
  alias Guildhall.Redteam.{Poster, Report, Tally, Tree, World}

  @moduletag :redteam
  @moduletag timeout: :infinity

  @posters 4
  @newcomers 5
  @overtime 30_000
  @families [Attacks.Rights, Attacks.Sizes, Attacks.Rooms, Attacks.Bodies] ++
              [Attacks.Connections, Attacks.Forms]

  test "no attack and no crash is noticed by others" do
    seed = number("SEED", :rand.uniform(1_000_000))
    seconds = number("SECONDS", 120)
    IO.puts("\nGUILDHALL_REDTEAM_SEED=#{seed} GUILDHALL_REDTEAM_SECONDS=#{seconds}")

    node = Node.start()
    world = World.build(node, Tally.new())
    bystanders = for user <- world.bystanders, do: start_bystander(world, user)
    for _user <- world.bystanders, do: assert_receive({:ready, _number}, 30_000)
    before = Tree.list(node)

    world = %{world | tally: Tally.new()}
    for pid <- bystanders, do: Bystander.begin(pid, world.tally)
    posters = for n <- 1..@posters, do: spawn_link(fn -> Poster.run(world, n) end)
    newcomers = for n <- 1..@newcomers, do: spawn_link(fn -> Newcomer.run(world, n) end)

    attacks =
      Enum.flat_map(@families, & &1.all(world)) |> Enum.filter(&chosen?(&1.name, "ATTACKS"))

    attackers = Enum.flat_map(attacks, &Attack.launch(&1, world.tally, seed))
    names = plan(before, seed, seconds)
    killer = start_killer(world, names, seed, seconds)

    output = observe(world, attacks, seconds, [])
    await_kills(killer)
    for pid <- attackers ++ [killer], do: stop(pid)
    took = Tally.elapsed(world.tally) / 1_000
    for pid <- posters ++ newcomers, do: send(pid, :stop)

    last = Poster.last(world)
    quiet = await(bystanders, last, 150)
    records = Enum.map(bystanders, &Bystander.record/1)
    history = history(world)
    output = Enum.reverse(output, Node.output(node))

    IO.puts(Report.summary(world.tally, attacks, took))
    IO.puts("Errors that the node logged: #{Enum.count(output, &(&1 =~ "[error]"))}")
    if System.get_env("GUILDHALL_REDTEAM_OUTPUT"), do: IO.puts(Enum.join(output, "\n"))

    problems =
      Report.sessions(world.tally) ++
        Report.attacks(world.tally, attacks, took) ++
        Report.latency(world.tally) ++
        Report.newcomers(world.tally) ++
        Report.large_posts(world.tally) ++
        Report.missed(history, records) ++
        quiet ++ missing(before, Tree.list(node)) ++ not_killed(world.tally, names)

    assert problems == [], describe(problems)
  end

  defp start_bystander(world, user) do
    {:ok, pid} = Bystander.start_link(world, user)
    pid
  end

  # The first quarter is without kills, so that what happens in it is the attackers' work alone.
  defp plan(entries, seed, seconds) do
    entries |> Killer.plan(seed, round(seconds * 650)) |> Enum.filter(&chosen?(&1, "KILLS"))
  end

  defp start_killer(world, names, seed, seconds) do
    spawn_link(fn ->
      wait(seconds * 250)
      Killer.run(world, names, seed, round(seconds * 650))
    end)
  end

  defp chosen?(name, variable) do
    name =~ Regex.compile!(System.get_env("GUILDHALL_REDTEAM_" <> variable, ""))
  end

  defp observe(world, attacks, seconds, output) do
    elapsed = Tally.elapsed(world.tally)
    output = Enum.reverse(Node.output(world.node), output)

    if elapsed >= seconds * 1_000 do
      output
    else
      wait(min(10_000, seconds * 1_000 - elapsed))
      IO.puts(Report.progress(world.tally, attacks, world.node))
      observe(world, attacks, seconds, output)
    end
  end

  # A busy machine may take longer for the kills than the run.
  defp await_kills(killer) do
    reference = Process.monitor(killer)

    receive do
      {:DOWN, ^reference, :process, ^killer, _reason} -> :ok
    after
      @overtime -> :ok
    end
  end

  defp stop(pid) do
    Process.unlink(pid)
    Process.exit(pid, :kill)
  end

  # Until all bystanders have the last message, or 200 ms times `left` are over.
  defp await(bystanders, last, left) do
    late = for pid <- bystanders, {number, _id, id} = Bystander.now(pid), id < last, do: number

    if late == [] or left == 0 do
      for number <- late, do: "bystander #{number} did not get the last message"
    else
      wait(200)
      await(bystanders, last, left - 1)
    end
  end

  # The ids of the bystanders' messages, the oldest first.
  defp history(world) do
    http = Http.new(world.node, {127, 2, 0, 101}, Enum.at(world.bystanders, 11).token)
    path = "/api/v10/channels/#{world.home.channels["harbour"]}/messages?limit=100"

    Stream.unfold({http, ""}, fn {http, query} ->
      case Http.call(http, "GET", path <> query) do
        {200, [], _http} -> nil
        {200, page, http} -> {page, {http, "&before=#{List.last(page)["id"]}"}}
        {429, answer, http} -> {[], {wait_for(answer, http), query}}
      end
    end)
    |> Enum.concat()
    |> Enum.filter(&String.starts_with?(&1["content"], "number "))
    |> Enum.map(&String.to_integer(&1["id"]))
    |> Enum.sort()
  end

  defp wait_for(answer, http) do
    wait(ceil(answer["retry_after"] * 1_000))
    http
  end

  defp missing(before, later) do
    names = fn entries -> for entry <- entries, not Tree.dynamic?(entry), do: entry.name end
    for name <- Enum.uniq(names.(before)) -- names.(later), do: "#{name} did not come back"
  end

  defp not_killed(tally, names) do
    killed = for {_at, kill} <- Tally.notes(tally, :kill), do: kill.name
    for name <- Enum.uniq(names) -- killed, do: "#{name} was not killed"
  end

  defp describe(problems) do
    {shown, rest} = Enum.split(problems, 60)
    Enum.join(shown, "\n") <> "\nand #{length(rest)} more"
  end

  defp wait(milliseconds) do
    receive do
    after
      milliseconds -> :ok
    end
  end

  defp number(name, default) do
    case System.get_env("GUILDHALL_REDTEAM_" <> name) do
      nil -> default
      text -> String.to_integer(text)
    end
  end
end
