defmodule Guildhall.Gateway.FieldsTest do
  use ExUnit.Case, async: true

  # Everything that a client is sent has the fields without which some client library fails
  # (test/fixtures/required_fields.txt): one of each event, as it comes out of the socket.

  alias Guildhall.{GatewayClient, Guild, RequiredFields, TestNode}

  # What the table has beside events, and is checked where it is made.
  @objects ["GET /users/@me", "GET /oauth2/applications/@me"] ++
             ~w(message channel member role guild)
  @events RequiredFields.names() -- @objects

  setup do
    node = TestNode.start()
    [bot, other, guest] = for _n <- 1..3, do: TestNode.bot(node)
    {guild, channel} = TestNode.guild(node, bot, [other])
    voice = Enum.find(Map.values(guild.channels), &(&1.type == 2))
    context = %{node: node, bot: bot, other: other, guest: guest}
    Map.merge(context, %{guild: guild, channel: channel, voice: voice})
  end

  # The calling process collects the names of what it has seen.
  defp see(data, name) do
    assert RequiredFields.check(name, data).missing == [], "#{name}: #{inspect(data)}"
    Process.put({__MODULE__, name}, true)
    data
  end

  defp await(client, name) do
    {data, client} = GatewayClient.await(client, name)
    see(data, name)
    client
  end

  test "every event is whole", context do
    %{node: node, guild: guild, guest: guest} = context
    presence = %{status: "dnd", activities: [%{name: "x", type: 0}], since: nil, afk: false}
    other = GatewayClient.session(node, context.other, presence: presence)
    join = %{guild_id: guild.id, channel_id: context.voice.id, self_mute: true, self_deaf: false}
    other = other |> GatewayClient.send_op(4, join) |> await("VOICE_SERVER_UPDATE")

    {ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(context.bot.token)
    see(ready, "READY")
    {%{"t" => "GUILD_CREATE", "d" => created}, client} = GatewayClient.recv(client)
    assert [_voice_state] = created["voice_states"]
    assert Enum.any?(created["presences"], &match?([%{"created_at" => _ms}], &1["activities"]))
    see(created, "GUILD_CREATE")

    client =
      client
      |> messages(context)
      |> reactions(context)
      |> members(context)
      |> places(context)
      |> GatewayClient.send_op(8, %{
        guild_id: guild.id,
        query: "",
        limit: 0,
        presences: true,
        nonce: "n"
      })
      |> await("GUILD_MEMBERS_CHUNK")

    other |> GatewayClient.send_op(3, %{presence | status: "idle"})
    client = await(client, "PRESENCE_UPDATE")
    other |> GatewayClient.send_op(4, %{join | channel_id: nil})
    client = await(client, "VOICE_STATE_UPDATE")

    :ok = Guild.run(node.instance, guild.id, :operator, {:ban, guest.id, %{}})
    client = await(client, "GUILD_BAN_ADD")
    :ok = Guild.run(node.instance, guild.id, :operator, {:delete_guild})
    await(client, "GUILD_DELETE")

    seen = for {{__MODULE__, name}, true} <- Process.get(), do: name
    assert @events -- seen == []
  end

  defp messages(client, context) do
    %{node: node, channel: channel, other: other, bot: bot} = context
    run = &Guild.run(node.instance, context.guild.id, other.id, &1)
    embed = %{type: "rich", title: "t", fields: [%{name: "n", value: "v", inline: false}]}
    attrs = %{content: "hello <@#{bot.id}>", embeds: [embed]}
    {:ok, message} = run.({:create_message, channel.id, attrs})

    link = %{type: 0, channel_id: channel.id, message_id: message.id, fail_if_not_exists: true}
    {:ok, reply} = run.({:create_message, channel.id, %{content: "re", message_reference: link}})
    {:ok, third} = run.({:create_message, channel.id, %{content: "third"}})
    {:ok, _message} = run.({:edit_message, channel.id, message.id, %{content: "edited"}})
    :ok = run.({:delete_message, channel.id, message.id})

    :ok =
      Guild.run(
        node.instance,
        context.guild.id,
        :operator,
        {:delete_messages, channel.id, [reply.id, third.id]}
      )

    client = await(client, "MESSAGE_CREATE")
    {data, client} = GatewayClient.await(client, "MESSAGE_CREATE")
    assert data["referenced_message"]["id"] == "#{message.id}"
    see(data, "MESSAGE_CREATE_REPLY")

    client |> await("MESSAGE_UPDATE") |> await("MESSAGE_DELETE") |> await("MESSAGE_DELETE_BULK")
  end

  defp reactions(client, %{node: node, channel: channel, other: other} = context) do
    run = &Guild.run(node.instance, context.guild.id, other.id, &1)
    message = TestNode.post(node, other, channel, "react")
    fire = %{id: nil, name: "🔥"}
    :ok = run.({:add_reaction, channel.id, message.id, fire})
    :ok = run.({:remove_reaction, channel.id, message.id, fire, other.id})
    :ok = run.({:typing, channel.id})

    client
    |> await("MESSAGE_REACTION_ADD")
    |> await("MESSAGE_REACTION_REMOVE")
    |> await("TYPING_START")
  end

  defp members(client, %{node: node, guest: guest} = context) do
    run = &Guild.run(node.instance, context.guild.id, :operator, &1)
    {:ok, _member} = run.({:add_member, guest.id, %{}})
    {:ok, _member} = run.({:update_member, guest.id, %{nick: "guest"}})
    :ok = run.({:remove_member, guest.id})

    client
    |> await("GUILD_MEMBER_ADD")
    |> await("GUILD_MEMBER_UPDATE")
    |> await("GUILD_MEMBER_REMOVE")
  end

  defp places(client, %{node: node, guild: guild} = context) do
    run = &Guild.run(node.instance, context.guild.id, :operator, &1)
    {:ok, role} = run.({:create_role, %{name: "mods"}})
    :ok = run.({:delete_role, role.id})
    overwrite = %Guildhall.Model.Overwrite{id: guild.id, type: :role, deny: 2_048}
    {:ok, channel} = run.({:create_channel, %{name: "new", type: 0, overwrites: [overwrite]}})
    {:ok, _channel} = run.({:delete_channel, channel.id})

    client
    |> await("GUILD_ROLE_CREATE")
    |> await("GUILD_ROLE_DELETE")
    |> await("CHANNEL_CREATE")
    |> await("CHANNEL_DELETE")
  end
end
