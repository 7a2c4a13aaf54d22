defmodule Bench.Load.Herd do
  @moduledoc false

  # Sessions without sockets: each is a process with a real outbox, in the audience of a real relay, and
  # takes what waits when it is woken. Where a session would write the frames, these drop them.
  #
  # A process each and not a drainer for many, because a wake does not say whose it is, and because
  # to be scheduled is part of what a delivery costs.

  alias Guildhall.{Guild, Outbox, Relay}
  alias Guildhall.Model.{Intents, Presence}
  alias Guildhall.Relay.Subscriber

  @enforce_keys [:instance, :guild_id, :counters]
  defstruct @enforce_keys ++ [pids: []]

  @type t :: %__MODULE__{
          instance: atom(),
          guild_id: pos_integer(),
          counters: :counters.counters_ref(),
          pids: [pid()]
        }

  @takes 1
  @held 2
  # How many may be attaching at once: a room takes everybody who comes.
  @together 1_000
  @bytes 65_536
  @intents Enum.sum(Enum.map([:guilds, :guild_messages, :message_content], &Intents.bit/1))

  @doc "Attaches a session for each user; calls `progress` with how many are."
  @spec attach!(atom(), pos_integer(), Enumerable.t(), (pos_integer() -> term())) :: t()
  def attach!(instance, guild_id, user_ids, progress) do
    herd = %__MODULE__{instance: instance, guild_id: guild_id, counters: :counters.new(2, [])}

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

  @doc "Runs `fun` while nobody takes anything; what waits then is taken afterwards."
  @spec hold(t(), (() -> result)) :: result when result: var
  def hold(%__MODULE__{counters: counters, pids: pids}, fun) do
    :counters.put(counters, @held, 1)
    result = fun.()
    :counters.put(counters, @held, 0)
    Enum.each(pids, &send(&1, {Relay, :wake}))
    result
  end

  defp start(herd, user_id) do
    parent = self()
    # A link, so that nobody is left behind; and a heap no larger than it must be.
    options = [:link, min_heap_size: 100, fullsweep_after: 0]
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
    settle(outbox, transport, herd.counters, parent)
  end

  defp settle(outbox, transport, counters, parent) do
    receive do
      {Relay, :wake} ->
        take(outbox, transport)
        settle(outbox, transport, counters, parent)

      {Relay, :attached, _room_id} ->
        take(outbox, transport)
        send(parent, {__MODULE__, :attached})
        :erlang.hibernate(__MODULE__, :serve, [outbox, transport, counters])

      {Guild, :refused, _room_id, reason} ->
        send(parent, {__MODULE__, :refused, reason})
    end
  end

  @doc false
  def serve(outbox, transport, counters) do
    receive do
      {Relay, :wake} ->
        if :counters.get(counters, @held) == 0 do
          take(outbox, transport)
          :counters.add(counters, @takes, 1)
        end

        serve(outbox, transport, counters)
    end
  end

  defp take(outbox, transport) do
    case Outbox.take(outbox, transport, @bytes) do
      {:ok, _frames, true} -> take(outbox, transport)
      _done -> :ok
    end
  end
end
