defmodule Bench.Load.Virtual do
  @moduledoc false

  # A guild with many sessions online in this VM, none of which has a socket: what it costs to attach
  # them, to deliver to them, and what the room's own process spends on a change.

  alias Bench.Load.{Changes, Herd, Pauses, People, Quiet, Rounds}
  alias Guildhall.{Audience, Guild, Outbox, Relay}

  @instance Guildhall.Virtual
  # Messages that are posted together, and one after the other.
  @burst 16
  @singles 5

  @type figure :: %{name: String.t(), value: number(), unit: String.t()}

  @doc "Measures with so many sessions online in a guild of so many members."
  @spec run!(Path.t(), pos_integer(), pos_integer()) :: [figure()]
  def run!(folder, online, members) do
    File.mkdir_p!(folder)
    data = Path.join(folder, "data")
    options = [name: @instance, data: data, port: 0, guild_idle_timeout: :infinity]
    {:ok, node} = Guildhall.start_link([rate_limits: false] ++ options)
    rounds = Rounds.start()
    pauses = Pauses.start()

    try do
      written = &say(&1, members, "members are written")
      people = People.make!(@instance, members, written, Path.join(folder, "people"))
      Pauses.spent(pauses, [])
      {herd, attaching} = attach(people, rounds, online)
      attaching = attaching ++ paused(pauses, people, "while sessions come")
      delivering = held(herd, people, rounds) ++ taken(herd, people, rounds)
      delivering = delivering ++ paused(pauses, people, "while events go out")
      changing = Changes.measure(herd, people, rounds, &say/1)
      attaching ++ delivering ++ changing ++ paused(pauses, people, "while things change")
    after
      Pauses.stop(pauses)
      Rounds.stop()
      Supervisor.stop(node)
    end
  end

  defp attach(people, rounds, online) do
    before = memory()
    cpu = Quiet.cpu()
    ids = Stream.take(people.user_ids, online)
    tenths = :counters.new(11, [])

    {time, herd} =
      :timer.tc(fn ->
        Herd.attach!(@instance, people.guild_id, ids, fn done ->
          say(done, online, "sessions are attached")
          if rem(done * 10, online) < 10, do: mark(tenths, div(done * 10, online))
        end)
      end)

    Quiet.wait(herd, rounds)
    cpu = Quiet.cpu() - cpu
    now = memory()

    {herd,
     [
       figure("sessions attached a second", online / time * 1.0e6, "/s"),
       figure("  the last tenth of them, CPU beside the second", slowdown(tenths), "times"),
       figure("CPU of an attach, relay, room and session", cpu / online * 1.0e6, "us"),
       figure(
         "GUILD_CREATE, kept until the first heartbeat",
         Herd.snapshots(herd) / online,
         "bytes"
       )
       | bytes(before, now, online)
     ]}
  end

  # The processor time so far, in microseconds.
  defp mark(tenths, tenth), do: :counters.put(tenths, tenth + 1, round(Quiet.cpu() * 1.0e6))

  defp slowdown(tenths) do
    spent = fn n -> :counters.get(tenths, n + 1) - :counters.get(tenths, n) end
    spent.(10) / max(spent.(2), 1)
  end

  defp bytes(before, now, online) do
    each = fn key -> (now[key] - before[key]) / online end
    parts = Map.keys(now) -- [:resident]
    rest = each.(:resident) - (parts |> Enum.map(each) |> Enum.sum())

    [
      figure("resident memory a session", each.(:resident), "bytes"),
      figure("  its process", each.(:processes), "bytes"),
      figure("  rows of the room and the relay in ETS", each.(:ets), "bytes"),
      figure("  its outbox and transport, as the VM's binaries", each.(:binary), "bytes"),
      figure("  its ring", each.(:rings), "bytes"),
      figure("  events that are kept for it", each.(:events), "bytes"),
      figure("  its seat in the audience", each.(:audiences), "bytes"),
      figure("  the rest: other of the VM's, and room that allocators keep", rest, "bytes")
    ]
  end

  # Filtered, numbered, put into outboxes; nobody takes, so that there is nothing else to be done. On one
  # scheduler, then on all: what relays share would make a delivery dearer.
  defp held(herd, people, rounds) do
    all = System.schedulers_online()
    fresh = burst(herd, people, rounds)
    counts = Enum.uniq([1, all])

    figures =
      for count <- counts do
        :erlang.system_flag(:schedulers_online, count)
        spent = burst(herd, people, rounds)
        :erlang.system_flag(:schedulers_online, all)
        on = "on #{count} #{if count == 1, do: "scheduler", else: "schedulers"}"

        [
          figure("CPU of a delivery into an outbox, #{on}", spent.us, "us"),
          figure("  so a core delivers", 1.0e6 / max(spent.us, 1.0e-3), "/s"),
          figure("  by the clock", spent.deliveries * 1.0e3 / max(spent.ms, 1), "/s")
        ]
      end

    [figure("CPU of a delivery into an outbox, the first ones ever", fresh.us, "us") | figures]
    |> List.flatten()
  end

  defp burst(herd, people, rounds) do
    spent =
      Herd.hold(herd, fn ->
        # The first wakes everybody; those behind it meet outboxes whose session knows already.
        post(people)
        Quiet.wait(herd, rounds)
        Quiet.spent(herd, rounds, fn -> for _ <- 1..@burst, do: post(people) end)
      end)

    Quiet.wait(herd, rounds)
    Herd.heartbeat(herd)
    spent
  end

  defp taken(herd, people, rounds) do
    singly = fn -> for _ <- 1..@singles, do: settle(herd, people, rounds) end
    single = Quiet.spent(herd, rounds, singly)
    together = Quiet.spent(herd, rounds, fn -> together(people) end)
    Herd.heartbeat(herd)
    one = Quiet.spent(herd, rounds, fn -> post(people) end)

    [
      figure("CPU of a delivery with its take, one message at a time", single.us, "us"),
      figure("CPU of a delivery with its take, #{@burst} messages together", together.us, "us"),
      figure("one message with every session", one.ms, "ms")
    ]
  end

  defp settle(herd, people, rounds) do
    post(people)
    Quiet.wait(herd, rounds)
  end

  # Many posters, so that the room has all of it before it has done with the first.
  defp together(people) do
    1..@burst
    |> Enum.map(fn _n -> Task.async(fn -> post(people) end) end)
    |> Task.await_many(:infinity)
  end

  defp post(people) do
    command = {:create_message, people.channel_id, %{content: String.duplicate("hello ", 40)}}
    {:ok, _message} = Guild.run(@instance, people.guild_id, people.owner_id, command)
  end

  # Of the two kinds of processes that everybody waits for.
  defp paused(pauses, people, phase) do
    room = [People.room(@instance, people.guild_id)]
    {{runs, run}, {collections, collection}} = Pauses.spent(pauses, room ++ Relay.all(@instance))

    [
      figure("room and relays #{phase}: runs over 1 ms", runs, ""),
      figure("  the longest", run, "ms"),
      figure("room and relays #{phase}: collections over 1 ms", collections, ""),
      figure("  the longest", collection, "ms")
    ]
  end

  defp memory do
    [_size, pages | _rest] = "/proc/self/statm" |> File.read!() |> String.split()
    %{outboxes: outboxes, events: events} = Outbox.memory()
    vm = :erlang.memory()

    %{
      resident: String.to_integer(pages) * 4_096,
      processes: vm[:processes],
      ets: vm[:ets],
      binary: vm[:binary],
      rings: outboxes.bytes,
      events: events.bytes,
      audiences: Audience.memory().bytes
    }
  end

  defp figure(name, value, unit), do: %{name: name, value: value, unit: unit}

  # Every tenth.
  defp say(n, all, what) do
    if div(n * 10, all) != div((n - 1) * 10, all), do: say("#{n} of #{all}: #{what}")
  end

  defp say(what), do: Mix.shell().info("  #{what}")
end
