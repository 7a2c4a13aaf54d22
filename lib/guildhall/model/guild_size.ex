defmodule Guildhall.Model.GuildSize do
  @moduledoc """
  How large a guild is: the bytes of its GUILD_CREATE in JSON, and its overwrites.

      iex> alias Guildhall.Model.{Channel, Guild, GuildSize}
      iex> guild = %Guild{id: 1, name: "guild"}
      iex> size = GuildSize.of(guild)
      iex> channel = %Channel{id: 2, type: 0, guild_id: 1, name: "general"}
      iex> grown = GuildSize.change(size, guild, {:channel, channel})
      iex> grown.bytes - size.bytes == GuildSize.bytes(channel)
      true

  Members, presences and voice states are not counted. A channel is counted with a last message and a
  last pin, so that neither a message nor a pin changes the size.

  Overwrites are counted without being encoded: there may be 30,000 of them.
  """

  alias Guildhall.Model.{Channel, Guild, Json, Overwrite, Role}
  alias Guildhall.Payload

  @enforce_keys [:bytes, :overwrites]
  defstruct @enforce_keys

  @type t :: %__MODULE__{bytes: non_neg_integer(), overwrites: non_neg_integer()}
  @type change ::
          {:settings, map()}
          | {:role, Role.t()}
          | {:role_deleted, pos_integer()}
          | {:channel, Channel.t()}
          | {:channel_deleted, pos_integer()}

  # The other fields of GUILD_CREATE, beside the guild, its roles and its channels: the member's own fields, counts
  # and the names of its lists.
  @frame 512
  @longest_id 0xFFFF_FFFF_FFFF_FFFF
  # `{"id":"","type":0,"allow":"","deny":""}` and a comma.
  @overwrite 40

  @doc "Measures a guild."
  @spec of(Guild.t()) :: t()
  def of(%Guild{} = guild) do
    parts = Map.values(guild.roles) ++ Map.values(guild.channels)
    bytes = parts |> Enum.map(&bytes/1) |> Enum.sum()

    %__MODULE__{
      bytes: settings(guild) + bytes,
      overwrites: guild.channels |> Map.values() |> Enum.map(&overwrites/1) |> Enum.sum()
    }
  end

  @doc "The size after a change of the guild, which is given as it was before."
  @spec change(t(), Guild.t(), change()) :: t()
  def change(size, guild, {:settings, changes}) do
    %{size | bytes: size.bytes - settings(guild) + settings(Map.merge(guild, changes))}
  end

  def change(size, guild, {:role, role}), do: replace(size, guild.roles[role.id], role)
  def change(size, guild, {:role_deleted, id}), do: replace(size, guild.roles[id], nil)

  def change(size, guild, {:channel, channel}) do
    replace(size, guild.channels[channel.id], channel)
  end

  def change(size, guild, {:channel_deleted, id}), do: replace(size, guild.channels[id], nil)

  defp replace(size, same, same), do: size

  # Most changes leave the overwrites as they are.
  defp replace(
         %__MODULE__{} = size,
         %Channel{overwrites: same} = old,
         %Channel{overwrites: same} = new
       ) do
    %{size | bytes: size.bytes - bare(old) + bare(new)}
  end

  defp replace(%__MODULE__{} = size, old, new) do
    %{
      size
      | bytes: size.bytes - bytes(old) + bytes(new),
        overwrites: size.overwrites - overwrites(old) + overwrites(new)
    }
  end

  @doc "The bytes of a role or channel in GUILD_CREATE, with the comma after it."
  @spec bytes(Role.t() | Channel.t() | nil) :: non_neg_integer()
  def bytes(nil), do: 0
  def bytes(%Role{} = role), do: encoded(Json.role(role)) + 1

  def bytes(%Channel{overwrites: overwrites} = channel) do
    for {_id, overwrite} <- overwrites, reduce: bare(channel) do
      bytes -> bytes + overwrite(overwrite)
    end
  end

  defp bare(channel) do
    bare = %{channel | overwrites: %{}, last_message_id: @longest_id, last_pin_at: 0}
    encoded(Json.channel(bare)) + 1
  end

  defp overwrite(%Overwrite{id: id, allow: allow, deny: deny}) do
    @overwrite + digits(id, 1) + digits(allow, 1) + digits(deny, 1)
  end

  defp digits(number, count) when number < 10, do: count
  defp digits(number, count), do: digits(div(number, 10), count + 1)

  defp settings(guild), do: @frame + encoded(Json.guild(%{guild | roles: %{}, channels: %{}}))

  defp encoded(object), do: byte_size(Payload.encode!(object))

  defp overwrites(%Channel{overwrites: overwrites}), do: map_size(overwrites)
  defp overwrites(_other), do: 0
end
