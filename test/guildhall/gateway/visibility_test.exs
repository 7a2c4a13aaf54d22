defmodule Guildhall.Gateway.VisibilityTest do
  use ExUnit.Case, async: true

  # A session without the right or without the intent receives nothing.

  alias Guildhall.{GatewayClient, TestNode}
  alias Guildhall.Model.{Intents, Overwrite}
  alias Guildhall.Permissions

  import Bitwise

  setup do
    node = TestNode.start()
    [owner, bot] = for _n <- 1..2, do: TestNode.bot(node)
    {guild, channel} = TestNode.guild(node, owner, [bot])

    {:ok, other} =
      TestNode.run(node, guild, owner.id, {:create_channel, %{name: "other", type: 0}})

    %{node: node, owner: owner, bot: bot, guild: guild, channel: channel, other: other}
  end

  test "no VIEW_CHANNEL, no message", context do
    %{node: node, owner: owner, bot: bot, channel: channel, other: other} = context
    client = GatewayClient.session(node, bot)
    deny(context, channel)
    {%{"id" => id}, client} = GatewayClient.await(client, "CHANNEL_DELETE")
    assert id == "#{channel.id}"

    TestNode.post(node, owner, channel, "hidden")
    TestNode.post(node, owner, other, "seen")

    assert {%{"t" => "MESSAGE_CREATE", "d" => %{"content" => "seen"}}, _client} =
             GatewayClient.recv(client)
  end

  test "a channel that is hidden is not in GUILD_CREATE, and its messages do not come", context do
    %{node: node, owner: owner, bot: bot, channel: channel, other: other} = context
    deny(context, channel)
    {_ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(bot.token)
    {guild, client} = GatewayClient.await(client, "GUILD_CREATE")
    ids = Enum.map(guild["channels"], & &1["id"])
    assert "#{other.id}" in ids
    refute "#{channel.id}" in ids

    TestNode.post(node, owner, channel, "hidden")
    TestNode.post(node, owner, other, "seen")
    assert {%{"d" => %{"content" => "seen"}}, _client} = GatewayClient.recv(client)
  end

  test "no intent, no event", context do
    %{node: node, owner: owner, bot: bot, guild: guild, channel: channel} = context
    client = GatewayClient.session(node, bot, intents: Intents.bit(:guilds))
    message = TestNode.post(node, owner, channel, "hidden")
    run = &TestNode.run(node, guild, owner.id, &1)
    run.({:edit_message, channel.id, message.id, %{content: "edited"}})
    run.({:add_reaction, channel.id, message.id, %{id: nil, name: "🔥"}})
    run.({:typing, channel.id})
    run.({:delete_message, channel.id, message.id})
    {:ok, _guild} = run.({:update_guild, %{name: "renamed"}})

    assert {%{"t" => "GUILD_UPDATE", "s" => 3}, _client} = GatewayClient.recv(client)
  end

  test "no GUILDS, no guild, but its messages", context do
    %{node: node, owner: owner, bot: bot, channel: channel} = context
    client = GatewayClient.open(node)

    {ready, client} =
      GatewayClient.identify(client, bot.token, intents: Intents.bit(:guild_messages))

    assert [%{"unavailable" => true}] = ready["guilds"]

    # By the second of two answers it has asked for its rooms.
    client =
      for _n <- 1..2, reduce: client do
        client ->
          {%{"op" => 11}, client} = client |> GatewayClient.send_op(1, 1) |> GatewayClient.recv()
          client
      end

    TestNode.post(node, owner, channel, "hello")
    assert {%{"t" => "MESSAGE_CREATE", "s" => 2}, _client} = GatewayClient.recv(client)
  end

  test "no MESSAGE_CONTENT, no content, but of one's own and where one is mentioned", context do
    %{node: node, owner: owner, bot: bot, channel: channel} = context
    without = bxor(Intents.known(), Intents.bit(:message_content))
    client = GatewayClient.session(node, bot, intents: without)

    TestNode.post(node, owner, channel, "for others")
    TestNode.post(node, owner, channel, "for <@#{bot.id}>")
    TestNode.post(node, bot, channel, "my own")

    contents =
      for _n <- 1..3, reduce: {[], client} do
        {contents, client} ->
          {data, client} = GatewayClient.await(client, "MESSAGE_CREATE")
          {contents ++ [data["content"]], client}
      end

    assert elem(contents, 0) == ["", "for <@#{bot.id}>", "my own"]
  end

  test "a right that is taken away in the middle of a stream of messages ends it", context do
    %{node: node, owner: owner, bot: bot, channel: channel, other: other} = context
    client = GatewayClient.session(node, bot)
    test = self()

    writer =
      Task.async(fn ->
        for n <- 1..300 do
          if n == 100, do: send(test, :now)
          TestNode.post(node, owner, channel, "#{n}")
          n
        end
      end)

    assert_receive :now, 30_000
    deny(context, channel)
    # Whatever is posted from here on was posted after the right was gone.
    after_denial = TestNode.post(node, owner, channel, "late")
    Task.await(writer, 30_000)
    TestNode.post(node, owner, other, "end")

    {events, _client} = until_end(client, [])

    {before, [{"CHANNEL_DELETE", _id} | after_delete]} =
      Enum.split_while(events, &match?({"MESSAGE_CREATE", _n}, &1))

    assert after_delete == []
    seen = for {"MESSAGE_CREATE", data} <- before, do: data
    assert Enum.map(seen, & &1["content"]) == Enum.map(1..length(seen)//1, &"#{&1}")
    assert length(seen) in 99..299
    assert Enum.all?(seen, &(String.to_integer(&1["id"]) < after_denial.id))
  end

  test "a role that is taken away takes its channels along, and gives them back", context do
    %{node: node, owner: owner, bot: bot, guild: guild, channel: channel, other: other} = context
    run = &TestNode.run(node, guild, owner.id, &1)
    {:ok, role} = run.({:create_role, %{name: "readers"}})
    {:ok, _member} = run.({:add_role, bot.id, role.id})
    view = Permissions.bit(:view_channel)
    run.({:put_overwrite, channel.id, %Overwrite{id: guild.id, type: :role, deny: view}})
    run.({:put_overwrite, channel.id, %Overwrite{id: role.id, type: :role, allow: view}})
    client = GatewayClient.session(node, bot)

    TestNode.post(node, owner, channel, "one")
    {:ok, _member} = run.({:remove_role, bot.id, role.id})
    TestNode.post(node, owner, channel, "two")
    {:ok, _member} = run.({:add_role, bot.id, role.id})
    TestNode.post(node, owner, channel, "three")
    TestNode.post(node, owner, other, "end")

    {events, _client} = until_end(client, [])

    assert for({type, data} <- events, type != "GUILD_MEMBER_UPDATE", do: data["content"] || type) ==
             ["one", "CHANNEL_DELETE", "CHANNEL_CREATE", "three"]
  end

  test "what was missed while away is filtered by the rights of then", context do
    %{node: node, owner: owner, bot: bot, channel: channel, other: other} = context
    old = GatewayClient.session(node, bot)
    GatewayClient.cut(old)
    TestNode.post(node, owner, channel, "one")
    deny(context, channel)
    TestNode.post(node, owner, channel, "two")
    TestNode.post(node, owner, other, "end")

    client = GatewayClient.send_resume(GatewayClient.open(node), bot.token, old)
    {events, _client} = until_end(client, [])
    events = for {type, data} <- events, type != "RESUMED", do: data["content"] || type
    assert events == ["one", "CHANNEL_DELETE"]
  end

  defp deny(context, channel) do
    %{node: node, owner: owner, bot: bot, guild: guild} = context
    overwrite = %Overwrite{id: bot.id, type: :member, deny: Permissions.bit(:view_channel)}
    command = {:put_overwrite, channel.id, overwrite}
    refute match?({:error, _reason}, TestNode.run(node, guild, owner.id, command))
  end

  defp until_end(client, events) do
    case GatewayClient.recv(client) do
      {%{"t" => "MESSAGE_CREATE", "d" => %{"content" => "end"}}, client} ->
        {Enum.reverse(events), client}

      {%{"op" => 0, "t" => type, "d" => data}, client} ->
        until_end(client, [{type, data} | events])
    end
  end
end
