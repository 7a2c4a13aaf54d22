defmodule Guildhall.Guild.Request do
  @moduledoc false

  # A command on its way: who wants what, when it entered the room, and the rows that the caller
  # read for it. `id` is a fresh id for what the command makes, `index` the place that it gets if it
  # writes; `from` says whom to answer.

  @enforce_keys [:actor, :command]
  defstruct [:actor, :command, from: nil, facts: %{}, stamp: 0, now: 0, id: nil, index: 0]

  @type t :: %__MODULE__{
          actor: Guildhall.Guild.actor(),
          command: Guildhall.Guild.command(),
          from: GenServer.from() | nil,
          facts: Guildhall.Guild.Facts.t(),
          stamp: non_neg_integer(),
          now: integer(),
          id: pos_integer() | nil,
          index: non_neg_integer()
        }
end
