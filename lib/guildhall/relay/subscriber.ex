defmodule Guildhall.Relay.Subscriber do
  @moduledoc "A session in a room, as its relay knows it. `member` is nil in a DM."

  @enforce_keys [:session_id, :pid, :relay, :outbox, :user_id, :intents]
  defstruct [:session_id, :pid, :relay, :outbox, :user_id, :intents, member: nil]

  @type t :: %__MODULE__{
          session_id: String.t(),
          pid: pid(),
          relay: pid(),
          outbox: Guildhall.Outbox.t(),
          user_id: pos_integer(),
          intents: non_neg_integer(),
          member: Guildhall.Model.Member.t() | nil
        }
end
