defmodule Guildhall.Session.Client do
  @moduledoc false

  # Who a session belongs to and what it asked for, after admission: everything here is true.

  alias Guildhall.Model.{Application, Presence, User}

  @enforce_keys [:user, :intents]
  defstruct [
    :user,
    :intents,
    application: nil,
    shard: nil,
    large_threshold: 50,
    presence: %Presence{},
    capabilities: 0,
    version: 10,
    guilds: {0, []}
  ]

  @type t :: %__MODULE__{
          user: User.t(),
          intents: non_neg_integer(),
          application: Application.t() | nil,
          shard: {shard_id :: non_neg_integer(), shards :: pos_integer()} | nil,
          large_threshold: 50..250,
          presence: Presence.t(),
          capabilities: non_neg_integer(),
          version: pos_integer(),
          # Those of this shard, and `Guildhall.User.joins/2` before they were read. For the start alone.
          guilds: {integer(), [pos_integer()]}
        }

  @doc "Those of the guilds that this shard serves."
  @spec guilds(t(), [pos_integer()]) :: [pos_integer()]
  def guilds(client, guild_ids), do: Enum.filter(guild_ids, &serves?(client, &1, :guild))

  @doc """
  Whether events of the room go to this shard: those of a guild to its own, others to shard 0.
  """
  @spec serves?(t(), pos_integer(), :guild | :dm) :: boolean()
  def serves?(%__MODULE__{shard: nil}, _room_id, _kind), do: true
  def serves?(%__MODULE__{shard: {shard_id, _shards}}, _room_id, :dm), do: shard_id == 0

  def serves?(%__MODULE__{shard: {shard_id, shards}}, guild_id, :guild) do
    rem(Bitwise.bsr(guild_id, 22), shards) == shard_id
  end
end
