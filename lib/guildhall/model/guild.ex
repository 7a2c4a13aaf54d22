defmodule Guildhall.Model.Guild do
  @moduledoc """
  A guild with its roles and channels, or (kind `:dm`) the room of a direct message channel.

  Never holds members: they are in the store's member directory. `member_count` is durable.
  """

  alias Guildhall.Model.{Channel, Role}

  @enforce_keys [:id]
  defstruct [
    :id,
    kind: :guild,
    name: nil,
    owner_id: nil,
    icon: nil,
    description: nil,
    preferred_locale: "en-US",
    verification_level: 0,
    default_message_notifications: 0,
    explicit_content_filter: 0,
    afk_channel_id: nil,
    afk_timeout: 300,
    system_channel_id: nil,
    system_channel_flags: 0,
    rules_channel_id: nil,
    public_updates_channel_id: nil,
    nsfw_level: 0,
    mfa_level: 0,
    premium_progress_bar_enabled: false,
    features: [],
    member_count: 0,
    roles: %{},
    channels: %{}
  ]

  @type t :: %__MODULE__{
          id: pos_integer(),
          kind: :guild | :dm,
          name: String.t() | nil,
          owner_id: pos_integer() | nil,
          icon: String.t() | nil,
          description: String.t() | nil,
          preferred_locale: String.t(),
          verification_level: non_neg_integer(),
          default_message_notifications: non_neg_integer(),
          explicit_content_filter: non_neg_integer(),
          afk_channel_id: pos_integer() | nil,
          afk_timeout: non_neg_integer(),
          system_channel_id: pos_integer() | nil,
          system_channel_flags: non_neg_integer(),
          rules_channel_id: pos_integer() | nil,
          public_updates_channel_id: pos_integer() | nil,
          nsfw_level: non_neg_integer(),
          mfa_level: non_neg_integer(),
          premium_progress_bar_enabled: boolean(),
          features: [String.t()],
          member_count: non_neg_integer(),
          roles: %{optional(pos_integer()) => Role.t()},
          channels: %{optional(pos_integer()) => Channel.t()}
        }
end
