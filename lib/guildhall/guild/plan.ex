defmodule Guildhall.Guild.Plan do
  @moduledoc false

  # What a command comes to, as data: the answer, the rows to write, and what is true and to be
  # done once they are durable. A plan without rows is carried out at once.

  alias Guildhall.Guild.{Event, State, Talk}

  defstruct reply: :ok, ops: [], changes: [], effects: []

  @type t :: %__MODULE__{
          reply: :ok | {:ok, term()} | {:error, term()},
          ops: [Guildhall.Store.op()],
          changes: [State.change()],
          effects: [effect()]
        }

  @typedoc """
  What the server does for a plan, in order.

    * `{:publish, event}` - to the sessions that may see it; `{:publish_all, events}` - several of one type
    * `{:change, changes, channels, events}` - tells the relays what they compute visibility from,
      the channels that may appear or vanish by it, and the events that follow
    * `{:remove, user_id, event}` - the user's sessions get the event and leave
    * `{:notify, user_id, message}` - to the user's sessions, wherever they are
    * `{:voice, change}` - what a command does to voice states: `Guildhall.Guild.Talk.follow/3`
    * `:stop` - the room is gone
  """
  @type effect ::
          {:publish, Event.t()}
          | {:publish_all, [Event.t(), ...]}
          | {:change, [term()], [pos_integer()], [Event.t()]}
          | {:remove, pos_integer(), Event.t()}
          | {:notify, pos_integer(), term()}
          | {:voice, Talk.change()}
          | :stop

  @doc "The bytes of the values that a plan writes."
  @spec bytes(t()) :: non_neg_integer()
  def bytes(%__MODULE__{ops: ops}) do
    for op <- ops, reduce: 0, do: (bytes -> bytes + bytes_of(op))
  end

  defp bytes_of({:put, _table, _partition, _key, value}), do: byte_size(value)
  defp bytes_of(_op), do: 0

  @doc "A plan that only answers."
  @spec answer(term()) :: {:ok, t()}
  def answer(result), do: {:ok, %__MODULE__{reply: {:ok, result}}}
end
