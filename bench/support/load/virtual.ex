defmodule Bench.Load.Virtual do
  @moduledoc false

  # A guild with many sessions online in this VM, none of which has a socket: what it costs to attach
  # them, to deliver to them, and what the room's own process spends on a change.

  alias Bench.Load.{Herd, People, Rounds, Watch}
  alias Guildhall.{Guild, Outbox, Permissions}
  alias Guildhall.Model.Overwrite

  @instance Guildhall.Virtual
  # Messages that are posted together, and one after the other; changes of each kind.
  @burst 16
  @singles 5
  @changes 20
  # How long nothing may move before everything is said to be done, in ms.
  @quiet 200

  @type figure :: %{name: String.t(), value: number(), unit: String.t()}

  @doc "Measures with so many sessions online in a guild of so many members."
  @spec run!(Path.t(), pos_integer(), pos_integer()) :: [figure()]
  def run!(folder, online, members) do
    options = [name: @instance, data: folder, port: 0, guild_idle_timeout: :infinity]
    {:ok, node} = Guildhall.start_link([rate_limits: false] ++ options)
    rounds = Rounds.start()

    try do
      people = People.make!(@instance, members, &say(&1, members, "members are written"))
      {herd, attaching} = attach(people, rounds, online)
      delivering = held(herd, people, rounds) ++ taken(herd, people, rounds)
      attaching ++ delivering ++ changes(herd, people, rounds)
    after
      Rounds.stop()
      Supervisor.stop(node)
    end
  end

  defp attach(people, rounds, online) do
    before = memory()
    cpu = cpu()
    ids = Stream.take(people.user_ids, online)

    {time, herd} =
      :timer.tc(fn ->
        Herd.attach!(@instance, people.guild_id, ids, &say(&1, online, "sessions are attached"))
      end)

    cpu = cpu() - cpu
    quiet(herd, rounds)
    now = memory()
    each = fn key -> (now[key] - before[key]) / online end

    {herd,
     [
       figure("sessions attached a second", online / time * 1.0e6, "/s"),
       figure("CPU of an attach, relay, room and session", cpu / online * 1.0e6, "us"),
       figure("resident memory a session", each.(:resident), "bytes"),
       figure("  of it processes' heaps", each.(:processes), "bytes"),
       figure("  of it outboxes and what waits in them", each.(:outboxes), "bytes")
     ]}
  end

  # Filtered, numbered, put into outboxes; nobody takes, so that there is nothing else to be done.
  defp held(herd, people, rounds) do
    figures =
      Herd.hold(herd, fn ->
        # The first wakes everybody; those behind it meet outboxes whose session knows already.
        post(people)
        quiet(herd, rounds)
        before = Rounds.read(rounds)
        for _ <- 1..@burst, do: post(people)
        quiet(herd, rounds)
        now = Rounds.read(rounds)
        deliveries = now.deliveries - before.deliveries
        rate = deliveries / (now.duration - before.duration)
        [figure("deliveries into outboxes, a second of a relay", rate, "/s")]
      end)

    quiet(herd, rounds)
    figures
  end

  defp taken(herd, people, rounds) do
    {single, _time} =
      delivered(herd, rounds, fn -> for _ <- 1..@singles, do: settle(herd, people, rounds) end)

    {burst, _time} = delivered(herd, rounds, fn -> together(people) end)
    {_cost, time} = delivered(herd, rounds, fn -> post(people) end)

    [
      figure("CPU of a delivery, one message at a time", single, "us"),
      figure("CPU of a delivery, #{@burst} messages together", burst, "us"),
      figure("one message with every session", time, "ms")
    ]
  end

  defp settle(herd, people, rounds) do
    post(people)
    quiet(herd, rounds)
  end

  # Many posters, so that the room has all of it before it has done with the first.
  defp together(people) do
    1..@burst
    |> Enum.map(fn _n -> Task.async(fn -> post(people) end) end)
    |> Task.await_many(:infinity)
  end

  defp delivered(herd, rounds, fun) do
    before = Rounds.read(rounds)
    cpu = cpu()
    start = now()
    fun.()
    moved = quiet(herd, rounds)
    deliveries = Rounds.read(rounds).deliveries - before.deliveries
    {(cpu() - cpu) / max(deliveries, 1) * 1.0e6, moved - start}
  end

  defp post(people) do
    command = {:create_message, people.channel_id, %{content: String.duplicate("hello ", 40)}}
    {:ok, _message} = Guild.run(@instance, people.guild_id, people.owner_id, command)
  end

  defp changes(herd, people, rounds) do
    watch = Watch.start(People.room(@instance, people.guild_id))
    [role_id | _others] = people.role_ids
    view = Permissions.bit(:view_channel)
    ids = Enum.take(people.user_ids, @changes)
    strangers = for _ <- ids, do: People.stranger!(@instance)

    kinds = [
      {"a member added", for(id <- strangers, do: {:add_member, id, %{}})},
      {"a role given", for(id <- ids, do: {:add_role, id, List.last(people.role_ids)})},
      {"a role's permissions changed",
       for(n <- 1..@changes, do: {:update_role, role_id, %{permissions: view + rem(n, 2)}})},
      {"a channel hidden from a role, and shown",
       for n <- 1..@changes do
         overwrite = %Overwrite{id: role_id, type: :role, allow: 0, deny: view * rem(n, 2)}
         {:put_overwrite, people.channel_id, overwrite}
       end}
    ]

    figures = Enum.flat_map(kinds, &change(&1, watch, herd, people, rounds))
    Watch.stop(watch)
    figures
  end

  defp change({name, commands}, watch, herd, people, rounds) do
    samples =
      for command <- commands do
        Watch.spent(watch)
        before = Rounds.read(rounds)
        done!(Guild.run(@instance, people.guild_id, :operator, command))
        quiet(herd, rounds)
        {Watch.spent(watch) / 1.0e6, (Rounds.read(rounds).duration - before.duration) * 1.0e3}
      end

    {room, relay} = Enum.unzip(samples)
    say(length(samples), length(commands), name)

    [
      figure("#{name}: the room's process, median", median(room), "ms"),
      figure("#{name}: the room's process, longest", Enum.max(room), "ms"),
      figure("#{name}: relays, median", median(relay), "ms")
    ]
  end

  defp done!(:ok), do: :ok
  defp done!({:ok, _result}), do: :ok

  # Waits until no relay and no session has done anything for a while, and returns when that began.
  defp quiet(herd, rounds), do: quiet(herd, rounds, nil, now())

  defp quiet(herd, rounds, last, since) do
    state =
      {Herd.takes(herd), Rounds.read(rounds).rounds, :erlang.statistics(:total_run_queue_lengths)}

    cond do
      state != last or elem(state, 2) > 0 ->
        Process.sleep(10)
        quiet(herd, rounds, state, now())

      now() - since < @quiet ->
        Process.sleep(10)
        quiet(herd, rounds, last, since)

      true ->
        since
    end
  end

  defp median(samples), do: samples |> Enum.sort() |> Enum.at(div(length(samples), 2))

  defp memory do
    [_size, pages | _rest] = "/proc/self/statm" |> File.read!() |> String.split()
    %{outboxes: outboxes} = Outbox.memory()

    %{
      resident: String.to_integer(pages) * 4_096,
      processes: :erlang.memory(:processes),
      outboxes: outboxes.bytes
    }
  end

  # Seconds of all threads.
  defp cpu do
    {milliseconds, _since} = :erlang.statistics(:runtime)
    milliseconds / 1.0e3
  end

  defp now, do: System.monotonic_time(:millisecond)

  defp figure(name, value, unit), do: %{name: name, value: value, unit: unit}

  # Every tenth.
  defp say(n, all, what) do
    if div(n * 10, all) != div((n - 1) * 10, all),
      do: Mix.shell().info("  #{n} of #{all}: #{what}")
  end
end
