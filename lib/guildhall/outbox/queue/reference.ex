defmodule Guildhall.Outbox.Queue.Reference do
  @moduledoc false

  # `Guildhall.Outbox.Queue` as a list of keys. What an outbox's turn comes to, whoever drives the queue
  # says, with what `Guildhall.Outbox.Reference.flush/4` answers.

  alias Guildhall.Outbox

  @opaque t :: [key()]
  @type key :: term()
  @type flushed :: %{
          left: non_neg_integer(),
          tried: non_neg_integer(),
          blocked: [key()],
          tell: [key()]
        }

  @spec new() :: t()
  def new, do: []

  @spec size(t()) :: non_neg_integer()
  defdelegate size(queue), to: Kernel, as: :length

  @doc "Puts outboxes at the end, each that does not wait already."
  @spec push(t(), [key()]) :: t()
  def push(queue, keys), do: Enum.uniq(queue ++ keys)

  @doc "Gives the next outboxes their turns."
  @spec flush(t(), most :: non_neg_integer(), acc, (key(), acc -> {turn, acc})) ::
          {flushed(), t(), acc}
        when acc: term(), turn: Outbox.Reference.flushed() | :beyond
  def flush(queue, most, acc, turn) do
    {now, later} = Enum.split(queue, most)

    {turns, acc} =
      Enum.map_reduce(now, acc, fn key, acc ->
        {answer, acc} = turn.(key, acc)
        {{key, answer}, acc}
      end)

    queue = push(later, of(turns, [:more]))

    flushed = %{
      left: length(queue),
      tried: length(now),
      blocked: of(turns, [:blocked]),
      # Who is `:behind` is told by its socket.
      tell: of(turns, [:beyond, :lost, :unconnected])
    }

    {flushed, queue, acc}
  end

  defp of(turns, answers), do: for({key, answer} <- turns, answer in answers, do: key)
end
