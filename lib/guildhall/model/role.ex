defmodule Guildhall.Model.Role do
  @moduledoc "A role of a guild. The role whose id is the guild's is `@everyone`."

  @enforce_keys [:id, :name]
  defstruct [
    :id,
    :name,
    color: 0,
    hoist: false,
    icon: nil,
    unicode_emoji: nil,
    position: 0,
    permissions: 0,
    managed: false,
    mentionable: false,
    flags: 0
  ]

  @type t :: %__MODULE__{
          id: pos_integer(),
          name: String.t(),
          color: non_neg_integer(),
          hoist: boolean(),
          icon: String.t() | nil,
          unicode_emoji: String.t() | nil,
          position: non_neg_integer(),
          permissions: non_neg_integer(),
          managed: boolean(),
          mentionable: boolean(),
          flags: non_neg_integer()
        }
end
