defmodule Guildhall.Guild.Gate do
  @moduledoc false

  # The door of a room, shared by its process and everyone who wants to talk to it: three counters.
  #
  #   1  entered    messages that somebody sent or is about to send; far below zero once closed
  #   2  served     messages that the room has taken out of its mailbox
  #   3  released   the index of the last write that everyone has seen
  #
  # A room that has nothing to do closes its gate only if everyone who entered was served, in one
  # compare-and-exchange, so a message can not be lost to a room that is about to stop. The
  # difference of the first two is the room's mailbox, and its bound.

  @entered 1
  @served 2
  @released 3
  @closed -0x4000_0000_0000_0000

  @type t :: :atomics.atomics_ref()

  @spec new() :: t()
  def new, do: :atomics.new(3, signed: true)

  @doc "Announces a message. Whoever entered must send exactly one, or `leave/1`."
  @spec enter(t(), pos_integer() | :infinity) :: :ok | {:error, :closed | :overloaded}
  def enter(gate, limit) do
    entered = :atomics.add_get(gate, @entered, 1)

    cond do
      entered <= 0 ->
        {:error, :closed}

      entered - :atomics.get(gate, @served) > limit ->
        leave(gate)
        {:error, :overloaded}

      true ->
        :ok
    end
  end

  @doc "Takes an announcement back."
  @spec leave(t()) :: :ok
  def leave(gate), do: :atomics.sub(gate, @entered, 1)

  @doc "Counts a message that the room took out of its mailbox. Only the room calls this."
  @spec serve(t()) :: :ok
  def serve(gate), do: :atomics.add(gate, @served, 1)

  @spec served(t()) :: non_neg_integer()
  def served(gate), do: :atomics.get(gate, @served)

  @doc "How many messages are on their way to the room or in its mailbox."
  @spec waiting(t()) :: integer()
  def waiting(gate), do: :atomics.get(gate, @entered) - :atomics.get(gate, @served)

  @doc "Says that everything up to this index is visible. Only the room calls this."
  @spec release(t(), non_neg_integer()) :: :ok
  def release(gate, index), do: :atomics.put(gate, @released, index)

  @spec released(t()) :: non_neg_integer()
  def released(gate), do: :atomics.get(gate, @released)

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
