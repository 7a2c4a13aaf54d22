defmodule Guildhall.PermissionsTest do
  use ExUnit.Case, async: true
  doctest Guildhall.Permissions

  import Bitwise

  alias Guildhall.Permissions

  test "has the bits of the protocol" do
    assert Permissions.bit(:create_instant_invite) == 1
    assert Permissions.bit(:administrator) == 8
    assert Permissions.bit(:bypass_slowmode) == 1 <<< 52
    assert Permissions.all() == (1 <<< 53) - 1 - (1 <<< 47)
  end

  describe "in a channel" do
    test "the member's own overwrite beats those of his roles, which beat @everyone's" do
      assert sends?([{1, :role, deny: :send_messages}, {2, :role, allow: :send_messages}])
      refute sends?([{2, :role, allow: :send_messages}, {7, :member, deny: :send_messages}])
      # Of two roles that disagree, the one that allows wins.
      assert sends?([{2, :role, deny: :send_messages}, {3, :role, allow: :send_messages}])
      # Someone else's overwrite is nothing to him, and no role's is a member's.
      assert sends?([{8, :member, deny: :send_messages}, {4, :role, deny: :send_messages}])
      assert sends?([{2, :member, deny: :send_messages}, {7, :role, deny: :send_messages}])
    end

    test "without VIEW_CHANNEL there is nothing" do
      assert in_text([{1, :role, deny: :view_channel}]) == 0
    end

    test "without SEND_MESSAGES nothing goes with a message" do
      mask = in_text([{1, :role, deny: :send_messages}])
      assert mask == everyone() - bits([:send_messages, :attach_files, :mention_everyone])
    end

    test "without CONNECT there is only looking at a voice channel" do
      guild = guild([{10, :voice, overwrites([{1, :role, deny: :connect}])}, {11, :voice, []}])
      assert Permissions.in_channel(guild, 10, {7, []}) == bits([:view_channel])
      assert Permissions.in_channel(guild, 11, {7, []}) == everyone()
    end

    test "a timeout leaves looking, but not to the owner" do
      guild = guild([{10, :text, []}])
      look = bits([:view_channel, :read_message_history])
      assert Permissions.in_channel(guild, 10, {7, [], true}) == look
      assert Permissions.in_channel(guild, 10, {7, [], false}) == everyone()
      assert Permissions.in_channel(guild, 10, {6, [], true}) == Permissions.all()
    end

    test "a thread is its parent, with SEND_MESSAGES_IN_THREADS in the place of SEND_MESSAGES" do
      parent = {10, :text, overwrites([{1, :role, deny: :send_messages}])}
      guild = guild([parent, {11, {:thread, 10}, overwrites([{1, :role, deny: :view_channel}])}])
      assert Permissions.in_channel(guild, 11, {7, []}) == everyone()

      {:ok, guild} =
        Permissions.change(guild, [{:role, 1, everyone() - bits([:send_messages_in_threads])}])

      assert (Permissions.in_channel(guild, 11, {7, []}) &&& bits([:send_messages])) == 0
    end

    test "there is nothing in a thread whose parent is gone, and in a channel that is" do
      guild = [{11, {:thread, 10}, []}] |> guild()
      assert Permissions.in_channel(guild, 11, {7, []}) == 0
      assert Permissions.in_channel(guild, 11, {6, []}) == Permissions.all()
      assert Permissions.in_channel(guild, 12, {6, []}) == 0
      assert Permissions.visible_channels(guild, {6, []}) == [11]
      assert Permissions.visible_channels(guild, {7, []}) == []
    end
  end

  test "changes return another guild and leave the first as it is" do
    guild = guild([{10, :text, []}])

    {:ok, closed} =
      Permissions.change(guild, [{:channel, {10, :text, [{1, :role, 0, everyone()}]}}])

    assert Permissions.visible_channels(closed, {7, [2]}) == []
    assert Permissions.visible_channels(guild, {7, [2]}) == [10]
    {:ok, gone} = Permissions.change(guild, [{:channel_deleted, 10}])
    assert Permissions.visible_channels(gone, {7, []}) == []

    {:ok, kicking} = Permissions.change(guild, [{:role, 2, bits([:kick_members])}])
    assert Permissions.base(kicking, {7, [2]}) == (everyone() ||| bits([:kick_members]))
    {:ok, peaceful} = Permissions.change(kicking, [{:role_deleted, 2}])
    assert Permissions.base(peaceful, {7, [2]}) == everyone()

    {:ok, heir} = Permissions.change(guild, owner: 7)
    assert Permissions.base(heir, {7, []}) == Permissions.all()
    {:ok, orphan} = Permissions.change(guild, owner: 7, owner: nil)
    assert for(id <- [6, 7], do: Permissions.base(orphan, {id, []})) == [everyone(), everyone()]
  end

  test "what client libraries compute leaves out what follows from it" do
    guild = guild([{10, :text, overwrites([{1, :role, deny: :view_channel}])}])
    assert Permissions.overwritten(guild, 10, {7, []}) == everyone() - bits([:view_channel])
    assert Permissions.overwritten(guild, 10, {6, [], true}) == Permissions.all()
    assert Permissions.overwritten(guild, 11, {6, []}) == 0
  end

  test "roles may be packed" do
    guild = guild([{10, :text, [{2, :role, 0, everyone()}]}])
    packed = for id <- [3, 2], into: <<>>, do: <<id::little-64>>
    assert Permissions.in_channel(guild, 10, {7, packed}) == 0
    assert Permissions.visible_channels(guild, {7, packed}) == []
    assert Permissions.pack([{7, packed}]) == Permissions.pack([{7, [3, 2]}])
  end

  test "many members and many channels are answered alike, whichever scheduler does it" do
    channels = for id <- 1..2_000, do: {id, :text, [{rem(id, 50), :role, 0, everyone()}]}
    guild = guild(channels, for(id <- 2..60, do: {id, 0}))
    roles = Enum.to_list(2..40)
    visible = for {id, _, _} <- channels, rem(id, 50) not in [1 | roles], do: id
    assert Permissions.visible_channels(guild, {7, roles}) == visible

    members = for n <- 1..5_000, do: {n, [rem(n, 60)], rem(n, 7) == 0}
    masks = Permissions.in_channel_many(guild, 2, Permissions.pack(members))
    alone = for member <- members, do: Permissions.in_channel(guild, 2, member)
    assert for(<<mask::little-64 <- masks>>, do: mask) == alone
  end

  test "a guild has a limit of memory, and its memory is counted" do
    roles = for id <- 1..1_000, do: {id, 0}
    assert {:error, :memory_limit} = Permissions.new(id: 1, roles: roles, max_bytes: 10_000)

    {:ok, guild} = Permissions.new(id: 1, roles: roles, max_bytes: 20_000)
    %{count: count, bytes: bytes} = Permissions.memory()
    assert count > 0 and bytes > 16_000

    many = for id <- 1..1_000, do: {id, :role, 1, 1}
    assert Permissions.change(guild, [{:channel, {1, :text, many}}]) == {:error, :memory_limit}
    assert Permissions.base(guild, {1, []}) == 0
  end

  # Guild 1 of user 6, with the roles 2, 3 and 4.
  defp guild(channels, roles \\ [{2, 0}, {3, 0}, {4, 0}]) do
    {:ok, guild} =
      Permissions.new(id: 1, owner_id: 6, roles: [{1, everyone()} | roles], channels: channels)

    guild
  end

  defp in_text(overwrites) do
    Permissions.in_channel(guild([{10, :text, overwrites(overwrites)}]), 10, {7, [2, 3]})
  end

  defp sends?(overwrites), do: (in_text(overwrites) &&& bits([:send_messages])) != 0

  defp overwrites(list) do
    for {id, target, masks} <- list do
      {id, target, bits(Keyword.take(masks, [:allow]) |> Keyword.values()),
       bits(Keyword.take(masks, [:deny]) |> Keyword.values())}
    end
  end

  defp everyone do
    bits([
      :view_channel,
      :send_messages,
      :send_messages_in_threads,
      :attach_files,
      :mention_everyone,
      :read_message_history,
      :connect
    ])
  end

  defp bits(names), do: names |> Enum.map(&Permissions.bit/1) |> Enum.reduce(0, &|||/2)
end
