defmodule Guildhall.Model.Application do
  @moduledoc """
  What a bot belongs to. Its id is the bot's user id.

  `intents` is the mask of privileged intents that the operator granted.
  """

  @enforce_keys [:id, :name, :owner_id]
  defstruct [:id, :name, :owner_id, description: "", public: true, intents: 0, flags: 0]

  @type t :: %__MODULE__{
          id: pos_integer(),
          name: String.t(),
          owner_id: pos_integer() | nil,
          description: String.t(),
          public: boolean(),
          intents: non_neg_integer(),
          flags: non_neg_integer()
        }
end
