defmodule Guildhall.Model.RightsTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise

  alias Guildhall.Model.{Channel, Guild, Member, Overwrite, Rights, Role, User}
  alias Guildhall.Permissions
  alias Guildhall.RandomGuild

  doctest Rights

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
      rights = Rights.new(guild)

      assert Documented.bits(Permissions.base(rights, Rights.member(member))) ==
               Documented.base(guild, member)

      assert Documented.bits(in_channel(rights, member, channel, now)) ==
               Documented.in_channel(guild, member, channel, now)
    end
  end

  property "no overwrite and no timeout touches an owner or an administrator" do
    forall {guild, member, channel} <- RandomGuild.scene() do
      owner = put_in(member.user.id, guild.owner_id)
      assert in_channel(Rights.new(guild), owner, channel, 0) == Permissions.all()

      everyone = %{guild.roles[guild.id] | permissions: Permissions.bit(:administrator)}
      guild = %{guild | roles: Map.put(guild.roles, guild.id, everyone)}
      assert in_channel(Rights.new(guild), member, channel, 0) == Permissions.all()
    end
  end

  property "follow the changes that turn one guild into another" do
    forall {{old, _member, _channel}, {new, member, channel}} <-
             {RandomGuild.scene(), RandomGuild.scene()} do
      now = RandomGuild.now()
      gone = fn field -> Map.keys(Map.fetch!(old, field)) -- Map.keys(Map.fetch!(new, field)) end

      changes =
        for(id <- gone.(:roles), do: {:role_deleted, id}) ++
          for({_id, role} <- new.roles, do: {:role, role}) ++
          for(id <- gone.(:channels), do: {:channel_deleted, id}) ++
          for({_id, channel} <- new.channels, do: {:channel, channel}) ++
          [{:owner, new.owner_id}]

      rights = Enum.reduce(changes, Rights.new(old), &Rights.change(&2, &1))

      assert in_channel(rights, member, channel, now) ==
               in_channel(Rights.new(new), member, channel, now)

      assert Rights.visible(rights, member) == Rights.visible(Rights.new(new), member)
    end
  end

  test "a timeout ends at its time" do
    guild = %Guild{
      id: 1,
      roles: %{1 => %Role{id: 1, name: "@everyone", permissions: Rights.everyone()}},
      channels: %{9 => %Channel{id: 9, type: 0}}
    }

    member = %Member{user: %User{id: 7, username: "u"}, timeout_until: 1_000}
    look = Permissions.bit(:view_channel) ||| Permissions.bit(:read_message_history)

    assert in_channel(Rights.new(guild), member, guild.channels[9], 999) == look
    assert in_channel(Rights.new(guild), member, guild.channels[9], 1_000) == Rights.everyone()
    assert Rights.visible(Rights.new(guild), member) == [9]
  end

  test "a thread that never had a parent gives nothing" do
    deny = %Overwrite{id: 1, type: :role, deny: Permissions.bit(:view_channel)}
    thread = %Channel{id: 9, type: 11, overwrites: %{1 => deny}}
    guild = %Guild{id: 1, channels: %{9 => thread}}
    member = %Member{user: %User{id: 7, username: "u"}}
    assert in_channel(Rights.new(guild), member, thread, 0) == 0
  end

  test "a new guild gives nobody the rule of it" do
    assert (Rights.everyone() &&& Permissions.bit(:administrator)) == 0
    assert (Rights.direct() &&& Permissions.bit(:manage_messages)) == 0
  end

  defp in_channel(rights, member, channel, now) do
    Permissions.in_channel(rights, channel.id, Rights.member(member, now))
  end
end
