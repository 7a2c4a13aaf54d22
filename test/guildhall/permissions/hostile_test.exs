defmodule Guildhall.Permissions.HostileTest do
  use ExUnit.Case, async: true

  import Guildhall.Hostile

  # Whatever a caller passes, it is refused with ArgumentError, and the VM lives.

  alias Guildhall.Options.ValidationError
  alias Guildhall.Permissions

  setup do
    {:ok, guild} = Permissions.new(id: 1, roles: [{1, 1024}], channels: [{9, :text, []}])
    %{guild: guild}
  end

  test "ids and masks that are none", %{guild: guild} do
    for term <- [deep() | strange()] do
      refused(fn -> Permissions.base(guild, {term, []}) end)
      refused(fn -> Permissions.in_channel(guild, term, {1, []}) end)
      refused(fn -> Permissions.change(guild, [{:role, term, 1}]) end)
      refused(fn -> Permissions.change(guild, [{:role, 1, term}]) end)
      refused(fn -> Permissions.change(guild, role_deleted: term) end)
      refused(fn -> Permissions.change(guild, channel_deleted: term) end)
      unless term == nil, do: refused(fn -> Permissions.change(guild, owner: term) end)
    end
  end

  test "roles that are none", %{guild: guild} do
    for term <-
          [
            deep(),
            [1, -1],
            [1 | 2],
            [[1]],
            Enum.to_list(1..4_097),
            :binary.copy(<<0>>, 8 * 4_097)
          ] ++ strange() do
      refused(fn -> Permissions.in_channel(guild, 9, {1, term}) end)
      refused(fn -> Permissions.visible_channels(guild, {1, term}) end)
      refused(fn -> Permissions.overwritten(guild, 9, {1, term}) end)
    end

    assert Permissions.in_channel(guild, 9, {1, Enum.to_list(1..4_096)}) == 1024
  end

  test "timeouts that are none", %{guild: guild} do
    for term <- [0, nil, "true", deep()] do
      refused(fn -> Permissions.in_channel(guild, 9, {1, [], term}) end)
    end
  end

  test "channels that are none", %{guild: guild} do
    for term <-
          [deep(), [], [{1, :role, 1, 1} | 2], [{1, :role, 1}], [{1, :guild, 1, 1}]] ++ strange(),
        term != [] do
      refused(fn -> Permissions.change(guild, channel: {9, :text, term}) end)
      refused(fn -> Permissions.change(guild, channel: {9, term, []}) end)
      refused(fn -> Permissions.change(guild, channel: {term, :text, []}) end)
      refused(fn -> Permissions.change(guild, channel: {9, :text, [{1, :role, term, 0}]}) end)
      refused(fn -> Permissions.change(guild, channel: {9, :text, [{1, term, 0, 0}]}) end)
      refused(fn -> Permissions.change(guild, channel: term) end)
    end

    refused(fn -> Permissions.change(guild, channel: {9, {:thread, -1}, []}) end)
    refused(fn -> Permissions.change(guild, channel: {9, {:voice, 1}, []}) end)
  end

  test "changes that are none", %{guild: guild} do
    for term <- [deep(), [1], [{:role, 1}], [{:role, 1, 2, 3}], [{:member, 1, []}], [{1, 2}]] do
      refused(fn -> Permissions.change(guild, term) end)
    end

    refused(fn -> Permissions.change(guild, [{:role, 1, 1} | :improper]) end)
    refused(fn -> Permissions.change(guild, %{}) end)
    assert {:ok, _guild} = Permissions.change(guild, [])
  end

  test "members that are none", %{guild: guild} do
    for term <- [<<1>>, <<0::little-64>>, <<1::little-64, 0::128, 1>>] do
      refused(fn -> Permissions.in_channel_many(guild, 9, term) end)
    end

    huge = <<1::little-64, 0::64, 0xFFFF_FFFF_FFFF_FFFF::64>>
    refused(fn -> Permissions.in_channel_many(guild, 9, huge) end)

    for term <- [deep() | strange()] do
      refused(fn -> Permissions.pack([{term, []}]) end)
      refused(fn -> Permissions.pack([{1, [term]}]) end)
      refused(fn -> Permissions.pack([term]) end)
    end
  end

  test "options that are none" do
    for options <- [[], [id: -1], [id: 1, size: 2], [id: 1, roles: 1], [id: 1, max_bytes: 0]] do
      assert_raise ValidationError, fn -> Permissions.new(options) end
    end

    for roles <- [[1], [{1, 2, 3}], [{1, -1}], [{nil, 1}]] do
      refused(fn -> Permissions.new(id: 1, roles: roles) end)
    end

    refused(fn -> Permissions.new(id: 0x1_0000_0000_0000_0000) end)
  end

  test "a thing of another kind in the place of a guild" do
    outbox = Guildhall.Outbox.new()
    refused(fn -> Permissions.base(%Permissions{handle: outbox}, {1, []}) end)
    refused(fn -> Permissions.base(%Permissions{handle: make_ref()}, {1, []}) end)
  end
end
