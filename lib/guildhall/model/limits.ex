defmodule Guildhall.Model.Limits do
  # A row for each limit: name, value, what it bounds.
  @limits [
    {:guild_bytes, 2_097_152,
     "Bytes of a guild's GUILD_CREATE in JSON, without members, presences and voice states."},
    {:guild_overwrites, 30_000, "Overwrites in all channels of a guild."},
    {:guild_name, 2..100, "Characters of a guild's name."},
    {:guild_description, 0..300, "Characters of a guild's description."},
    {:guild_locale, 2..10, "Characters of a guild's locale."},
    {:channels, 500, "Channels of a guild, categories too."},
    {:category_children, 50, "Channels in a category."},
    {:channel_name, 1..100, "Characters of a channel's name."},
    {:channel_topic, 0..1_024, "Characters of a channel's topic."},
    {:channel_overwrites, 1_000, "Overwrites of a channel."},
    {:slowmode, 0..21_600, "Seconds between two messages of a member in a slow channel."},
    {:bitrate, 8_000..384_000, "Bits a second in a voice channel."},
    {:user_limit, 0..99, "Users in a voice channel; 0 is no limit."},
    {:roles, 250, "Roles of a guild, @everyone too. A member has no role twice."},
    {:role_name, 0..100, "Characters of a role's name."},
    {:role_emoji, 1..64, "Characters of a role's emoji."},
    {:position, 0..0x7FFF_FFFF, "The position of a channel or role."},
    {:nick, 0..32, "Characters of a nickname."},
    {:username, 2..32, "Characters of a username."},
    {:global_name, 1..32, "Characters of a display name."},
    {:timeout, 2_419_200_000, "Milliseconds of a member's timeout: 28 days."},
    {:ban_reason, 0..512, "Characters of the reason of a ban."},
    {:bulk_ban, 1..200, "Users that one request bans."},
    {:content, 0..2_000, "Characters of a message."},
    {:message_bytes, 262_144, "Bytes of a message as it is stored."},
    {:attachments, 10, "Files of a message."},
    {:attachment_name, 1..260, "Characters of a file's name."},
    {:attachment_description, 0..1_024, "Characters of a file's description."},
    {:allowed_mentions, 100, "Users, and roles, that `allowed_mentions` lists."},
    {:nonce, 25, "Characters of a message's nonce."},
    {:embeds, 10, "Embeds of a message."},
    {:embed_text, 6_000, "Characters of all embeds of a message."},
    {:embed_title, 0..256, "Characters of an embed's title."},
    {:embed_description, 0..4_096, "Characters of an embed's description."},
    {:embed_fields, 25, "Fields of an embed."},
    {:embed_name, 1..256, "Characters of the name of an embed's field or author."},
    {:embed_value, 1..1_024, "Characters of the value of an embed's field."},
    {:embed_footer, 1..2_048, "Characters of an embed's footer."},
    {:embed_url, 1..2_048, "Characters of a URL in an embed."},
    {:reactions, 20, "Different emoji on a message."},
    {:pins, 250, "Pinned messages of a channel."},
    {:bulk_delete, 2..100, "Messages that one request deletes."},
    {:commands, 110, "Commands that an application registers in one place."},
    {:commands_bytes, 1_000_000, "Bytes of these commands as they are stored."},
    {:activities, 5, "Activities of a presence."},
    {:activity_text, 128,
     "Characters of an activity's name, state (a custom status) or details. Longer ones are cut."},
    {:activity_url, 256, "Bytes of an activity's URL. A longer one is left out."},
    {:activities_bytes, 2_048,
     "Bytes in JSON of the activities that a user is shown with. Others are left out."},
    {:members_bytes, 1_048_576, "Bytes of the members and presences in a GUILD_CREATE."},
    {:requested_users, 100,
     "Users that a client asks for by id, or by a prefix, in one request (op 8)."},
    {:request_nonce, 32, "Bytes of the nonce of such a request."},
    {:list_channels, 5, "Channels of a guild whose member lists a client looks at."},
    {:list_windows, 15, "Windows of a hundred entries of one of these lists."},
    {:chunk_bytes, 2_097_152,
     "Bytes of the members of a GUILD_MEMBERS_CHUNK, estimated from above."},
    {:chunk_presences_bytes, 1_048_576,
     "Bytes of the presences of a GUILD_MEMBERS_CHUNK, estimated from above."},
    {:voices, 1_500, "Voice states in a GUILD_CREATE, of some 300 bytes each."},
    {:served_bytes, 2_359_296,
     "Bytes of a guild, counted like `guild_bytes`, up to which sessions are attached to it."}
  ]

  show = fn
    first..last//_step -> "#{first} to #{last}"
    number -> Integer.to_string(number)
  end

  rows = for {name, value, doc} <- @limits, do: "| `#{name}` | #{show.(value)} | #{doc} |\n"

  @moduledoc """
  The limits of what clients can create, each defined here and nowhere else.

      iex> Guildhall.Model.Limits.channels()
      500
      iex> Guildhall.Model.Limits.channel_name()
      1..100

  Forms check them where a request comes in. The room checks them again before anything is written, so
  that they hold for callers from Elixir and for the operator as well.

  | limit | value | what it bounds |
  | ----- | ----- | -------------- |
  #{rows}
  Why these values are safe is in `docs/limits.md`. Bounds of queues and processes are not here: they
  are options of the process, or a constant beside it.
  """

  for {name, value, doc} <- @limits do
    @doc doc
    @spec unquote(name)() ::
            unquote(if is_struct(value), do: quote(do: Range.t()), else: quote(do: pos_integer()))
    def unquote(name)(), do: unquote(Macro.escape(value))
  end
end
