defmodule Guildhall.Guild.ChannelJson do
  @moduledoc false

  # Channels as clients see them, each encoded once however often it is shown: in GUILD_CREATE, and in
  # CHANNEL_CREATE, CHANNEL_UPDATE and CHANNEL_DELETE. An entry counts as long as the channel is the same.
  #
  # The last message changes with every message, so it is added when the channel is shown.

  alias Guildhall.Model.{Channel, Json}
  alias Guildhall.Payload

  @typep entry :: {Channel.t(), :whole | :open, binary()}
  @type t :: %{optional(pos_integer()) => entry()}

  @doc "Keeps the channels of a guild and forgets all others."
  @spec keep(t(), %{optional(pos_integer()) => Channel.t()}) :: t()
  def keep(json, channels),
    do: Map.new(channels, fn {id, channel} -> {id, entry(json, channel)} end)

  @doc "Adds channels, which may be about to vanish from the guild."
  @spec add(t(), [Channel.t()]) :: t()
  def add(json, channels), do: Enum.reduce(channels, json, &Map.put(&2, &1.id, entry(&2, &1)))

  @doc "A channel that was kept or added, with its last message."
  @spec show(t(), pos_integer(), last_id :: pos_integer() | nil) :: iodata()
  def show(json, id, last_id) do
    case Map.fetch!(json, id) do
      {_channel, :whole, json} -> json
      {_channel, :open, json} -> [json, ~s(,"last_message_id":), last(last_id), "}"]
    end
  end

  defp last(nil), do: "null"
  defp last(id), do: [?", Integer.to_string(id), ?"]

  defp entry(json, %Channel{id: id} = channel) do
    case json do
      %{^id => {^channel, _form, _json} = entry} -> entry
      %{} -> encode(channel)
    end
  end

  defp encode(channel) do
    case Map.pop(Json.channel(channel), :last_message_id, :none) do
      {:none, object} -> {channel, :whole, Payload.encode!(object)}
      {_last, object} -> {channel, :open, open(Payload.encode!(object))}
    end
  end

  defp open(json), do: binary_part(json, 0, byte_size(json) - 1)
end
