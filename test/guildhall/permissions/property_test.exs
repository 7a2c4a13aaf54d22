defmodule Guildhall.Permissions.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise

  alias Guildhall.Permissions
  alias Guildhall.Permissions.Reference

  @guild 100
  @owner 500

  property "answers as the reference does, after any changes" do
    forall {roles, channels, changes, members} <-
             {list(role()), list(channel()), list(change()), list(member())} do
      options = [id: @guild, owner_id: @owner, roles: roles, channels: channels]
      {:ok, guild} = Permissions.new(options)
      start = {guild, Reference.new(options)}
      assert_alike(start, members)
      changes |> Enum.reduce(start, &change([&1], &2)) |> assert_alike(members)
      changes |> change(start) |> assert_alike(members)
      assert_alike(start, members)
    end
  end

  defp assert_alike({guild, reference}, members) do
    for member <- members do
      assert Permissions.base(guild, member) == Reference.base(reference, member)

      assert Permissions.visible_channels(guild, member) ==
               Reference.visible_channels(reference, member)
    end

    for channel <- 1..6 do
      for member <- members do
        assert Permissions.overwritten(guild, channel, member) ==
                 Reference.overwritten(reference, channel, member)
      end

      masks = for member <- members, do: Reference.in_channel(reference, channel, member)
      assert for(member <- members, do: Permissions.in_channel(guild, channel, member)) == masks

      packed = Permissions.in_channel_many(guild, channel, Permissions.pack(members))
      assert for(<<mask::little-64 <- packed>>, do: mask) == masks
    end
  end

  # One by one, or all at once.
  defp change(changes, {guild, reference}) do
    {:ok, guild} = Permissions.change(guild, changes)
    {guild, Reference.change(reference, changes)}
  end

  # Few ids, so that most of them hit something.
  defp change do
    oneof([
      {:owner, oneof([nil, @owner, @owner + 1])},
      {:role, role_id(), mask()},
      {:role_deleted, role_id()},
      {:channel, channel()},
      {:channel_deleted, range(1, 5)}
    ])
  end

  defp role_id, do: range(@guild, @guild + 6)
  defp role, do: {role_id(), mask()}

  defp channel do
    kind = oneof([:text, :text, :voice, {:thread, range(1, 6)}])
    {range(1, 5), kind, list(overwrite())}
  end

  defp overwrite do
    role = {role_id(), :role, mask(), mask()}
    member = {range(@owner - 1, @owner + 2), :member, mask(), mask()}
    oneof([role, role, member])
  end

  defp member do
    roles = list(range(@guild, @guild + 8))

    oneof([
      {range(@owner - 1, @owner + 2), roles},
      {range(@owner - 1, @owner + 2), roles, boolean()}
    ])
  end

  # The bits that something follows from, and any others; ADMINISTRATOR is rare.
  defp mask do
    map({list(oneof([10, 11, 12, 16, 20, 38])), range(0, 0xFFFF_FFFF_FFFF_FFFF), range(0, 9)}, fn
      {few, _any, dice} when dice < 5 -> Enum.reduce(few, 0, &(1 <<< &1 ||| &2))
      {_few, any, dice} when dice < 9 -> any &&& ~~~8
      {_few, any, 9} -> any ||| 8
    end)
  end
end
