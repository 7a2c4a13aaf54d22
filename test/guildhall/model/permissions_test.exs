defmodule Guildhall.Model.PermissionsTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise

  alias Guildhall.Model.{Channel, Guild, Member, Overwrite, Permissions, Role, User}
  alias Guildhall.RandomGuild

  doctest Permissions

  # The algorithm as the protocol documents it, a line a line, over sets of bit numbers and
  # without a thought for speed. It shares nothing with the module but the structs.
  defmodule Documented do
    import Kernel, except: [-: 2, +: 2]

    @everything MapSet.new(Enum.to_list(0..46) ++ Enum.to_list(48..52))
    @administrator 3
    @view_channel 10
    @send_messages 11
    @send_in_threads 38
    @connect 20
    # MENTION_EVERYONE, SEND_TTS_MESSAGES, ATTACH_FILES, EMBED_LINKS
    @beside_a_message [17, 12, 15, 14]
    @read_message_history 16

    def in_channel(guild, member, channel, now) do
      base = base(guild, member)
      owner = member.user.id == guild.owner_id

      if owner or @administrator in base do
        @everything
      else
        thread = channel.type in [10, 11, 12]
        channel = if thread, do: guild.channels[channel.parent_id], else: channel

        overwrites(base, guild, member, channel)
        |> thread(thread)
        |> implicit(channel)
        |> timeout(member, now)
      end
    end

    def base(guild, member) do
      if member.user.id == guild.owner_id do
        @everything
      else
        p = bits(guild.roles[guild.id].permissions) + of_roles(guild, member, & &1.permissions)
        if @administrator in p, do: @everything, else: p
      end
    end

    def overwrites(p, guild, member, channel) do
      ow = channel.overwrites
      everyone = ow[guild.id]
      p = if everyone, do: p - bits(everyone.deny) + bits(everyone.allow), else: p

      of_roles = for r <- member.roles, guild.roles[r] && ow[r], do: ow[r]
      p = p - union(of_roles, & &1.deny) + union(of_roles, & &1.allow)

      mine = ow[member.user.id]
      if mine, do: p - bits(mine.deny) + bits(mine.allow), else: p
    end

    defp thread(p, false), do: p

    defp thread(p, true) do
      p = p - MapSet.new([@send_messages])
      if @send_in_threads in p, do: p + MapSet.new([@send_messages]), else: p
    end

    defp implicit(p, channel) do
      cond do
        @view_channel not in p -> MapSet.new()
        channel.type in [2, 13] and @connect not in p -> MapSet.new([@view_channel])
        @send_messages not in p -> p - MapSet.new(@beside_a_message)
        true -> p
      end
    end

    defp timeout(p, member, now) do
      if member.timeout_until != nil and member.timeout_until > now,
        do: MapSet.intersection(p, MapSet.new([@view_channel, @read_message_history])),
        else: p
    end

    defp of_roles(guild, member, mask) do
      union(for(r <- member.roles, guild.roles[r], do: guild.roles[r]), mask)
    end

    defp union(things, mask), do: Enum.reduce(things, MapSet.new(), &(bits(mask.(&1)) + &2))
    defp a + b, do: MapSet.union(a, b)
    defp a - b, do: MapSet.difference(a, b)

    def bits(mask), do: for(n <- 0..63, (mask >>> n &&& 1) == 1, into: MapSet.new(), do: n)
  end

  property "are what the documented algorithm gives" do
    forall {guild, member, channel} <- RandomGuild.scene() do
      now = RandomGuild.now()

      assert Documented.bits(Permissions.base(guild, member)) == Documented.base(guild, member)

      assert Documented.bits(Permissions.in_channel(guild, member, channel, now)) ==
               Documented.in_channel(guild, member, channel, now)
    end
  end

  property "no overwrite and no timeout touches an owner or an administrator" do
    forall {guild, member, channel} <- RandomGuild.scene() do
      owner = put_in(member.user.id, guild.owner_id)
      assert Permissions.in_channel(guild, owner, channel, 0) == Permissions.all()

      everyone = %{guild.roles[guild.id] | permissions: Permissions.bit(:administrator)}
      guild = %{guild | roles: Map.put(guild.roles, guild.id, everyone)}
      assert Permissions.in_channel(guild, member, channel, 0) == Permissions.all()
    end
  end

  describe "in a channel" do
    test "the member's own overwrite beats those of his roles, which beat @everyone's" do
      assert has?([{1, :role, deny: :send_messages}, {2, :role, allow: :send_messages}])
      refute has?([{2, :role, allow: :send_messages}, {7, :member, deny: :send_messages}])
      # Of two roles that disagree, the one that allows wins, whatever their positions.
      assert has?([{2, :role, deny: :send_messages}, {3, :role, allow: :send_messages}])
      # Someone else's overwrite is nothing to him.
      assert has?([{8, :member, deny: :send_messages}, {4, :role, deny: :send_messages}])
    end

    test "without VIEW_CHANNEL there is nothing" do
      assert in_text([{1, :role, deny: :view_channel}]) == 0
    end

    test "a timeout ends at its time" do
      {guild, member} = guild_and_member()
      channel = %Channel{id: 9, type: 0}
      member = %{member | timeout_until: 1_000}
      look = Permissions.bit(:view_channel) ||| Permissions.bit(:read_message_history)

      assert Permissions.in_channel(guild, member, channel, 999) == look
      assert Permissions.in_channel(guild, member, channel, 1_000) != look
    end

    test "a thread whose parent is gone gives nothing" do
      {guild, member} = guild_and_member()
      thread = %Channel{id: 9, type: 11, parent_id: 8}
      assert Permissions.in_channel(guild, member, thread, 0) == 0
    end

    test "a thread asks for SEND_MESSAGES_IN_THREADS" do
      {guild, member} = guild_and_member()

      parent = %Channel{
        id: 8,
        type: 0,
        overwrites: overwrites([{1, :role, deny: :send_messages}])
      }

      guild = %{guild | channels: %{8 => parent}}
      mask = Permissions.in_channel(guild, member, %Channel{id: 9, type: 11, parent_id: 8}, 0)

      assert (mask &&& Permissions.bit(:send_messages)) != 0
      assert (mask &&& Permissions.bit(:attach_files)) != 0
    end
  end

  test "has the bits of the protocol" do
    assert Permissions.bit(:create_instant_invite) == 1
    assert Permissions.bit(:administrator) == 8
    assert Permissions.bit(:bypass_slowmode) == 1 <<< 52
    assert Permissions.all() == (1 <<< 53) - 1 - (1 <<< 47)
    assert (Permissions.everyone() &&& Permissions.bit(:administrator)) == 0
  end

  defp has?(overwrites), do: (in_text(overwrites) &&& Permissions.bit(:send_messages)) != 0

  defp in_text(overwrites) do
    {guild, member} = guild_and_member()
    channel = %Channel{id: 9, type: 0, overwrites: overwrites(overwrites)}
    Permissions.in_channel(guild, member, channel, 0)
  end

  # Guild 1, in which member 7 has the roles 2 and 3.
  defp guild_and_member do
    roles = [%Role{id: 1, name: "@everyone", permissions: Permissions.everyone()}]
    roles = roles ++ for(id <- 2..4, do: %Role{id: id, name: "r", position: id})
    guild = %Guild{id: 1, owner_id: 6, roles: Map.new(roles, &{&1.id, &1})}
    {guild, %Member{user: %User{id: 7, username: "u"}, roles: [2, 3]}}
  end

  defp overwrites(list) do
    for {id, type, masks} <- list, into: %{} do
      masks = for {kind, name} <- masks, do: {kind, Permissions.bit(name)}
      {id, struct(%Overwrite{id: id, type: type}, masks)}
    end
  end
end
