defmodule Guildhall.Gateway.MembersTest do
  use ExUnit.Case, async: true

  # REQUEST_GUILD_MEMBERS and GUILD_MEMBERS_CHUNK.

  alias Guildhall.{GatewayClient, TestNode}
  alias Guildhall.Model.Intents

  setup context do
    node = TestNode.start(Map.get(context, :options, []))
    bot = TestNode.bot(node, username: "bot")
    people = for n <- 1..12, do: TestNode.person(node, username: "user#{n}")
    {guild, _channel} = TestNode.guild(node, bot, people)
    %{node: node, bot: bot, people: people, guild: guild, id: "#{guild.id}"}
  end

  test "all members come, with the nonce", %{node: node, bot: bot, people: people, id: id} do
    request = %{guild_id: id, query: "", limit: 0, nonce: "n"}
    {chunk, _client} = ask(GatewayClient.session(node, bot), request)

    assert %{"guild_id" => ^id, "chunk_index" => 0, "chunk_count" => 1, "nonce" => "n"} = chunk
    assert ids(chunk) == Enum.sort(for user <- [bot | people], do: "#{user.id}")
    refute Map.has_key?(chunk, "presences")
    refute Map.has_key?(chunk, "not_found")
  end

  test "a prefix finds 100 at most, and as many as were asked for", context do
    %{node: node, bot: bot, id: id} = context
    client = GatewayClient.session(node, bot)
    {chunk, client} = ask(client, %{guild_id: id, query: "user1", limit: 0})
    assert length(chunk["members"]) == 4
    refute Map.has_key?(chunk, "nonce")

    {chunk, client} = ask(client, %{guild_id: String.to_integer(id), query: "user1", limit: 2})
    assert length(chunk["members"]) == 2
    {chunk, _client} = ask(client, %{guild_id: id, query: "nobody", limit: 0})
    assert %{"members" => [], "chunk_index" => 0, "chunk_count" => 1} = chunk
  end

  test "users are found or not found", %{node: node, bot: bot, people: [one, two | _], id: id} do
    client = GatewayClient.session(node, bot)
    {chunk, client} = ask(client, %{guild_id: [id], user_ids: ["#{one.id}", two.id, "17"]})
    assert ids(chunk) == Enum.sort(["#{one.id}", "#{two.id}"])
    assert chunk["not_found"] == ["17"]

    {chunk, _client} = ask(client, %{guild_id: id, user_ids: one.id})
    assert ids(chunk) == ["#{one.id}"]
    refute Map.has_key?(chunk, "not_found")
  end

  test "all members need the intent; without it the answer is empty", context do
    %{node: node, bot: bot, id: id} = context
    client = GatewayClient.session(node, bot, intents: Intents.bit(:guilds))
    {chunk, client} = ask(client, %{guild_id: id, query: "", limit: 0})
    assert %{"members" => [], "chunk_index" => 0, "chunk_count" => 1} = chunk

    {chunk, _client} = ask(client, %{guild_id: id, query: "user1", limit: 1})
    assert length(chunk["members"]) == 1
  end

  test "presences need the intent, too", %{node: node, bot: bot, id: id} do
    request = %{guild_id: id, user_ids: ["#{bot.id}"], presences: true}
    {chunk, _client} = ask(GatewayClient.session(node, bot), request)
    assert [%{"user" => %{"id" => user_id}, "status" => "online"}] = chunk["presences"]
    assert user_id == "#{bot.id}"

    client = GatewayClient.session(node, bot, intents: Intents.bit(:guilds))
    {chunk, _client} = ask(client, request)
    refute Map.has_key?(chunk, "presences")
  end

  test "who is no member learns nothing", %{node: node, people: people, id: id} do
    stranger = TestNode.bot(node)
    {_ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(stranger.token)
    [someone | _] = people

    for {guild_id, request} <- [
          {id, %{query: "", limit: 0}},
          {id, %{query: "user", limit: 0}},
          {"17", %{query: "", limit: 0}}
        ] do
      {chunk, _client} = ask(client, Map.put(request, :guild_id, guild_id))
      assert %{"members" => [], "chunk_count" => 1} = chunk
    end

    {chunk, _client} = ask(client, %{guild_id: id, user_ids: ["#{someone.id}"]})
    assert chunk["members"] == []
    assert chunk["not_found"] == ["#{someone.id}"]
  end

  @tag options: [rate_limits: true]
  test "all members twice is RATE_LIMITED, and other questions are not", context do
    %{node: node, bot: bot, id: id} = context
    client = GatewayClient.session(node, bot)
    request = %{guild_id: id, query: "", limit: 0, nonce: "n"}
    {_chunk, client} = ask(client, request)

    client = GatewayClient.send_op(client, 8, request)
    {data, client} = GatewayClient.await(client, "RATE_LIMITED")
    assert %{"opcode" => 8, "retry_after" => seconds, "meta" => meta} = data
    assert seconds > 0 and seconds <= 30
    assert meta == %{"guild_id" => id, "nonce" => "n"}

    assert {%{"members" => [_]}, _client} = ask(client, %{guild_id: id, query: "bot", limit: 1})
  end

  @tag timeout: 120_000
  test "many members come in chunks of 1,000 at most, counted beforehand", context do
    %{node: node, bot: bot, guild: guild, id: id} = context

    for n <- 1..1_190 do
      person = TestNode.person(node, username: "many#{n}")
      {:ok, _member} = TestNode.run(node, guild, :operator, {:add_member, person.id, %{}})
    end

    # Without the intent it does not hear of them joining.
    intents = Intents.bit(:guilds) + Intents.bit(:guild_members)
    client = GatewayClient.session(node, bot, intents: intents)
    {first, client} = ask(client, %{guild_id: id, query: "", limit: 0})
    {second, _client} = GatewayClient.await(client, "GUILD_MEMBERS_CHUNK")

    assert {first["chunk_index"], first["chunk_count"]} == {0, 2}
    assert {second["chunk_index"], second["chunk_count"]} == {1, 2}
    found = ids(first) ++ ids(second)
    assert length(found) == 1_203
    assert length(Enum.uniq(found)) == 1_203
    # discord.js takes a chunk that is not full for the last.
    assert length(first["members"]) == 1_000
  end

  defp ask(client, request) do
    client |> GatewayClient.send_op(8, request) |> GatewayClient.await("GUILD_MEMBERS_CHUNK")
  end

  defp ids(chunk), do: chunk["members"] |> Enum.map(& &1["user"]["id"]) |> Enum.sort()
end
