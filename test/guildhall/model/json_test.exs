defmodule Guildhall.Model.JsonTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Model.{
    Ban,
    Channel,
    Guild,
    Json,
    Member,
    Message,
    Overwrite,
    Presence,
    Role,
    User
  }

  doctest Json

  @ada %User{id: 7, username: "ada"}
  @bob %User{id: 8, username: "bob", bot: true}
  @message %Message{id: 4_194_304_000, channel_id: 3, author: @ada, content: "hi"}

  test "times are ISO 8601 with microseconds and an offset" do
    assert Json.timestamp(0) == "1970-01-01T00:00:00.000000+00:00"
    assert Json.timestamp(1_795_485_784_567) == "2026-11-24T02:03:04.567000+00:00"
    assert Json.timestamp(nil) == nil
  end

  property "times read back as they were" do
    forall ms <- integer(-2_000_000_000_000, 4_000_000_000_000) do
      {:ok, time, 0} = ms |> Json.timestamp() |> DateTime.from_iso8601()
      assert DateTime.to_unix(time, :millisecond) == ms
    end
  end

  test "a member has its user where it is asked for" do
    member = %Member{user: @ada, roles: [5, 6], joined_at: 0}
    refute is_map_key(Json.member(member), :user)

    assert %{user: %{id: "7"}, roles: ["5", "6"], communication_disabled_until: nil} =
             Json.member(member, user: true)
  end

  test "a message says when it was sent, and edited" do
    assert %{timestamp: "2015-01-01T00:00:01.000000+00:00", edited_timestamp: nil} =
             Json.message(@message)

    assert %{edited_timestamp: "1970-01-01T00:00:01.000000+00:00"} =
             Json.message(%{@message | edited_at: 1_000})
  end

  test "what a message does not have is absent" do
    absent = [:guild_id, :member, :nonce, :reactions, :message_reference, :referenced_message]
    assert Map.take(Json.message(@message), absent) == %{}
  end

  test "a message shows whom it mentions, without the user twice" do
    member = %Member{user: @bob, roles: [5]}
    message = %{@message | mentions: [{@bob, member}, {@ada, nil}], mention_roles: [5]}

    assert %{mentions: [bob, ada], mention_roles: ["5"]} = Json.message(message)
    assert %{id: "8", member: %{roles: ["5"]}} = bob
    refute is_map_key(bob.member, :user)
    refute is_map_key(ada, :member)
  end

  test "an answer shows what it answers, or that it is gone" do
    link = %{type: 0, message_id: 2, channel_id: 3, guild_id: nil}
    answer = %{@message | type: 19, reference: link, referenced: %{@message | content: "what?"}}

    assert %{referenced_message: %{content: "what?"}, message_reference: reference} =
             Json.message(answer)

    assert reference == %{type: 0, message_id: "2", channel_id: "3"}
    assert Json.message(%{answer | referenced: :deleted}).referenced_message == nil
  end

  test "without MESSAGE_CONTENT nothing that was written is left, nor in what is answered" do
    full = %{
      @message
      | embeds: [%{type: "rich", title: "t"}],
        attachments: [%{id: 1, filename: "a", size: 1, url: "u", proxy_url: "u"}],
        components: [%{type: 1}],
        mentions: [{@bob, nil}]
    }

    for stripped <- [
          Json.message(full, strip: true),
          Json.message(%{@message | referenced: full}, strip: true).referenced_message
        ] do
      assert %{content: "", embeds: [], attachments: [], components: []} = stripped
      assert [%{id: "8"}] = stripped.mentions
    end

    assert [%{id: "1"}] = Json.message(full).attachments
  end

  test "reactions are counted" do
    reactions = [%{emoji: %{id: nil, name: "🔥"}, count: 2, me: true}]

    assert [
             %{
               emoji: %{id: nil, name: "🔥"},
               count: 2,
               count_details: %{normal: 2, burst: 0},
               me: true
             }
           ] = Json.message(%{@message | reactions: reactions}).reactions
  end

  test "a channel has the fields of its type" do
    overwrites = %{1 => %Overwrite{id: 1, type: :role, deny: 1_024}}
    channel = %Channel{id: 3, type: 0, guild_id: 1, name: "general", overwrites: overwrites}

    assert %{topic: nil, last_message_id: nil, permission_overwrites: [overwrite]} =
             Json.channel(channel)

    assert overwrite == %{id: "1", type: 0, allow: "0", deny: "1024"}
    assert %{bitrate: 64_000, user_limit: 0} = Json.channel(%{channel | type: 2})
    refute is_map_key(Json.channel(%{channel | type: 4}), :topic)

    direct = Json.channel(%Channel{id: 3, type: 1, recipients: [7, 8]}, [@bob])
    assert %{type: 1, recipients: [%{id: "8"}]} = direct
    refute is_map_key(direct, :guild_id)
  end

  test "a guild has its roles in order, and no list that is null" do
    roles = for id <- [1, 2, 3], into: %{}, do: {id, %Role{id: id, name: "r#{id}", position: -id}}
    object = Json.guild(%Guild{id: 1, name: "g", owner_id: 7, roles: roles})

    assert %{owner_id: "7", emojis: [], stickers: [], features: []} = object
    assert for(role <- object.roles, do: role.id) == ["3", "2", "1"]
  end

  test "others see an invisible user as offline" do
    assert Json.presence(7, %Presence{status: :invisible}) == %{
             user: %{id: "7"},
             status: :offline,
             activities: [],
             client_status: %{}
           }

    assert %{status: :idle, client_status: %{web: :idle}} =
             Json.presence(7, %Presence{status: :idle, client: :web})
  end

  test "a user does not see of others what he sees of himself" do
    assert %{email: nil, verified: true, locale: "en-US"} = Json.self_user(@ada)
    assert Map.take(Json.user(@ada), [:email, :verified, :locale]) == %{}
    assert %{user: %{bot: true}, reason: "spam"} = Json.ban(%Ban{user: @bob, reason: "spam"})
  end
end
