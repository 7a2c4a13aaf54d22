defmodule Guildhall.Api.AdminRoutes do
  @moduledoc false

  # What is served under /admin, all of it behind the operator's secret. What members may do too is
  # the same action, done by the operator.

  alias Guildhall.Api.{AdminGuilds, AdminUsers, Channels, Guilds, Members, Roles}

  @users "/users/{user_id}"
  @guild "/guilds/{guild_id}"

  table = [
    {"POST", "/users", &AdminUsers.create/1},
    {"POST", "/bots", &AdminUsers.create_bot/1},
    {"GET", @users, &AdminUsers.get/1},
    {"GET", @users <> "/token", &AdminUsers.token/1},
    {"DELETE", @users <> "/token", &AdminUsers.revoke/1},
    {"POST", "/guilds", &AdminGuilds.create/1},
    {"GET", @guild, &Guilds.get/1},
    {"PATCH", @guild, &Guilds.update/1},
    {"DELETE", @guild, &AdminGuilds.delete/1},
    {"GET", @guild <> "/channels", &Channels.list/1},
    {"POST", @guild <> "/channels", &Channels.create/1},
    {"GET", @guild <> "/roles", &Roles.list/1},
    {"POST", @guild <> "/roles", &Roles.create/1},
    {"GET", @guild <> "/members", &Members.list/1},
    {"GET", @guild <> "/members/{user_id}", &Members.get/1},
    {"PUT", @guild <> "/members/{user_id}", &AdminGuilds.add_member/1},
    {"PATCH", @guild <> "/members/{user_id}", &Members.update/1},
    {"DELETE", @guild <> "/members/{user_id}", &Members.remove/1}
  ]

  use Guildhall.Api.Router, Enum.map(table, &Tuple.insert_at(&1, 3, auth: :operator))
end
