defmodule Guildhall.Relay.View do
  @moduledoc """
  What a relay computes visibility from: the guild with its roles and channels, without members.
  """

  @enforce_keys [:guild]
  defstruct [:guild]

  @type t :: %__MODULE__{guild: Guildhall.Model.Guild.t()}

  @typedoc "A change that may decide who sees a channel."
  @type change ::
          {:owner, user_id :: pos_integer()}
          | {:role, Guildhall.Model.Role.t()}
          | {:role_deleted, pos_integer()}
          | {:channel, Guildhall.Model.Channel.t()}
          | {:channel_deleted, pos_integer()}
          | {:member, Guildhall.Model.Member.t()}
end
