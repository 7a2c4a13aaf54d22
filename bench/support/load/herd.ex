defmodule Bench.Load.Herd do
  @moduledoc false

  # Sessions without sockets: each is a process with a real outbox, in the audience of a real relay, and
  # takes what waits when it is woken. Where a session would write the frames, these drop them; where a
  # client acknowledges what it has with a heartbeat, these do so at once when they are attached, and
  # then when they are told to.
  #
  # A process each and not a drainer for many, because a wake does not say whose it is, and because
  # to be scheduled is part of what a delivery costs.

  alias Guildhall.{Guild, Outbox, Relay}
  alias Guildhall.Model.{Intents, Presence}
  alias Guildhall.Relay.Subscriber

  @enforce_keys [:instance, :guild_id, :counters, :held]
  defstruct @enforce_keys ++ [pids: []]

  @type t :: %__MODULE__{
          instance: atom(),
          guild_id: pos_integer(),
          # What they did, counted by each scheduler for itself.
          counters: :counters.counters_ref(),
          # 1 while nobody takes.
          held: :atomics.atomics_ref(),
          pids: [pid()]
        }

  @takes 1
  @acknowledgements 2
  @snapshots 3
  @held 1
  # How many may be attaching at once: a room takes everybody who comes.
  @together 1_000
  @bytes 65_536
  @intents Enum.sum(Enum.map([:guilds, :guild_messages, :message_content], &Intents.bit/1))

  @doc "Attaches a session for each user; calls `progress` with how many are."
  @spec attach!(atom(), pos_integer(), Enumerable.t(), (pos_integer() -> term())) :: t()
  def attach!(instance, guild_id, user_ids, progress) do
    herd = %__MODULE__{
      instance: instance,
      guild_id: guild_id,
      counters: :counters.new(3, [:write_concurrency]),
      held: :atomics.new(1, [])
    }

    {pids, waiting, done} =
      Enum.reduce(user_ids, {[], 0, 0}, fn user_id, {pids, waiting, done} ->
        {waiting, done} =
          if waiting == @together,
            do: {waiting - 1, attached(done, progress)},
            else: {waiting, done}

        {[start(herd, user_id) | pids], waiting + 1, done}
      end)

    Enum.reduce(1..waiting//1, done, fn _n, done -> attached(done, progress) end)
    %{herd | pids: pids}
  end

  defp attached(done, progress) do
    receive do
      {__MODULE__, :attached} ->
        progress.(done + 1)
        done + 1

      {__MODULE__, :refused, reason} ->
        Mix.raise("the room refused a session: #{inspect(reason)}")
    after
      60_000 -> Mix.raise("a session was not attached within a minute")
    end
  end

  @doc "How often sessions have taken what waited."
  @spec takes(t()) :: non_neg_integer()
  def takes(%__MODULE__{counters: counters}), do: :counters.get(counters, @takes)

  @doc "How large what they were told of the guild was, all together: a client keeps it alive until its first heartbeat."
  @spec snapshots(t()) :: bytes :: non_neg_integer()
  def snapshots(%__MODULE__{counters: counters}), do: :counters.get(counters, @snapshots)

  @doc "Runs `fun` while nobody takes anything; what waits then is taken afterwards."
  @spec hold(t(), (() -> result)) :: result when result: var
  def hold(%__MODULE__{held: held, pids: pids}, fun) do
    :atomics.put(held, @held, 1)
    result = fun.()
    :atomics.put(held, @held, 0)
    Enum.each(pids, &send(&1, {Relay, :wake}))
    result
  end

  @doc "Lets every session acknowledge what it has taken, and waits until all have."
  @spec heartbeat(t()) :: :ok
  def heartbeat(%__MODULE__{counters: counters, pids: pids}) do
    wanted = :counters.get(counters, @acknowledgements) + length(pids)
    Enum.each(pids, &send(&1, :heartbeat))
    await(counters, wanted)
  end

  defp await(counters, wanted) do
    if :counters.get(counters, @acknowledgements) < wanted do
      Process.sleep(5)
      await(counters, wanted)
    else
      :ok
    end
  end

  defp start(herd, user_id) do
    parent = self()
    # A link, so that nobody is left behind; and a heap no larger than it must be.
    options = [:link, min_heap_size: 100, min_bin_vheap_size: 128, fullsweep_after: 0]
    :erlang.spawn_opt(fn -> begin(herd, user_id, parent) end, options)
  end

  defp begin(herd, user_id, parent) do
    id = Integer.to_string(user_id)
    outbox = Outbox.new()

    subscriber = %Subscriber{
      session_id: id,
      pid: self(),
      relay: Relay.for(herd.instance, id),
      outbox: outbox,
      user_id: user_id,
      intents: @intents
    }

    Guild.attach(herd.instance, herd.guild_id, subscriber, %Presence{}, 50)
    transport = Outbox.Transport.new(:plain)
    take(outbox, transport)
    settle(outbox, transport, herd, parent)
  end

  defp settle(outbox, transport, herd, parent) do
    receive do
      {Relay, :wake} ->
        take(outbox, transport)
        settle(outbox, transport, herd, parent)

      {Relay, :attached, _room_id} ->
        take(outbox, transport)
        :counters.add(herd.counters, @snapshots, acknowledge(outbox))

        # By hand, because a process that has a message does not hibernate, and a wake is on its way.
        :erlang.garbage_collect()
        send(parent, {__MODULE__, :attached})
        serve(outbox, transport, herd.counters, herd.held)

      {Guild, :refused, _room_id, reason} ->
        send(parent, {__MODULE__, :refused, reason})
    end
  end

  @doc false
  def serve(outbox, transport, counters, held) do
    receive do
      {Relay, :wake} ->
        if :atomics.get(held, @held) == 0 do
          size = take(outbox, transport)
          :counters.add(counters, @takes, 1)

          # A socket would have it now. Nothing but its garbage grows in a process that does so little, and
          # a million of them would hold a few gigabytes of frames until they collect by themselves.
          if size > 0, do: :erlang.garbage_collect()
        end

        serve(outbox, transport, counters, held)

      :heartbeat ->
        acknowledge(outbox)
        :counters.add(counters, @acknowledgements, 1)
        :erlang.hibernate(__MODULE__, :serve, [outbox, transport, counters, held])
    end
  end

  # Returns the bytes that were kept until now.
  defp acknowledge(outbox) do
    %{sequence: sequence, pending_events: pending, ring_bytes: bytes} = Outbox.info(outbox)
    Outbox.acknowledge(outbox, sequence - pending)
    bytes
  end

  defp take(outbox, transport) do
    case Outbox.take(outbox, transport, @bytes) do
      {:ok, _frames, true} -> take(outbox, transport)
      {:ok, frames, false} -> byte_size(frames)
      :empty -> 0
    end
  end
end
