defmodule Guildhall.Redteam.Killer do
  @moduledoc false

  # Kills each process of the node's supervision tree once, in an order and at times that the seed
  # gives. Of processes that there may be any number of, some are killed; the room of the
  # bystanders' guild is one of them.
  #
  # The table of crashes in ARCHITECTURE.md says what a kill may cost: see `victims/3` and
  # `interrupts?/1`. The supervisor of the node itself is not killed: it is the node.

  alias Guildhall.Redteam.{Inside, Node, Tally, Tree}

  @dynamic 3
  # A room that crashes again and again.
  @crashing "heavy room"
  @crashes 5
  @crash_pause 300
  @least_pause 700
  # How often a process is looked for that is not there, since it is being restarted.
  @attempts 5

  @doc "Names of what is to be killed, in the order of a seed; as many as there is time for."
  @spec plan([Tree.entry()], seed :: integer(), milliseconds :: integer()) :: [String.t()]
  def plan(entries, seed, time) do
    :rand.seed(:exsss, {seed, 7, 7})

    {dynamic, fixed} =
      entries |> Enum.reject(&(&1.name == "node")) |> Enum.split_with(&Tree.dynamic?/1)

    names = dynamic |> Enum.map(&general(&1.name)) |> Enum.uniq()
    fixed = fixed |> Enum.map(& &1.name) |> Enum.uniq()
    all = ["home room", @crashing | fixed] ++ Enum.flat_map(names, &List.duplicate(&1, @dynamic))
    all |> Enum.shuffle() |> Enum.take(div(time, @least_pause))
  end

  @doc "Kills what is planned within the time, and ends."
  def run(world, names, seed, time) do
    :rand.seed(:exsss, {seed, 8, 8})
    start = Tally.elapsed(world.tally)
    times = for _name <- names, do: start + :rand.uniform(time)

    for {name, at} <- Enum.zip(names, Enum.sort(times)) do
      wait(at - Tally.elapsed(world.tally))
      kill(world, name, @attempts)
    end
  end

  defp wait(time) do
    receive do
    after
      max(time, 0) -> :ok
    end
  end

  defp kill(world, @crashing, attempts) do
    for _n <- 1..@crashes do
      kill_one(world, @crashing, attempts)
      wait(@crash_pause)
    end
  end

  defp kill(world, name, attempts), do: kill_one(world, name, attempts)

  defp kill_one(_world, _name, 0), do: :not_there

  defp kill_one(world, name, attempts) do
    at = Tally.elapsed(world.tally)
    entries = Tree.list(world.node)

    case pick(world, name, entries) do
      nil ->
        wait(500)
        kill_one(world, name, attempts - 1)

      entry ->
        victims = victims(world.node, entry, entries)

        Tally.note(world.tally, :kill, %{
          name: name,
          victims: victims,
          took: Tally.elapsed(world.tally) - at
        })

        Node.kill(world.node, entry.pid)
    end
  catch
    # The node's distribution is slow to answer.
    :error, {:erpc, _reason} -> kill_one(world, name, attempts - 1)
  end

  defp pick(world, "home room", entries), do: room(world, world.home.id, entries)
  defp pick(world, @crashing, entries), do: room(world, world.heavy.id, entries)

  defp pick(_world, name, entries) do
    case Enum.filter(entries, &(general(&1.name) == name)) do
      [] -> nil
      found -> Enum.random(found)
    end
  end

  defp room(world, id, entries) do
    rooms = for %{name: name} = entry <- entries, name =~ "*Guild.Server", do: entry
    ids = inside(world.node, rooms, :room_id)
    at = Enum.find_index(ids, &(&1 == String.to_integer(id)))
    at && Enum.at(rooms, at)
  end

  # The partition of a dynamic process makes no difference.
  defp general(name) do
    if String.contains?(name, "*"), do: Regex.replace(~r"/[^/]+/\*", name, "/*"), else: name
  end

  # The ids of the sessions that a kill may end: those of the killed process, and of those below it.
  defp victims(node, entry, entries) do
    sessions =
      for %{name: name, pid: pid} = session <- entries,
          name =~ "*Session.Server",
          pid == entry.pid or String.starts_with?(name, entry.name <> "/"),
          do: session

    node |> inside(sessions, :id) |> Enum.reject(&is_nil/1)
  end

  @doc "Whether sessions may have to attach to their guilds again after such a kill."
  @spec interrupts?(String.t()) :: boolean()
  def interrupts?(name) do
    name =~ ~r"home room|Store-\w+$|/Relay|Guild-\w+$|GuildRegistry|GuildRooms"
  end

  # A field of the state of each server.
  defp inside(node, entries, field) do
    Node.call(node, Inside, :fields, [Enum.map(entries, & &1.pid), field], 30_000)
  end
end
