defmodule Guildhall.Guild.LargestGuildTest do
  use ExUnit.Case, async: true

  # The largest guild that the limits allow, and the largest single commands in it: everything that a
  # guild goes through takes them.

  alias Guildhall.{Audience, FullNode, GatewayClient, Guild, Permissions}
  alias Guildhall.Model.{GuildSize, Limits, Overwrite, Rights}

  @moduletag :tmp_dir
  @moduletag timeout: 300_000

  @view Permissions.bit(:view_channel)

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    [owner, member] = for _n <- 1..2, do: FullNode.bot(node)
    {guild_id, _channel} = FullNode.guild(node, owner, [member])
    %{node: node, owner: owner, member: member, guild: guild_id}
  end

  # The operator, for whom changes of this size are not throttled.
  defp run(context, command) do
    Guild.run(context.node.instance, context.guild, :operator, command)
  end

  # One that shows the channel to everyone with the role, and others of single members.
  defp overwrites(role, range) do
    members = for n <- range, do: %Overwrite{id: 10 ** 17 + n, type: :member, deny: @view}
    [%Overwrite{id: role.id, type: :role, allow: @view} | members]
  end

  # As many roles and channels as there may be, ten full categories, and overwrites until it is full.
  defp fill(context) do
    [role | _] =
      for n <- 1..(Limits.roles() - 1) do
        {:ok, role} = run(context, {:create_role, %{name: "role #{n}"}})
        role
      end

    each = div(Limits.guild_overwrites(), Limits.channels()) - 9

    categories =
      for n <- 1..9 do
        attrs = %{
          name: "category",
          type: 4,
          overwrites: overwrites(role, (n * 100)..(n * 100 + each))
        }

        {:ok, category} = run(context, {:create_channel, attrs})
        category
      end

    for {category, c} <- Enum.with_index(categories), n <- 1..50 do
      from = 10_000 + (c * 50 + n) * 100

      attrs = %{
        name: "channel",
        overwrites: overwrites(role, from..(from + each)),
        parent_id: category.id
      }

      {:ok, _channel} = run(context, {:create_channel, attrs})
    end

    for n <- 1..(Limits.channels() - 2 - 9 * 51) do
      from = 100_000 + n * 100
      attrs = %{name: "channel", overwrites: overwrites(role, from..(from + each))}
      {:ok, _channel} = run(context, {:create_channel, attrs})
    end

    {:ok, guild} = run(context, {:get})
    {guild, role, categories}
  end

  defp await_all(client, type, count) do
    Enum.reduce(1..count//1, client, fn _nth, client ->
      {_data, client} = GatewayClient.await(client, type)
      client
    end)
  end

  test "is served, and so are its largest commands", context do
    {guild, role, [category, other | _]} = fill(context)
    %{bytes: bytes, overwrites: overwrites} = GuildSize.of(guild)
    assert map_size(guild.channels) == Limits.channels()
    assert map_size(guild.roles) == Limits.roles()
    assert bytes in 1_600_000..Limits.guild_bytes()
    assert overwrites in 24_000..Limits.guild_overwrites()

    # The modules with which a relay and a room compute visibility.
    assert {:ok, audience} = Audience.new(Rights.describe(guild))
    assert :ok = Audience.replace(audience, Rights.describe(guild))
    assert {:ok, _rights} = Permissions.new(Rights.describe(guild))

    client =
      context.node |> GatewayClient.open() |> GatewayClient.send_identify(context.owner.token)

    {shown, client} = GatewayClient.await(client, "GUILD_CREATE")
    assert length(shown["channels"]) == Limits.channels()
    peer = FullNode.session(context.member)

    # Every channel moves.
    ids = guild.channels |> Map.keys() |> Enum.sort()
    moves = for {id, n} <- Enum.with_index(ids), do: %{id: id, position: 1_000 + n}
    assert :ok = timed("move all channels", fn -> run(context, {:move_channels, moves}) end)
    client = await_all(client, "CHANNEL_UPDATE", length(ids))

    # Everyone loses every channel, and gets it back.
    everyone = guild.roles[guild.id]
    hidden = %{permissions: Bitwise.band(everyone.permissions, Bitwise.bnot(@view))}

    assert {:ok, _role} =
             timed("hide all channels", fn -> run(context, {:update_role, guild.id, hidden}) end)

    peer = await_all(peer, "CHANNEL_DELETE", length(ids))
    client = await_all(client, "GUILD_ROLE_UPDATE", 1)

    show = {:update_role, guild.id, %{permissions: everyone.permissions}}
    assert {:ok, _role} = timed("show all channels", fn -> run(context, show) end)
    peer = await_all(peer, "CHANNEL_CREATE", length(ids))
    client = await_all(client, "GUILD_ROLE_UPDATE", 1)

    # A category gives its overwrites to its children, as full as they may be.
    locked =
      for {id, %{parent_id: parent}} <- guild.channels,
          parent == category.id,
          do: %{id: id, parent_id: parent, lock_permissions: true}

    assert :ok = timed("lock a category", fn -> run(context, {:move_channels, locked}) end)
    client = await_all(client, "CHANNEL_UPDATE", 50)

    assert {:ok, _channel} =
             timed("delete a category", fn -> run(context, {:delete_channel, other.id}) end)

    client = await_all(client, "CHANNEL_DELETE", 1)
    client = await_all(client, "CHANNEL_UPDATE", 50)

    assert :ok = timed("delete a role", fn -> run(context, {:delete_role, role.id}) end)
    client = await_all(client, "CHANNEL_UPDATE", length(ids) - 3)
    _peer = await_all(peer, "GUILD_ROLE_DELETE", 1)

    # A room that starts again reads all of it.
    assert :ok =
             run(context, {:delete_channel, category.id}) |> elem(0) |> then(&(&1 == :ok && :ok))

    _client = await_all(client, "CHANNEL_DELETE", 1)
  end

  defp timed(name, fun) do
    {time, result} = :timer.tc(fun)
    if System.get_env("TIMES"), do: IO.puts("#{name}: #{div(time, 1_000)} ms")
    result
  end
end
