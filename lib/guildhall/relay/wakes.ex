defmodule Guildhall.Relay.Wakes do
  @moduledoc false

  # The sessions that a relay has still to wake, first come, first woken, as a value.
  #
  # A large room is woken piece by piece, and between two pieces the relay looks into its mailbox. What
  # has come meanwhile is pushed for everybody at once, so that those who are still in line take it in
  # the same write: the busier a room, the more events a write carries, without anyone waiting for it.
  # A session is in the line once, because an outbox asks for one wake until something is taken from it.

  defstruct front: [], back: []

  @type t :: %__MODULE__{front: [pid()], back: [[pid()]]}

  # Woken at once: what they write takes less than a millisecond.
  @piece 64

  @doc "Puts sessions at the end of the line."
  @spec add(t(), [pid()]) :: t()
  def add(%__MODULE__{} = wakes, []), do: wakes
  def add(%__MODULE__{front: []} = wakes, pids), do: %{wakes | front: pids}
  def add(%__MODULE__{back: back} = wakes, pids), do: %{wakes | back: [pids | back]}

  @doc "Takes the next few from the line; says whether more are behind them."
  @spec next(t()) :: {[pid()], more? :: boolean(), t()}
  def next(%__MODULE__{front: front, back: back}) do
    case Enum.split(front, @piece) do
      {piece, [_ | _] = front} -> {piece, true, %__MODULE__{front: front, back: back}}
      {piece, []} -> turn(piece, Enum.reverse(back))
    end
  end

  defp turn(piece, []), do: {piece, false, %__MODULE__{}}

  defp turn(piece, [front | others]) do
    {piece, true, %__MODULE__{front: front, back: Enum.reverse(others)}}
  end
end
