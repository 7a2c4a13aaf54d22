defmodule Guildhall.Model.VoiceState do
  @moduledoc "Which voice channel a user is in, and how. There is no media behind it."

  @enforce_keys [:user_id, :session_id]
  defstruct [
    :user_id,
    :session_id,
    channel_id: nil,
    deaf: false,
    mute: false,
    self_deaf: false,
    self_mute: false,
    self_video: false,
    suppress: false
  ]

  @type t :: %__MODULE__{
          user_id: pos_integer(),
          session_id: String.t(),
          channel_id: pos_integer() | nil,
          deaf: boolean(),
          mute: boolean(),
          self_deaf: boolean(),
          self_mute: boolean(),
          self_video: boolean(),
          suppress: boolean()
        }
end
