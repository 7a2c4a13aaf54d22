defmodule Guildhall.Model.Channel do
  @moduledoc """
  A channel of a guild, or a direct message channel.

  `type` is the protocol's number: 0 text, 1 DM, 2 voice, 3 group DM, 4 category,
  5 announcement, 10-12 threads, 13 stage, 15 forum, 16 media. `recipients` are the user ids of a
  DM. `overwrites` is keyed by the id of the role or member.
  """

  alias Guildhall.Model.Overwrite

  @enforce_keys [:id, :type]
  defstruct [
    :id,
    :type,
    guild_id: nil,
    name: nil,
    topic: nil,
    position: 0,
    parent_id: nil,
    nsfw: false,
    rate_limit_per_user: 0,
    bitrate: nil,
    user_limit: nil,
    overwrites: %{},
    recipients: [],
    owner_id: nil,
    last_message_id: nil,
    last_pin_at: nil,
    flags: 0,
    rtc_region: nil,
    default_auto_archive_duration: nil,
    default_thread_rate_limit_per_user: 0
  ]

  @type t :: %__MODULE__{
          id: pos_integer(),
          type: non_neg_integer(),
          guild_id: pos_integer() | nil,
          name: String.t() | nil,
          topic: String.t() | nil,
          position: non_neg_integer(),
          parent_id: pos_integer() | nil,
          nsfw: boolean(),
          rate_limit_per_user: non_neg_integer(),
          bitrate: pos_integer() | nil,
          user_limit: non_neg_integer() | nil,
          overwrites: %{optional(pos_integer()) => Overwrite.t()},
          recipients: [pos_integer()],
          owner_id: pos_integer() | nil,
          last_message_id: pos_integer() | nil,
          last_pin_at: integer() | nil,
          flags: non_neg_integer(),
          rtc_region: String.t() | nil,
          default_auto_archive_duration: pos_integer() | nil,
          default_thread_rate_limit_per_user: non_neg_integer()
        }
end
