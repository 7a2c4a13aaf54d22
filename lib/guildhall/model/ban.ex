defmodule Guildhall.Model.Ban do
  @moduledoc "A user who may not join a guild."

  alias Guildhall.Model.User

  @enforce_keys [:user]
  defstruct [:user, reason: nil]

  @type t :: %__MODULE__{user: User.t(), reason: String.t() | nil}
end
