defmodule Guildhall.Gateway.Primer do
  @moduledoc false

  # Events as a guild has them, which a compressed connection is sent once so that later events can be
  # told by what they have in common with them (`native/zstd_splice`). Clients ignore them.
  #
  # What matters is the order of the fields, each with and without a value, in few bytes: whatever
  # repeats an earlier event is left out.

  alias Guildhall.Model.{Json, Member, Message, Presence, User, VoiceState}
  alias Guildhall.Payload

  @guild_id 1_174_109_841_002_725_376
  @channel_id 974_109_841_006_919_680
  @message_id 1_438_350_995_935_091_948
  @role_id 1_030_115_416_218_669_056
  @now 1_763_000_000_001

  @ada %User{
    id: 1_108_427_616_590_245_939,
    username: "alexander",
    global_name: "Alexander",
    avatar: "0f8c3a6d2b7e4915a0c8e6f2d4b1937a"
  }
  @bob %User{id: 576_479_577_829_629_882, username: "thedark", flags: 64}
  @eve %User{
    id: 641_769_113_579_376_252,
    username: "misha_01",
    global_name: "Misha",
    avatar: "a_5e1f09d7c3b24a86f0e2d4c6b8a09172",
    banner: "9d3b5f7a1c0e2846b8d0f2a4c6e81357",
    accent_color: 3_447_003
  }

  @doc "The events, as the JSON text of a list of dispatches."
  @spec json() :: binary()
  def json do
    for({type, data} <- events(), do: dispatch(type, data))
    |> Enum.intersperse(",")
    |> then(&IO.iodata_to_binary(["[", &1, "]"]))
  end

  # The fields of a dispatch in the order of `Guildhall.Outbox`.
  defp dispatch(type, data), do: [~s({"t":"#{type}","op":0,"d":), Payload.encode!(data), "}"]

  defp events do
    [
      {"MESSAGE_DELETE", place(%{id: id(@message_id), channel_id: id(@channel_id)})},
      {"VOICE_STATE_UPDATE", place(Json.voice_state(voice()))},
      {"PRESENCE_UPDATE", presence(@bob, :offline, [])},
      {"PRESENCE_UPDATE", presence(@eve, :online, [activity()])},
      {"MESSAGE_REACTION_ADD", Map.merge(reaction("🔥"), reactor())},
      {"MESSAGE_REACTION_REMOVE", reaction("👍")},
      {"TYPING_START", with_member(typing(@ada), member(@ada, []))},
      {"MESSAGE_UPDATE", Json.message(%{picture() | edited_at: @now})},
      {"MESSAGE_CREATE", Json.message(reply())},
      {"MESSAGE_CREATE",
       Json.message(message(@ada, "I think that you can just use it like this"))}
    ]
  end

  defp message(user, content) do
    %Message{
      id: @message_id,
      channel_id: @channel_id,
      guild_id: @guild_id,
      author: user,
      member: member(user, [@role_id, @role_id + 1]),
      content: content
    }
  end

  defp reply do
    mentioned = %{member(@bob, [@role_id]) | nick: "not the dark one"}

    %{
      message(@eve, "yes, but what is the <@#{@bob.id}> for? https://www.")
      | type: 19,
        mentions: [{@bob, mentioned}],
        reference: %{
          type: 0,
          message_id: @message_id,
          channel_id: @channel_id,
          guild_id: @guild_id
        },
        referenced: %{message(@bob, "lol, have they been there with him?") | member: nil}
    }
  end

  defp picture do
    url = "https://cdn.discordapp.com/attachments/#{@channel_id}/#{@message_id}/image.png"

    attachment = %{
      id: @message_id,
      filename: "image.png",
      size: 204_800,
      url: url,
      proxy_url: url,
      content_type: "image/png"
    }

    %{
      message(@bob, "ok thanks, now we would want to know who's going to be there")
      | attachments: [attachment],
        member: %{member(@bob, []) | nick: "Bob", premium_since: @now}
    }
  end

  defp member(user, roles), do: %Member{user: user, roles: roles, joined_at: @now}

  defp typing(user) do
    place(%{
      channel_id: id(@channel_id),
      user_id: id(user.id),
      timestamp: div(@now, 1_000)
    })
  end

  defp reaction(emoji) do
    place(%{
      channel_id: id(@channel_id),
      message_id: id(@message_id),
      emoji: Json.emoji(%{id: nil, name: emoji}),
      user_id: id(@eve.id),
      burst: false,
      type: 0
    })
  end

  defp reactor do
    member = %{member(@eve, [@role_id]) | nick: "Misha"}
    with_member(%{message_author_id: id(@ada.id)}, member)
  end

  defp presence(user, status, activities) do
    place(Json.presence(user.id, %Presence{status: status, activities: activities}))
  end

  defp activity do
    %{"name" => "Custom Status", "type" => 4, "state" => "at work", "created_at" => @now}
  end

  defp voice, do: %VoiceState{user_id: @ada.id, session_id: "1", channel_id: @channel_id}

  defp with_member(data, member), do: Map.put(data, :member, Json.member(member, user: true))
  defp place(data), do: Map.put(data, :guild_id, id(@guild_id))
  defp id(id), do: Json.id(id)
end
