defmodule Guildhall.Guild.Gate do
  @moduledoc false

  # The admission of a room, shared by its process and everyone who sends to it: counters.
  #
  #   1  entered    messages that somebody sent or is about to send; far below zero once closed
  #   2  served     messages that the room has handled
  #   3  released   the index of the last write that everyone has seen
  #   4  attaching  of the messages that are not served: sessions that attach
  #   5  signals    of the messages that are not served: presences, voice states, member lists
  #   6  online     how many are shown as anything but offline
  #
  # A room that has nothing to do closes its gate only if everyone who entered was served, in one
  # compare-and-exchange, so a message can not be lost to a room that is about to stop. The
  # difference of the first two is what the room has to do. Commands, sessions that attach and signals are
  # bounded each by itself, so that a herd of one kind refuses none of another.

  @entered 1
  @served 2
  @released 3
  @attaching 4
  @signals 5
  @online 6
  @closed -0x4000_0000_0000_0000

  @type t :: :atomics.atomics_ref()
  @type lane :: :command | :attach | :signal

  @spec new() :: t()
  def new, do: :atomics.new(6, signed: true)

  @doc "Announces a message. A caller that entered must send exactly one, or call `leave/2`."
  @spec enter(t(), lane(), pos_integer() | :infinity) :: :ok | {:error, :closed | :overloaded}
  def enter(gate, lane \\ :command, limit)

  def enter(gate, :command, limit) do
    entered = :atomics.add_get(gate, @entered, 1)

    cond do
      entered <= 0 ->
        {:error, :closed}

      too_many?(gate, entered - :atomics.get(gate, @served), limit) ->
        leave(gate)
        {:error, :overloaded}

      true ->
        :ok
    end
  end

  def enter(gate, lane, limit) do
    cond do
      :atomics.add_get(gate, counter(lane), 1) > limit ->
        :atomics.sub(gate, counter(lane), 1)
        {:error, :overloaded}

      :atomics.add_get(gate, @entered, 1) <= 0 ->
        :atomics.sub(gate, counter(lane), 1)
        {:error, :closed}

      true ->
        :ok
    end
  end

  # Mostly the whole is within the limit of commands.
  defp too_many?(_gate, waiting, limit) when waiting <= limit, do: false

  defp too_many?(gate, waiting, limit) do
    waiting - :atomics.get(gate, @attaching) - :atomics.get(gate, @signals) > limit
  end

  defp counter(:attach), do: @attaching
  defp counter(:signal), do: @signals

  @doc "Takes an announcement back."
  @spec leave(t(), lane()) :: :ok
  def leave(gate, lane \\ :command) do
    unless lane == :command, do: :atomics.sub(gate, counter(lane), 1)
    :atomics.sub(gate, @entered, 1)
  end

  @doc "Counts a message that the room has handled. Only the room calls this."
  @spec serve(t(), lane()) :: :ok
  def serve(gate, lane \\ :command) do
    unless lane == :command, do: :atomics.sub(gate, counter(lane), 1)
    :atomics.add(gate, @served, 1)
  end

  @spec served(t()) :: non_neg_integer()
  def served(gate), do: :atomics.get(gate, @served)

  @doc "How many messages are on their way to the room or wait in it."
  @spec waiting(t()) :: integer()
  def waiting(gate), do: :atomics.get(gate, @entered) - :atomics.get(gate, @served)

  @doc "Says that everything up to this index is visible. Only the room calls this."
  @spec release(t(), non_neg_integer()) :: :ok
  def release(gate, index), do: :atomics.put(gate, @released, index)

  @spec released(t()) :: non_neg_integer()
  def released(gate), do: :atomics.get(gate, @released)

  @doc "Says how many are online. Only the room calls this."
  @spec online(t(), non_neg_integer()) :: :ok
  def online(gate, count), do: :atomics.put(gate, @online, count)

  @doc "How many are online, as the room said last."
  @spec online(t()) :: non_neg_integer()
  def online(gate), do: :atomics.get(gate, @online)

  @doc """
  Closes the gate if nobody is on the way. Only the room calls this.

  `lost` is how many entered and never sent, because they were killed in between.
  """
  @spec close(t(), lost :: non_neg_integer()) :: :ok | {:waiting, pos_integer()}
  def close(gate, lost \\ 0) do
    expected = :atomics.get(gate, @served) + lost

    case :atomics.compare_exchange(gate, @entered, expected, @closed) do
      :ok -> :ok
      _entered -> {:waiting, max(waiting(gate), 1)}
    end
  end
end
