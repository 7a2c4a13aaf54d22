defmodule Guildhall.Model.Overwrite do
  @moduledoc "What a channel allows and denies to one role or one member."

  @enforce_keys [:id, :type]
  defstruct [:id, :type, allow: 0, deny: 0]

  @type t :: %__MODULE__{
          id: pos_integer(),
          type: :role | :member,
          allow: non_neg_integer(),
          deny: non_neg_integer()
        }
end
