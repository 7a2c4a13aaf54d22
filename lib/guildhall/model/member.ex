defmodule Guildhall.Model.Member do
  @moduledoc """
  A user in a guild.

  Holds a copy of the user, so that a page of the member directory is one scan; the guild writes
  it anew when the user changes. `timeout_until` is `communication_disabled_until` in unix ms.
  """

  alias Guildhall.Model.User

  @enforce_keys [:user]
  defstruct [
    :user,
    nick: nil,
    avatar: nil,
    roles: [],
    joined_at: 0,
    premium_since: nil,
    deaf: false,
    mute: false,
    pending: false,
    flags: 0,
    timeout_until: nil
  ]

  @type t :: %__MODULE__{
          user: User.t(),
          nick: String.t() | nil,
          avatar: String.t() | nil,
          roles: [pos_integer()],
          joined_at: integer(),
          premium_since: integer() | nil,
          deaf: boolean(),
          mute: boolean(),
          pending: boolean(),
          flags: non_neg_integer(),
          timeout_until: integer() | nil
        }
end
