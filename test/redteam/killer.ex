defmodule Guildhall.Redteam.Killer do
  @moduledoc false

  # Kills each process of the node's supervision tree once, in an order and at times that the seed
  # gives. Of processes that there may be any number of, some are killed; the room of the
  # bystanders' guild is one of them.
  #
  # The crash table says what a kill may cost: see `victims/3` and `interrupts?/1`. The supervisor of
  # the node itself is not killed: it is the node.

  alias Guildhall.Redteam.{Node, Tally, Tree}

  @dynamic 3
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
    all = ["home room" | fixed] ++ Enum.flat_map(names, &List.duplicate(&1, @dynamic))
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

  defp kill(world, name, 0), do: Tally.note(world.tally, :not_killed, name)

  defp kill(world, name, attempts) do
    entries = Tree.list(world.node)

    case pick(world, name, entries) do
      nil ->
        wait(500)
        kill(world, name, attempts - 1)

      entry ->
        victims = victims(world.node, entry, entries)
        Tally.note(world.tally, :kill, %{name: name, victims: victims})
        Node.kill(world.node, entry.pid)
    end
  catch
    # The node's distribution is slow to answer.
    :error, {:erpc, _reason} -> kill(world, name, attempts - 1)
  end

  defp pick(world, "home room", entries) do
    rooms = for %{name: name, pid: pid} <- entries, name =~ "*Guild.Server", do: pid
    home = String.to_integer(world.home.id)

    pid = Enum.find(rooms, fn pid -> inside(world.node, pid, "state.room_id") == home end)

    pid && %{name: "home room", pid: pid}
  end

  defp pick(_world, name, entries) do
    case Enum.filter(entries, &(general(&1.name) == name)) do
      [] -> nil
      found -> Enum.random(found)
    end
  end

  # The partition of a dynamic process makes no difference.
  defp general(name) do
    if String.contains?(name, "*"), do: Regex.replace(~r"/\d+/\*", name, "/*"), else: name
  end

  # The ids of the sessions that a kill may end: those of the killed process, and of those below it.
  defp victims(node, entry, entries) do
    for %{name: name, pid: pid} <- entries,
        name =~ "*Session.Server",
        pid == entry.pid or String.starts_with?(name, entry.name <> "/"),
        id = inside(node, pid, "state.id"),
        do: id
  end

  @doc "Whether a guild may become unavailable for some sessions, for a moment, by such a kill."
  @spec interrupts?(String.t()) :: boolean()
  def interrupts?(name), do: name =~ ~r"room|Guild|Relay|Store|Session"

  # A part of a server's state, worked out inside the node.
  defp inside(node, pid, code) do
    code = "(fn state -> #{code} end).(:sys.get_state(pid, 1_000))"
    {value, _binding} = Node.call(node, Code, :eval_string, [code, [pid: pid]])
    value
  catch
    _kind, _reason -> nil
  end
end
