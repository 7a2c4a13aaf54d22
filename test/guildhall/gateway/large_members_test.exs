defmodule Guildhall.Gateway.LargeMembersTest do
  use ExUnit.Case, async: true

  # A thousand members with as many roles as a guild has, on a node as users start it.

  alias Guildhall.{FullNode, GatewayClient, Guild, Store}
  alias Guildhall.Model.{Limits, Member, Role, Row, User}

  @moduletag :tmp_dir
  @moduletag timeout: 120_000

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    bot = FullNode.bot(node)
    {guild, _channel} = FullNode.guild(node, bot)
    {_other, quiet} = FullNode.guild(node, bot)
    roles = for n <- 1..249, do: guild + n

    # Before its room runs.
    ops =
      for id <- roles do
        role = %Role{id: id, name: "role", position: 1, permissions: 0}
        {:put, :guilds, <<guild::64>>, <<"role", id::64>>, Row.encode(role)}
      end

    :ok = Store.write(node.instance, ops)

    members =
      for n <- 1..900 do
        %Member{user: %User{id: 10 ** 18 + n, username: "member"}, roles: roles, joined_at: 1}
      end

    assert {:ok, 900} = Guild.import_members(node.instance, guild, members)
    %{bot: bot, guild: guild, quiet: quiet}
  end

  test "do not end the session that asks for them", %{bot: bot, guild: guild, quiet: quiet} do
    client = FullNode.session(bot, 2)
    request = %{guild_id: "#{guild}", query: "", limit: 0, presences: true}
    client = GatewayClient.send_op(client, 8, request)
    {chunk, client} = GatewayClient.await(client, "GUILD_MEMBERS_CHUNK")
    assert %{"chunk_index" => 0, "chunk_count" => 1, "members" => members} = chunk
    assert length(members) in 200..div(Limits.chunk_bytes(), 6_000)

    # Those that were left out can be asked for.
    request = %{guild_id: "#{guild}", user_ids: ["#{10 ** 18 + 900}"]}
    client = GatewayClient.send_op(client, 8, request)
    {chunk, client} = GatewayClient.await(client, "GUILD_MEMBERS_CHUNK")
    assert [%{"roles" => roles}] = chunk["members"]
    assert length(roles) == 249

    body = %{content: "still here"}
    assert {200, _message} = FullNode.call(bot, :post, "/channels/#{quiet}/messages", body)
    assert {%{"content" => "still here"}, _client} = GatewayClient.await(client, "MESSAGE_CREATE")
  end
end
