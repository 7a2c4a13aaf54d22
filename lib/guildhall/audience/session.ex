defmodule Guildhall.Audience.Session do
  @moduledoc """
  A session as `Guildhall.Audience.attach/2` takes it.

    * `key` - the caller's number for it
    * `user_id` - whose it is; a user may have several
    * `roles` - the ids of the user's roles, a list or packed; @everyone need not be among them
    * `intents` - what it asked for, a bit each
    * `shard` - its shard, for events that go to one shard
    * `passive?` - whether it gets only what is for its user, and what is for passive sessions too
    * `outbox` - what dispatches push to; without one it gets nothing from them
    * `pid` - who is told of what is in the outbox; the caller of `attach/2` if it is nil
  """

  @enforce_keys [:key, :user_id]
  defstruct [
    :key,
    :user_id,
    roles: [],
    intents: 0,
    shard: 0,
    passive?: false,
    outbox: nil,
    pid: nil
  ]

  @type t :: %__MODULE__{
          key: non_neg_integer(),
          user_id: non_neg_integer(),
          roles: [non_neg_integer()] | binary(),
          intents: 0..0xFFFF_FFFF,
          shard: 0..0xFFFF_FFFF,
          passive?: boolean(),
          outbox: Guildhall.Outbox.t() | nil,
          pid: pid() | nil
        }
end
