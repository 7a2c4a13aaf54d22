defmodule Guildhall.Api.Routes do
  @moduledoc false

  # What is served under /api: method, path, action, and what differs from the usual (a user's token,
  # an object as the body, and a rate as high as the global one). Where two paths match, the first does.

  alias Guildhall.Api.{
    Bans,
    Boot,
    Channels,
    Commands,
    Guilds,
    Members,
    Messages,
    Overwrites,
    Pins,
    Reactions,
    Roles,
    Users
  }

  @application "/applications/{application_id}"
  @channel "/channels/{channel_id}"
  @messages "/channels/{channel_id}/messages"
  @message "/channels/{channel_id}/messages/{message_id}"
  @reactions "/channels/{channel_id}/messages/{message_id}/reactions"
  @guild "/guilds/{guild_id}"
  @member "/guilds/{guild_id}/members/{user_id}"

  # Clients pace themselves by these two; the others are there so that nobody writes in a loop.
  @post {5, 2_000}
  @react {4, 1_000}
  @write {10, 2_000}
  @rename {5, 60_000}

  use Guildhall.Api.Router, [
    {"GET", "/gateway", &Boot.gateway/1, auth: :none},
    {"GET", "/gateway/bot", &Boot.gateway_bot/1, auth: :bot},
    {"GET", "/voice/regions", &Boot.nothing/1},
    {"GET", "/soundboard-default-sounds", &Boot.nothing/1},
    {"GET", "/oauth2/applications/@me", &Boot.application/1, auth: :bot},
    {"GET", "/applications/@me", &Boot.application/1, auth: :bot},

    # Commands
    {"GET", @application <> "/commands", &Commands.list/1, auth: :bot},
    {"PUT", @application <> "/commands", &Commands.put_all/1,
     auth: :bot, body: :array, limit: @write},
    {"POST", @application <> "/commands", &Commands.create/1, auth: :bot, limit: @write},
    {"GET", @application <> "/commands/{command_id}", &Commands.get/1, auth: :bot},
    {"PATCH", @application <> "/commands/{command_id}", &Commands.update/1,
     auth: :bot, limit: @write},
    {"DELETE", @application <> "/commands/{command_id}", &Commands.delete/1,
     auth: :bot, limit: @write},
    {"GET", @application <> @guild <> "/commands", &Commands.list/1, auth: :bot},
    {"PUT", @application <> @guild <> "/commands", &Commands.put_all/1,
     auth: :bot, body: :array, limit: @write},
    {"POST", @application <> @guild <> "/commands", &Commands.create/1,
     auth: :bot, limit: @write},
    {"GET", @application <> @guild <> "/commands/{command_id}", &Commands.get/1, auth: :bot},
    {"PATCH", @application <> @guild <> "/commands/{command_id}", &Commands.update/1,
     auth: :bot, limit: @write},
    {"DELETE", @application <> @guild <> "/commands/{command_id}", &Commands.delete/1,
     auth: :bot, limit: @write},

    # Users
    {"GET", "/users/@me", &Users.me/1},
    {"PATCH", "/users/@me", &Users.update/1, limit: @rename},
    {"GET", "/users/@me/guilds", &Users.guilds/1},
    {"GET", "/users/@me/guilds/{guild_id}/member", &Members.get_own/1},
    {"DELETE", "/users/@me/guilds/{guild_id}", &Users.leave/1},
    {"POST", "/users/@me/channels", &Users.open_dm/1, limit: @write},
    {"GET", "/users/{user_id}", &Users.get/1},

    # Channels
    {"GET", @channel, &Channels.get/1},
    {"PATCH", @channel, &Channels.update/1, limit: @write},
    {"DELETE", @channel, &Channels.delete/1, limit: @write},
    {"POST", @channel <> "/typing", &Messages.typing/1, limit: @write},
    {"PUT", @channel <> "/permissions/{overwrite_id}", &Overwrites.put/1, limit: @write},
    {"DELETE", @channel <> "/permissions/{overwrite_id}", &Overwrites.delete/1, limit: @write},
    {"GET", @channel <> "/invites", &Channels.no_invites/1},
    {"GET", @channel <> "/webhooks", &Channels.no_webhooks/1},
    {"GET", @channel <> "/pins", &Pins.list_all/1},
    {"PUT", @channel <> "/pins/{message_id}", &Pins.add/1, limit: @write},
    {"DELETE", @channel <> "/pins/{message_id}", &Pins.remove/1, limit: @write},

    # Messages
    {"GET", @messages, &Messages.list/1},
    {"POST", @messages, &Messages.create/1, body: :form, limit: @post},
    {"POST", @messages <> "/bulk-delete", &Messages.delete_many/1, limit: {1, 1_000}},
    {"GET", @messages <> "/pins", &Pins.list/1},
    {"PUT", @messages <> "/pins/{message_id}", &Pins.add/1, limit: @write},
    {"DELETE", @messages <> "/pins/{message_id}", &Pins.remove/1, limit: @write},
    {"GET", @message, &Messages.get/1},
    {"PATCH", @message, &Messages.edit/1, body: :form, limit: @post},
    {"DELETE", @message, &Messages.delete/1, limit: @write},

    # Reactions
    {"DELETE", @reactions, &Reactions.clear_all/1, limit: @react, bucket: "reactions"},
    {"GET", @reactions <> "/{emoji_name}", &Reactions.list/1},
    {"DELETE", @reactions <> "/{emoji_name}", &Reactions.clear/1,
     limit: @react, bucket: "reactions"},
    {"PUT", @reactions <> "/{emoji_name}/@me", &Reactions.add/1,
     limit: @react, bucket: "reactions"},
    {"DELETE", @reactions <> "/{emoji_name}/@me", &Reactions.remove_own/1,
     limit: @react, bucket: "reactions"},
    {"DELETE", @reactions <> "/{emoji_name}/{user_id}", &Reactions.remove/1,
     limit: @react, bucket: "reactions"},

    # Guilds
    {"GET", @guild, &Guilds.get/1},
    {"PATCH", @guild, &Guilds.update/1, limit: @write},
    {"GET", @guild <> "/channels", &Channels.list/1},
    {"POST", @guild <> "/channels", &Channels.create/1, limit: @write},
    {"PATCH", @guild <> "/channels", &Channels.move/1, body: :array, limit: @write},
    {"GET", @guild <> "/threads/active", &Guilds.no_threads/1},
    {"GET", @guild <> "/invites", &Guilds.no_invites/1},
    {"GET", @guild <> "/webhooks", &Guilds.no_webhooks/1},
    {"GET", @guild <> "/emojis", &Guilds.none/1},
    {"GET", @guild <> "/stickers", &Guilds.none/1},
    {"GET", @guild <> "/scheduled-events", &Guilds.none/1},

    # Members
    {"GET", @guild <> "/members", &Members.list/1, limit: {10, 10_000}},
    {"GET", @guild <> "/members/search", &Members.search/1, limit: {10, 10_000}},
    {"PATCH", @guild <> "/members/@me", &Members.update_own/1, limit: @write},
    {"GET", @member, &Members.get/1},
    {"PUT", @member, &Members.add/1, limit: @write},
    {"PATCH", @member, &Members.update/1, limit: @write},
    {"DELETE", @member, &Members.remove/1, limit: @write},
    {"PUT", @member <> "/roles/{role_id}", &Members.add_role/1, limit: @write},
    {"DELETE", @member <> "/roles/{role_id}", &Members.remove_role/1, limit: @write},

    # Bans
    {"GET", @guild <> "/bans", &Bans.list/1},
    {"POST", @guild <> "/bulk-ban", &Bans.put_many/1, limit: {1, 5_000}},
    {"GET", @guild <> "/bans/{user_id}", &Bans.get/1},
    {"PUT", @guild <> "/bans/{user_id}", &Bans.put/1, limit: @write},
    {"DELETE", @guild <> "/bans/{user_id}", &Bans.delete/1, limit: @write},

    # Roles
    {"GET", @guild <> "/roles", &Roles.list/1},
    {"POST", @guild <> "/roles", &Roles.create/1, limit: @write},
    {"PATCH", @guild <> "/roles", &Roles.move/1, body: :array, limit: @write},
    {"GET", @guild <> "/roles/{role_id}", &Roles.get/1},
    {"PATCH", @guild <> "/roles/{role_id}", &Roles.update/1, limit: @write},
    {"DELETE", @guild <> "/roles/{role_id}", &Roles.delete/1, limit: @write}
  ]
end
