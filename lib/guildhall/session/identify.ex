defmodule Guildhall.Session.Identify do
  @moduledoc """
  What a client says of itself when it asks for a new session: read, but not yet believed.

  `intents` and `shard` are `:invalid` where the client sent something that is neither.
  """

  alias Guildhall.Model.Presence

  @enforce_keys [:token]
  defstruct [
    :token,
    intents: nil,
    shard: nil,
    large_threshold: 50,
    presence: %Presence{},
    capabilities: 0,
    version: 10
  ]

  @type t :: %__MODULE__{
          token: String.t(),
          intents: non_neg_integer() | nil | :invalid,
          shard: {shard_id :: integer(), shards :: integer()} | nil | :invalid,
          large_threshold: 50..250,
          presence: Presence.t(),
          capabilities: non_neg_integer(),
          version: pos_integer()
        }
end
