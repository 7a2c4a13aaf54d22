defmodule Guildhall.Redteam.Report do
  @moduledoc false

  # The results of a run, as text, and its failures.

  alias Guildhall.Redteam.{Attack, Killer, Tally}

  # Ten times the second that a post of a bystander may take on a quiet machine.
  @latency 10_000
  # How long after a kill a client may hear of a session that began before it, on a busy machine.
  @late 500

  @type problems :: [String.t()]

  @doc "One line about the run so far."
  def progress(tally, attacks, node) do
    attacked = attacks |> Enum.map(&total(tally, &1)) |> Enum.sum()
    posts = outcomes(tally)
    ended = length(Tally.notes(tally, :ended))

    "#{div(Tally.elapsed(tally), 1_000)} s: #{attacked} attacks, posts #{inspect(posts)}, " <>
      "#{length(Tally.notes(tally, :kill))} kills, #{ended} sessions ended, " <>
      "#{length(Tally.notes(tally, :unavailable))} times unavailable, " <>
      "#{length(Tally.notes(tally, :breach))} breaches, node #{memory(node)} MB"
  end

  defp memory(node) do
    case Guildhall.Redteam.Node.memory(node) do
      :unknown -> "?"
      bytes -> div(bytes, 1_048_576)
    end
  end

  @doc "The attacks, the kills and the posts, in tables."
  def summary(tally, attacks, seconds) do
    rows =
      for attack <- attacks do
        total = total(tally, attack)
        counts = tally |> Tally.counts(attack.name) |> Enum.sort_by(&(-elem(&1, 1)))
        outcomes = Enum.map_join(counts, ", ", fn {outcome, n} -> "#{outcome} #{n}" end)
        name = String.pad_trailing(attack.name, 36)
        rate = Float.round(total / seconds, 2)
        "#{name} #{total} (#{rate}/s, at least #{Float.round(attack.rate * 1.0, 2)}): #{outcomes}"
      end

    kills =
      for {at, kill} <- Tally.notes(tally, :kill) do
        "#{at} ms: #{kill.name}, #{length(kill.victims)} sessions, found in #{kill.took} ms"
      end

    lines = ["Attacks" | rows] ++ ["Kills" | kills] ++ [posts(tally), newcomers_text(tally)]
    Enum.join(lines, "\n")
  end

  defp posts(tally) do
    times = for({_at, {200, ms}} <- Tally.notes(tally, :post), do: ms) |> Enum.sort()
    count = length(times)

    if count == 0,
      do: "No post of a bystander was answered 200",
      else:
        "Posts of bystanders #{inspect(outcomes(tally))}; in ms p50 #{at(times, count, 0.5)}, " <>
          "p99 #{at(times, count, 0.99)}, longest #{List.last(times)}"
  end

  defp at(_times, 0, _part), do: nil
  defp at(times, count, part), do: Enum.at(times, min(floor(count * part), count - 1))

  defp outcomes(tally) do
    Enum.frequencies(for {_at, {outcome, _ms}} <- Tally.notes(tally, :post), do: outcome)
  end

  @doc "What is wrong with the attacks: too few, none that reached its aim, or some that had their way."
  @spec attacks(Tally.t(), [Attack.t()], number()) :: problems()
  def attacks(tally, attacks, seconds) do
    breaches =
      for {_at, {name, text}} <- Tally.notes(tally, :breach), uniq: true, do: "#{name}: #{text}"

    few =
      for attack <- attacks, (rate = total(tally, attack) / seconds) < attack.rate do
        "#{attack.name}: #{Float.round(rate, 2)} a second, at least #{attack.rate} are wanted"
      end

    # Some refusals take half a minute to come.
    unseen =
      for attack <- attacks,
          seconds >= 60,
          counts = Tally.counts(tally, attack.name),
          not Enum.any?(attack.shows, &is_map_key(counts, &1)) do
        "#{attack.name}: none of #{inspect(attack.shows)} in #{inspect(counts)}"
      end

    breaches ++ few ++ unseen
  end

  @doc "Which sessions of bystanders ended that no kill accounts for, and what they saw wrongly."
  @spec sessions(Tally.t()) :: problems()
  def sessions(tally) do
    kills = Tally.notes(tally, :kill)
    victims = for {_at, kill} <- kills, id <- kill.victims, into: MapSet.new(), do: id
    began = Map.new(Tally.notes(tally, :began), fn {at, id} -> {id, at} end)

    ended =
      for {at, {number, id, reason}} <- Tally.notes(tally, :ended),
          id not in victims and not late_victim?(began[id], kills) do
        {at, number, "a session ended: #{inspect(reason)}#{last(kills, at)}"}
      end

    faults =
      for {at, {number, fact}} <- Tally.notes(tally, :fault) do
        {at, number, "#{inspect(fact)}#{last(kills, at)}"}
      end

    together(ended ++ unavailable(tally, kills)) ++ together(faults)
  end

  # A session that began while those below a supervisor were looked for, which was killed then.
  defp late_victim?(nil, _kills), do: false

  defp late_victim?(began, kills) do
    Enum.any?(kills, fn {at, kill} ->
      kill.name =~ ~r"/Session(/|$)" and not (kill.name =~ ~r"Registry|Quota|\*") and
        began >= at - kill.took and began <= at + @late
    end)
  end

  # One line for all bystanders to whom the same happened.
  defp together(events) do
    for {text, all} <- Enum.group_by(events, &elem(&1, 2)) do
      {at, number, _text} = hd(all)
      more = if length(all) == 1, do: "", else: ", and #{length(all) - 1} times more"
      "bystander #{number} after #{at} ms: #{text}#{more}"
    end
  end

  # Each kill that may interrupt rooms makes a guild unavailable to a session once.
  defp unavailable(tally, kills) do
    times = for {at, %{name: name}} <- kills, Killer.interrupts?(name), do: at
    seen = Tally.notes(tally, :unavailable)

    for {number, notes} <- Enum.group_by(seen, fn {_at, {number, _}} -> number end, &elem(&1, 0)),
        at <- notes,
        before = Enum.count(times, &(&1 <= at)),
        Enum.count(notes, &(&1 <= at)) > before do
      {at, number, "home was unavailable#{last(kills, at)}"}
    end
  end

  defp last(kills, at) do
    case Enum.filter(kills, fn {time, _kill} -> time <= at end) do
      [] ->
        ", before any kill"

      earlier ->
        {_time, kill} = List.last(earlier)
        ", the last kill was that of #{kill.name}"
    end
  end

  @doc "Which posts of bystanders took too long, or how many failed."
  @spec latency(Tally.t()) :: problems()
  def latency(tally) do
    notes = Tally.notes(tally, :post)
    good = Enum.count(notes, &match?({_at, {200, _ms}}, &1))

    slow =
      for {at, {outcome, ms}} <- notes, ms > @latency or outcome == :timeout do
        "a post after #{at} ms took #{ms} ms: #{outcome}"
      end

    if good < length(notes) / 2,
      do: ["#{good} of #{length(notes)} posts were taken" | slow],
      else: slow
  end

  defp newcomers_text(tally) do
    notes = for {_at, note} <- Tally.notes(tally, :newcomer), do: note
    times = for({:complete, ms} <- notes, do: ms) |> Enum.sort()
    outcomes = Enum.frequencies_by(notes, &elem(&1, 0))

    failed =
      for {at, {outcome, ms}} when outcome != :complete <- Tally.notes(tally, :newcomer) do
        "\n  #{outcome} at #{at} ms, after #{ms} ms#{last(Tally.notes(tally, :kill), at - ms)}"
      end

    "Newcomers #{inspect(outcomes)}; in ms p50 #{at(times, length(times), 0.5)}, " <>
      "longest #{List.last(times)}#{failed}"
  end

  @doc "Which newcomers could not connect before there was any kill, and how many could not at all."
  @spec newcomers(Tally.t()) :: problems()
  def newcomers(tally) do
    notes = Tally.notes(tally, :newcomer)
    complete = Enum.count(notes, &match?({_at, {:complete, _ms}}, &1))

    early =
      for {at, {outcome, ms}} <- notes, outcome != :complete, at < first_kill(tally) do
        "a newcomer after #{at} ms, which was there for #{ms} ms: #{inspect(outcome)}"
      end

    if complete < length(notes) / 2,
      do: ["#{complete} of #{length(notes)} newcomers could connect" | early],
      else: early
  end

  @doc "Which posts with a file were refused before there was any kill."
  @spec large_posts(Tally.t()) :: problems()
  def large_posts(tally) do
    for {at, outcome} <- Tally.notes(tally, :large_post), at < first_kill(tally) do
      "a post of 300 KB after #{at} ms: #{inspect(outcome)}"
    end
  end

  # An atom is larger than any number.
  defp first_kill(tally) do
    case Tally.notes(tally, :kill) do
      [{at, _kill} | _later] -> at
      [] -> :infinity
    end
  end

  @doc "Which messages of the history a bystander neither saw nor may have missed."
  @spec missed([pos_integer()], [map()]) :: problems()
  def missed(history, records) do
    for record <- records,
        seen = MapSet.new(record.seen),
        lost = Enum.reject(history, &(&1 in seen or excused?(&1, record))),
        lost != [] do
      "bystander #{record.number} missed #{length(lost)} messages, the first is #{hd(lost)}"
    end ++ foreign(history, records)
  end

  defp foreign(history, records) do
    history = MapSet.new(history)

    for record <- records, id <- record.seen, id not in history do
      "bystander #{record.number} saw #{id}, which is not in the history"
    end
  end

  defp excused?(id, record),
    do: Enum.any?(record.excused, fn {from, to} -> id > from and id <= to end)

  defp total(tally, attack), do: tally |> Tally.counts(attack.name) |> Map.values() |> Enum.sum()
end
