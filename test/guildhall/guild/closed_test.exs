defmodule Guildhall.Guild.ClosedTest do
  use ExUnit.Case, async: true

  # Guilds that cannot be served, on a node as users start it: no other guild is affected.

  alias Guildhall.{Events, FullNode, GatewayClient, Guild, Permissions, Store}
  alias Guildhall.Model.{Channel, Limits, Overwrite, Row}

  @moduletag :tmp_dir
  @moduletag timeout: 120_000

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    bot = FullNode.bot(node)
    {closed, channel} = FullNode.guild(node, bot)
    {other, other_channel} = FullNode.guild(node, bot)
    %{node: node, bot: bot, closed: closed, channel: channel, other: other, quiet: other_channel}
  end

  defp write(context, key, row) do
    :ok = Store.write(context.node.instance, [{:put, :guilds, <<context.closed::64>>, key, row}])
  end

  # The two guilds come in any order.
  defp connect(context) do
    client =
      context.node |> GatewayClient.open() |> GatewayClient.send_identify(context.bot.token)

    {_ready, client} = GatewayClient.await(client, "READY")
    Enum.reduce(1..2, {nil, nil, client}, &next/2)
  end

  defp next(_nth, {created, deleted, client}) do
    case GatewayClient.recv(client) do
      {%{"t" => "GUILD_CREATE", "d" => data}, client} -> {data, deleted, client}
      {%{"t" => "GUILD_DELETE", "d" => data}, client} -> {created, data, client}
      {%{"op" => _other}, client} -> next(1, {created, deleted, client})
    end
  end

  defp alive(context, client) do
    body = %{content: "still here"}
    path = "/channels/#{context.quiet}/messages"
    assert {200, _message} = FullNode.call(context.bot, :post, path, body)
    {%{"content" => "still here"}, client} = GatewayClient.await(client, "MESSAGE_CREATE")
    client
  end

  for {name, key} <- [{"guild", "guild"}, {"count", "count"}, {"channel", :channel}] do
    test "a damaged row of a #{name} closes this guild alone", context do
      Events.listen()

      key =
        if unquote(key) == :channel, do: <<"channel", context.channel::64>>, else: unquote(key)

      write(context, key, "damaged")

      {created, deleted, client} = connect(context)
      assert created["id"] == "#{context.other}"
      assert %{"unavailable" => true, "id" => id} = deleted
      assert id == "#{context.closed}"

      room = context.closed

      assert_receive {:event, [:guildhall, :guild, :close], %{count: 1},
                      %{room_id: ^room, reason: :corrupt}}

      assert {503, %{"message" => _}} = FullNode.call(context.bot, :get, "/guilds/#{room}")
      alive(context, client)
    end
  end

  test "a damaged row of a member is that member's alone", context do
    member = FullNode.bot(context.node)
    command = {:add_member, member.id, %{}}
    assert {:ok, _member} = Guild.run(context.node.instance, context.closed, :operator, command)

    bucket =
      <<context.closed::64,
        Bitwise.band(Bitwise.bsr(member.id * 0x9E37_79B9_7F4A_7C15, 60), 15)::16>>

    op = {:put, :members, bucket, <<member.id::64>>, "damaged"}
    :ok = Store.write(context.node.instance, [op])

    assert {:ok, [%{user: %{id: id}}]} =
             Guild.members(context.node.instance, context.closed, limit: 10)

    assert id == context.bot.id
    client = FullNode.session(context.bot, 2)
    alive(context, client)
  end

  # A guild that an owner could store with a release that had no limit of bytes.
  test "a guild that was stored too large is served when it has become smaller", context do
    Events.listen()
    view = Permissions.bit(:view_channel)

    ids =
      for n <- 1..45 do
        overwrites =
          for m <- 1..Limits.channel_overwrites(), into: %{} do
            id = 10 ** 17 + n * 1_000 + m
            {id, %Overwrite{id: id, type: :member, deny: view}}
          end

        id = context.closed + 1_000 + n

        channel = %Channel{
          id: id,
          type: 0,
          guild_id: context.closed,
          name: "old",
          overwrites: overwrites
        }

        write(context, <<"channel", id::64>>, Row.encode(channel))

        :ok =
          Store.write(context.node.instance, [
            {:put, :channels, <<id::64>>, "room", <<1, context.closed::64>>}
          ])

        id
      end

    {created, deleted, client} = connect(context)
    assert created["id"] == "#{context.other}"
    assert %{"unavailable" => true, "id" => id} = deleted
    assert id == "#{context.closed}"
    room = context.closed

    assert_receive {:event, [:guildhall, :guild, :close], %{count: 1},
                    %{room_id: ^room, reason: :too_large}}

    client = alive(context, client)

    # It takes nothing more, but can be made smaller over REST.
    body = %{name: "more"}

    assert {400, %{"code" => 50_035}} =
             FullNode.call(context.bot, :post, "/guilds/#{room}/channels", body)

    moves = for id <- ids, do: %{id: id, position: 5}

    assert {:error, {:invalid, _tree}} =
             Guild.run(context.node.instance, room, context.bot.id, {:move_channels, moves})

    assert {200, _channel} =
             FullNode.call(context.bot, :patch, "/channels/#{hd(ids)}", %{
               permission_overwrites: []
             })

    for id <- Enum.take(ids, 14),
        do:
          assert(
            {:ok, _channel} =
              Guild.run(context.node.instance, room, context.bot.id, {:delete_channel, id})
          )

    {%{"id" => ^id, "channels" => channels}, client} = GatewayClient.await(client, "GUILD_CREATE")
    # It may come before all are deleted.
    assert length(channels) in (2 + 45 - 14)..(2 + 45 - 5)
    alive(context, client)
  end
end
