defmodule Guildhall.Model.User do
  @moduledoc """
  A person or a bot.

  `created_at` is in the id. `flags` are public flags of the wire protocol.
  """

  @enforce_keys [:id, :username]
  defstruct [
    :id,
    :username,
    discriminator: "0",
    global_name: nil,
    avatar: nil,
    banner: nil,
    accent_color: nil,
    bot: false,
    flags: 0,
    locale: "en-US"
  ]

  @type t :: %__MODULE__{
          id: pos_integer(),
          username: String.t(),
          discriminator: String.t(),
          global_name: String.t() | nil,
          avatar: String.t() | nil,
          banner: String.t() | nil,
          accent_color: non_neg_integer() | nil,
          bot: boolean(),
          flags: non_neg_integer(),
          locale: String.t()
        }
end
