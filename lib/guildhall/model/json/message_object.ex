defmodule Guildhall.Model.Json.MessageObject do
  @moduledoc false

  # Messages as objects.

  import Guildhall.Model.Json, only: [id: 1, member: 1, timestamp: 1, user: 1]

  alias Guildhall.Model.{Message, Snowflake}

  @spec new(Message.t()) :: map()
  def new(%Message{} = message) do
    %{
      id: id(message.id),
      channel_id: id(message.channel_id),
      type: message.type,
      author: user(message.author),
      content: message.content,
      timestamp: message.id |> Snowflake.time() |> timestamp(),
      edited_timestamp: timestamp(message.edited_at),
      tts: message.tts,
      mention_everyone: message.mention_everyone,
      mentions: Enum.map(message.mentions, &mention/1),
      mention_roles: Enum.map(message.mention_roles, &id/1),
      attachments: Enum.map(message.attachments, &attachment/1),
      embeds: message.embeds,
      components: message.components,
      pinned: message.pinned,
      flags: message.flags
    }
    |> put(:guild_id, id(message.guild_id))
    |> put(:webhook_id, id(message.webhook_id))
    |> put(:nonce, message.nonce)
    |> put(:member, message.member && member(message.member))
    |> put(:message_reference, message.reference && link(message.reference))
    |> put_reactions(message.reactions)
    |> put_referenced(message)
  end

  # What is left for those who lack MESSAGE_CONTENT; who is mentioned they see all the same.
  @spec strip(map()) :: map()
  def strip(object) do
    object = Map.merge(object, %{content: "", embeds: [], attachments: [], components: []})

    case object do
      %{referenced_message: %{} = referenced} -> %{object | referenced_message: strip(referenced)}
      %{} -> object
    end
  end

  @spec emoji(Message.emoji()) :: map()
  def emoji(%{id: id, name: name}), do: %{id: id(id), name: name}

  defp put(object, _key, nil), do: object
  defp put(object, key, value), do: Map.put(object, key, value)

  defp mention({user, nil}), do: user(user)
  defp mention({user, member}), do: Map.put(user(user), :member, member(member))

  defp attachment(attachment), do: %{attachment | id: id(attachment.id)}

  defp link(link) do
    %{type: link.type, channel_id: id(link.channel_id)}
    |> put(:message_id, id(link.message_id))
    |> put(:guild_id, id(link.guild_id))
  end

  defp put_reactions(object, []), do: object

  defp put_reactions(object, reactions) do
    Map.put(object, :reactions, Enum.map(reactions, &reaction/1))
  end

  defp reaction(%{emoji: emoji, count: count, me: me}) do
    %{
      emoji: emoji(emoji),
      count: count,
      count_details: %{normal: count, burst: 0},
      burst_colors: [],
      me: me,
      me_burst: false
    }
  end

  # The message that is answered: null if it is gone, absent if this is no answer or nobody looked.
  defp put_referenced(object, %Message{referenced: nil}), do: object

  defp put_referenced(object, %Message{referenced: :deleted}) do
    Map.put(object, :referenced_message, nil)
  end

  defp put_referenced(object, %Message{referenced: %Message{} = referenced}) do
    referenced = %{referenced | referenced: nil, nonce: nil}
    Map.put(object, :referenced_message, new(referenced))
  end
end
