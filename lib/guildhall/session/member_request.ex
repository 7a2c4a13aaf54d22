defmodule Guildhall.Session.MemberRequest do
  @moduledoc """
  A question for members of a guild: all of them, those whose name starts so, or these users.

  The answer is a number of chunks, which the session writes at the pace of its reader.
  """

  @enforce_keys [:guild_id, :select]
  defstruct [:guild_id, :select, limit: 0, presences: false, nonce: nil]

  @type t :: %__MODULE__{
          guild_id: non_neg_integer(),
          select: :all | {:prefix, String.t()} | {:users, [non_neg_integer()]},
          limit: non_neg_integer(),
          presences: boolean(),
          nonce: String.t() | nil
        }
end
