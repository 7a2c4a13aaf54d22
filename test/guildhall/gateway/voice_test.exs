defmodule Guildhall.Gateway.VoiceTest do
  use ExUnit.Case, async: true

  # Voice states on a whole node: how often a client may change its own, and what others see of it.

  alias Guildhall.{FullNode, GatewayClient, Guild}

  @moduletag :tmp_dir

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    [ada, bob] = for name <- ~w(ada bob), do: FullNode.bot(node, name)
    {:ok, guild} = Guild.create(node.instance, %{name: "guild", owner_id: ada.id})

    {:ok, _member} = Guild.run(node.instance, guild.id, :operator, {:add_member, bob.id, %{}})
    [voice_id] = for {id, %{type: 2}} <- guild.channels, do: id
    context = %{node: node, ada: ada, bob: bob, guild_id: guild.id, voice_id: voice_id}
    Map.put(context, :watcher, FullNode.session(ada))
  end

  # Voice states of a user, up to and including the first that matches.
  defp seen(client, fun, seen \\ []) do
    {data, client} =
      GatewayClient.await(%{client | http: patient(client.http)}, "VOICE_STATE_UPDATE")

    seen = [data | seen]
    if fun.(data), do: {Enum.reverse(seen), client}, else: seen(client, fun, seen)
  end

  test "op 4 has a limit, and the last one is carried out", context do
    client = FullNode.session(context.bob)
    began_at = System.monotonic_time(:millisecond)

    Enum.reduce(1..40, client, fn nth, client ->
      GatewayClient.send_op(client, 4, %{
        guild_id: context.guild_id,
        channel_id: context.voice_id,
        self_mute: rem(nth, 2) == 0,
        self_deaf: nth == 40
      })
    end)

    # It comes when the first one is ten seconds ago; heartbeats are not due before.
    {states, _watcher} = seen(context.watcher, & &1["self_deaf"])
    assert System.monotonic_time(:millisecond) - began_at >= 9_900
    assert length(states) in 2..6
    assert List.last(states)["self_mute"]
  end

  # Waits for longer than a client of tests does.
  defp patient(%{socket: socket, buffer: ""} = http) do
    {:ok, bytes} = :gen_tcp.recv(socket, 0, 15_000)
    %{http | buffer: bytes}
  end

  defp patient(http), do: http

  test "others see the latest state of a user, and few of those between", context do
    %{node: %{instance: instance}, guild_id: guild_id, bob: bob} = context
    client = FullNode.session(bob)

    for nth <- 1..500 do
      attributes = %{
        channel_id: if(rem(nth, 3) > 0, do: context.voice_id),
        self_mute: rem(nth, 2) == 0,
        self_deaf: nth == 500
      }

      :ok = Guild.set_voice(instance, guild_id, bob.id, client.session_id, attributes)
    end

    {states, _watcher} = seen(context.watcher, & &1["self_deaf"])
    assert length(states) < 100
  end
end
