defmodule Guildhall.Relay.View do
  @moduledoc """
  What a relay computes visibility from: the guild without its members.

  Carries the guild's version: a relay that is told of a change from another version than its own
  asks its room for the whole view again.
  """

  @enforce_keys [:guild]
  defstruct [:guild, version: 0]

  @type t :: %__MODULE__{guild: Guildhall.Model.Guild.t(), version: non_neg_integer()}
end
