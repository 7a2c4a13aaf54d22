defmodule Guildhall.Model.JsonFieldsTest do
  use ExUnit.Case, async: true

  # Every object has the fields without which some client fails, and is never null where clients
  # expect a value. The events around them are checked where they are made.

  alias Guildhall.Model.{Json, Presence, VoiceState}
  alias Guildhall.{Payload, RequiredFields, Samples}

  test "messages" do
    message = wire(Json.message(Samples.message()))
    for name <- ~w(MESSAGE_CREATE MESSAGE_UPDATE message), do: assert_whole(name, message)
    assert_whole("MESSAGE_CREATE_REPLY", wire(Json.message(Samples.reply())))
  end

  test "a message without its content still has all fields" do
    stripped = wire(Json.message(Samples.message(), strip: true))
    assert RequiredFields.check("MESSAGE_CREATE", stripped).missing == []
  end

  test "users, as others and as they themselves see them" do
    assert_whole("GET /users/@me", wire(Json.self_user(Samples.bot())))
    ban = %{guild_id: "1", user: Json.user(Samples.user())}
    for name <- ~w(GUILD_BAN_ADD GUILD_MEMBER_REMOVE), do: assert_whole(name, wire(ban))
  end

  test "members" do
    member = Json.member(Samples.member(), user: true)
    assert_whole("member", wire(member))
    added = wire(Map.put(member, :guild_id, "1"))
    for name <- ~w(GUILD_MEMBER_ADD GUILD_MEMBER_UPDATE), do: assert_whole(name, added)
    chunk = %{guild_id: "1", members: [member], chunk_index: 0, chunk_count: 1, nonce: "n"}
    presences = [Json.presence(7, presence())]
    assert_whole("GUILD_MEMBERS_CHUNK", wire(Map.put(chunk, :presences, presences)))
  end

  test "roles, channels and guilds" do
    role = Json.role(Samples.role())
    assert_whole("role", wire(role))
    assert_whole("GUILD_ROLE_CREATE", wire(%{guild_id: "1", role: role}))

    channel = wire(Json.channel(Samples.channel()))
    for name <- ~w(channel CHANNEL_CREATE CHANNEL_DELETE), do: assert_whole(name, channel)
    assert_whole("guild", wire(Json.guild(Samples.guild())))
  end

  test "presences and voice states" do
    presence = Map.put(Json.presence(7, presence()), :guild_id, "1")
    assert_whole("PRESENCE_UPDATE", wire(presence))

    member = Json.member(Samples.member(), user: true)
    voice = Json.voice_state(%VoiceState{user_id: 7, session_id: "s", channel_id: 8})
    voice = Map.merge(voice, %{guild_id: "1", member: member})
    assert_whole("VOICE_STATE_UPDATE", wire(voice))
  end

  # Client libraries fail on null where the documentation has no null; absence they bear.
  @never_null ~w(bot system pending flags public_flags mute deaf nonce not_found presences colors
                 guild_id member components reactions fields roles mentions mention_roles
                 attachments embeds permission_overwrites emojis stickers features recipients)

  # And where it has one, hikari wants the key to be there.
  @null_but_there ~w(icon splash description banner topic afk_channel_id system_channel_id
                     rules_channel_id vanity_url_code public_updates_channel_id edited_timestamp
                     joined_at avatar channel_id)

  test "null is where the documentation has it" do
    bare = %{Samples.message() | edited_at: nil, guild_id: nil, member: nil, nonce: nil}
    bare = %{bare | author: %Guildhall.Model.User{id: 7, username: "ada"}, reactions: []}

    objects = [
      Json.message(Samples.message()),
      Json.message(bare),
      Json.message(Samples.reply()),
      Json.guild(%Guildhall.Model.Guild{id: 1, name: "g", owner_id: 2}),
      Json.channel(%Guildhall.Model.Channel{id: 1, type: 0, guild_id: 1, name: "c"}),
      Json.channel(%Guildhall.Model.Channel{id: 1, type: 1}),
      Json.role(%Guildhall.Model.Role{id: 1, name: "r"}),
      Json.member(%Guildhall.Model.Member{user: bare.author}, user: true),
      Json.self_user(bare.author),
      Json.application(Samples.application()),
      Json.voice_state(%VoiceState{user_id: 7, session_id: "s"}),
      Json.presence(7, %Presence{status: :offline})
    ]

    for object <- objects, {key, nil} <- pairs(wire(object)) do
      refute key in @never_null, "#{key} is null in #{inspect(object)}"
    end

    there = for object <- objects, {key, _value} <- pairs(wire(object)), do: key
    assert @null_but_there -- there == []
  end

  defp presence do
    %Presence{activities: [%{name: "x", type: 0, created_at: 1_700_000_000_000}]}
  end

  defp assert_whole(name, object) do
    assert RequiredFields.check(name, object) == %{missing: [], unseen: []}
  end

  defp wire(object), do: object |> Payload.encode!() |> Payload.decode!()

  # Every key and value, however deep.
  defp pairs(map) when is_map(map), do: Enum.flat_map(map, fn {k, v} -> [{k, v} | pairs(v)] end)
  defp pairs(list) when is_list(list), do: Enum.flat_map(list, &pairs/1)
  defp pairs(_leaf), do: []
end
