defmodule Guildhall.Guild.WaitingTest do
  use ExUnit.Case, async: true

  # A room never waits: on a whole node, with real sockets. What a room needs from the store comes to
  # it in messages, and a store that is stuck costs its callers an error and no session.

  alias Guildhall.{FullNode, GatewayClient, Instance}

  @moduletag :tmp_dir
  @moduletag timeout: 120_000

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    [owner, ada] = [FullNode.person(node, "owner"), FullNode.bot(node, "ada")]
    {guild_id, channel_id} = FullNode.guild(node, owner, [ada])
    %{node: node, owner: owner, ada: ada, guild_id: guild_id, channel_id: channel_id}
  end

  defp say(context, caller, content) do
    FullNode.call(caller, :post, "/channels/#{context.channel_id}/messages", %{content: content})
  end

  describe "without ids" do
    setup context do
      session = FullNode.session(context.ada)
      {200, _message} = say(context, context.owner, "before")
      {_message, session} = GatewayClient.await(session, "MESSAGE_CREATE")
      store = Instance.child(context.node.instance, :store)
      :ok = :sys.suspend(store)
      :atomics.put(Instance.fetch!(context.node.instance, :ids).numbers, 2, 0)
      Map.merge(context, %{session: session, store: store})
    end

    test "a room refuses posts, answers everything else, and keeps its sessions", context do
      post = Task.async(fn -> say(context, context.owner, "refused") end)
      path = "/guilds/#{context.guild_id}"

      # While the post's caller waits for ids, the room works.
      for _nth <- 1..20 do
        {time, {200, _guild}} = :timer.tc(fn -> FullNode.call(context.ada, :get, path) end)
        assert time < 1_000_000
      end

      assert {503, %{"message" => _text}} = Task.await(post, 10_000)
      :ok = :sys.resume(context.store)

      assert {200, _message} = say(context, context.owner, "after")
      # No GUILD_DELETE: the room is the same one.
      assert {%{"t" => "MESSAGE_CREATE", "d" => %{"content" => "after"}}, _session} =
               GatewayClient.recv(context.session)
    end

    test "whoever makes something is answered as well", context do
      body = %{recipient_id: Integer.to_string(context.ada.id)}
      assert {503, _error} = FullNode.call(context.owner, :post, "/users/@me/channels", body)
      :ok = :sys.resume(context.store)
      assert {200, _channel} = FullNode.call(context.owner, :post, "/users/@me/channels", body)
    end
  end
end
