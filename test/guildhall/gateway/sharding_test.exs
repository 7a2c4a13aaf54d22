defmodule Guildhall.Gateway.ShardingTest do
  use ExUnit.Case, async: true

  import Bitwise

  alias Guildhall.{Events, GatewayClient, TestNode}

  setup context do
    node = TestNode.start(Map.get(context, :options, []))
    %{node: node, bot: TestNode.bot(node)}
  end

  test "a guild is on the shard of the formula, and on no other", %{node: node, bot: bot} do
    rooms = for _n <- 1..6, do: TestNode.guild(node, bot)

    shards =
      for id <- 0..2 do
        client = GatewayClient.open(node)
        {ready, client} = GatewayClient.identify(client, bot.token, shard: [id, 3])
        assert ready["shard"] == [id, 3]

        expected =
          for {guild, _channel} <- rooms, rem(guild.id >>> 22, 3) == id, do: "#{guild.id}"

        assert ready["guilds"] |> Enum.map(& &1["id"]) |> Enum.sort() == Enum.sort(expected)

        client =
          Enum.reduce(expected, client, fn _id, client ->
            elem(GatewayClient.await(client, "GUILD_CREATE"), 1)
          end)

        {id, client}
      end

    for {guild, channel} <- rooms, do: TestNode.post(node, bot, channel, "#{guild.id}")

    for {id, client} <- shards do
      expected = for {guild, _channel} <- rooms, rem(guild.id >>> 22, 3) == id, do: "#{guild.id}"

      client =
        Enum.reduce(expected, client, fn guild_id, client ->
          {data, client} = GatewayClient.await(client, "MESSAGE_CREATE")
          assert data["content"] == guild_id
          client
        end)

      # Nothing of another shard was before it.
      assert {%{"op" => 11}, _client} =
               client |> GatewayClient.send_op(1, nil) |> GatewayClient.recv()
    end
  end

  @tag options: [max_bytes: 40_000]
  test "a bot in many guilds is not cut off by what it is told at first", context do
    %{node: node, bot: bot} = context
    guilds = for _n <- 1..150, do: elem(TestNode.guild(node, bot), 0)
    Events.listen()

    client = GatewayClient.dial(node, "", recbuf: 1_024)
    {%{"op" => 10}, client} = GatewayClient.recv(client)
    {_ready, client} = GatewayClient.identify(client, bot.token)

    # It reads no further until nothing more can be written, and then some.
    instance = node.instance

    assert_receive {:event, [:guildhall, :http, :websocket, :busy], _measured,
                    %{instance: ^instance}}

    id = client.session_id
    refute_receive {:event, [:guildhall, :session, :stop], _measured, %{session_id: ^id}}, 200

    {found, _client} =
      Enum.map_reduce(guilds, client, fn _guild, client ->
        {data, client} = GatewayClient.await(client, "GUILD_CREATE")
        {data["id"], client}
      end)

    assert Enum.sort(found) == Enum.sort(Enum.map(guilds, &"#{&1.id}"))
  end

  test "several sessions may share a shard", %{node: node, bot: bot} do
    {_guild, channel} = TestNode.guild(node, bot)
    clients = for _n <- 1..2, do: GatewayClient.session(node, bot, shard: [0, 1])
    TestNode.post(node, bot, channel, "to both")

    for client <- clients do
      assert {%{"content" => "to both"}, _client} = GatewayClient.await(client, "MESSAGE_CREATE")
    end
  end

  test "a guild that is joined later is on its shard", %{node: node, bot: bot} do
    {_ready, zero} =
      node |> GatewayClient.open() |> GatewayClient.identify(bot.token, shard: [0, 2])

    {_ready, one} =
      node |> GatewayClient.open() |> GatewayClient.identify(bot.token, shard: [1, 2])

    guilds = for _n <- 1..4, do: elem(TestNode.guild(node, bot), 0)

    for {client, id} <- [{zero, 0}, {one, 1}] do
      expected = for guild <- guilds, rem(guild.id >>> 22, 2) == id, do: "#{guild.id}"

      found =
        Enum.map_reduce(expected, client, fn _id, client ->
          {data, client} = GatewayClient.await(client, "GUILD_CREATE")
          {data["id"], client}
        end)

      assert found |> elem(0) |> Enum.sort() == Enum.sort(expected)
    end
  end
end
