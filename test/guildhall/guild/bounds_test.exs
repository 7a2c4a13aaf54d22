defmodule Guildhall.Guild.BoundsTest do
  use ExUnit.Case, async: true

  # Limits of what an owner can create, on a node as users start it.

  alias Guildhall.{FullNode, GatewayClient, Guild, Permissions}
  alias Guildhall.Model.{GuildSize, Limits, Overwrite}

  @moduletag :tmp_dir
  @moduletag timeout: 120_000

  @view Permissions.bit(:view_channel)

  setup %{tmp_dir: folder} do
    node = FullNode.start(folder)
    # Enough of both for every relay to have some.
    owners = [owner | _] = for _n <- 1..4, do: FullNode.bot(node)
    bystanders = [bystander | _] = for _n <- 1..4, do: FullNode.bot(node)
    {guild_id, channel_id} = FullNode.guild(node, owner, tl(owners))
    {_other_guild, other_channel} = FullNode.guild(node, bystander, tl(bystanders))
    context = %{node: node, owner: owner, bystander: bystander, guild: guild_id}
    context = Map.merge(context, %{channel: channel_id, quiet: other_channel})
    Map.merge(context, %{owners: owners, bystanders: bystanders})
  end

  defp overwrites(range) do
    for n <- range, do: %Overwrite{id: 10 ** 17 + n, type: :member, deny: @view}
  end

  defp json(overwrites) do
    for %{id: id, deny: deny} <- overwrites,
        do: %{id: "#{id}", type: 1, allow: "0", deny: "#{deny}"}
  end

  defp run(context, command),
    do: Guild.run(context.node.instance, context.guild, context.owner.id, command)

  # Channels that are hidden from a thousand members each, until the guild takes no more.
  defp fill(context, count) do
    for n <- 1..count do
      overwrites = overwrites((n * 1_000)..(n * 1_000 + 999))
      run(context, {:create_channel, %{name: "full", overwrites: overwrites}})
    end
  end

  test "an owner who fills a guild harms nobody else", context do
    %{owner: owner, bystander: bystander} = context
    mine = for bot <- context.owners, do: FullNode.session(bot)
    theirs = for bot <- context.bystanders, do: FullNode.session(bot)

    answers = fill(context, 90)
    assert {made, refused} = Enum.split_while(answers, &match?({:ok, _channel}, &1))
    assert length(made) in 20..30
    assert Enum.all?(refused, &match?({:error, {:invalid, _tree}}, &1))

    body = %{name: "more", permission_overwrites: json(overwrites(1..1_000))}
    assert {400, error} = FullNode.call(owner, :post, "/guilds/#{context.guild}/channels", body)

    assert %{"code" => 50_035, "errors" => %{"_errors" => [%{"code" => "GUILD_SIZE_MAX"}]}} =
             error

    post = &FullNode.call(&1, :post, "/channels/#{&2}/messages", %{content: "still here"})
    assert {200, _message} = post.(bystander, context.quiet)
    assert {200, _message} = post.(owner, context.channel)

    for client <- theirs ++ mine do
      assert {%{"content" => "still here"}, _client} =
               GatewayClient.await(client, "MESSAGE_CREATE")
    end

    # A session that attaches now is shown all of it.
    late = FullNode.bot(context.node)

    assert {:ok, _member} =
             Guild.run(
               context.node.instance,
               context.guild,
               :operator,
               {:add_member, late.id, %{}}
             )

    client = context.node |> GatewayClient.open() |> GatewayClient.send_identify(late.token)
    {guild, _client} = GatewayClient.await(client, "GUILD_CREATE")
    assert length(guild["channels"]) == 2 + length(made)
  end

  test "a full guild takes nothing more, and may shrink", context do
    fill(context, 30)
    {:ok, %{channels: channels} = guild} = run(context, {:get})
    assert GuildSize.of(guild).bytes in 1_900_000..Limits.guild_bytes()
    [first, second | _] = for {id, %{overwrites: o}} <- channels, map_size(o) == 1_000, do: id

    # The remaining space is filled with smaller and smaller channels.
    topic = %{name: "small", topic: String.duplicate("x", 1_000)}
    assert {:error, {:invalid, _tree}} = until_refused(context, {:create_channel, topic})
    assert {:error, {:invalid, _tree}} = until_refused(context, {:create_role, %{name: "role"}})
    topic = %{topic: String.duplicate("y", 1_024)}
    assert {:error, {:invalid, _tree}} = run(context, {:update_channel, context.channel, topic})

    assert {:error, {:invalid, _tree}} =
             run(context, {:update_channel, context.channel, %{overwrites: overwrites(1..10)}})

    # Nothing that makes it smaller is refused.
    assert :ok =
             run(context, {:delete_overwrite, first, hd(Map.keys(channels[first].overwrites))})

    assert {:ok, _channel} = run(context, {:update_channel, first, %{overwrites: []}})
    assert {:ok, _channel} = run(context, {:delete_channel, second})
    assert {:ok, _channel} = run(context, {:update_channel, context.channel, topic})
  end

  defp until_refused(context, command) do
    Enum.find_value(1..1_000, fn _nth ->
      with {:ok, _made} <- run(context, command), do: nil
    end)
  end

  test "the room checks what a form would have refused", context do
    long = String.duplicate("x", 5_000)

    for {command, field} <- [
          {{:create_channel, %{name: long}}, "name"},
          {{:create_channel, %{name: "a", topic: long}}, "topic"},
          {{:create_channel, %{name: "a", overwrites: overwrites(1..1_001)}},
           "permission_overwrites"},
          {{:update_channel, context.channel, %{name: long}}, "name"},
          {{:create_role, %{name: long}}, "name"},
          {{:update_guild, %{description: long}}, "description"},
          {{:update_member, context.owner.id, %{nick: long}}, "nick"},
          {{:create_message, context.channel, %{content: long}}, "content"},
          {{:create_message, context.channel,
            %{embeds: List.duplicate(%{type: "rich", title: "t"}, 11)}}, "embeds"}
        ] do
      assert {:error, {:invalid, %{^field => %{_errors: [%{code: "BASE_TYPE_" <> _}]}}}} =
               run(context, command)
    end

    assert {:ok, guild} = run(context, {:get})
    assert map_size(guild.channels) == 2

    assert {:error, {:invalid, %{"name" => _}}} =
             Guild.create(context.node.instance, %{name: long, owner_id: context.owner.id})
  end

  test "a command that would copy very many overwrites is refused early", context do
    categories =
      for n <- 1..2 do
        attrs = %{
          name: "category",
          type: 4,
          overwrites: overwrites((n * 1_000)..(n * 1_000 + 999))
        }

        {:ok, category} = run(context, {:create_channel, attrs})
        category
      end

    lock = fn category ->
      %{id: context.channel, parent_id: category.id, lock_permissions: true}
    end

    assert :ok = run(context, {:move_channels, Enum.map(categories, lock)})

    moves = List.duplicate(Enum.map(categories, lock), 50) |> Enum.concat()
    assert {:error, {:invalid, _tree}} = run(context, {:move_channels, moves})

    for kind <- [:move_channels, :move_roles] do
      moves = List.duplicate(%{id: context.guild, position: 1}, 501)
      assert {:error, {:invalid, _tree}} = run(context, {kind, moves})
    end
  end

  test "large messages at once are written in several batches", context do
    embeds = for _n <- 1..10, do: %{type: "rich", title: String.duplicate("x", 20_000)}
    instance = context.node.instance

    answers =
      1..200
      |> Task.async_stream(
        fn _nth ->
          command = {:create_message, context.channel, %{embeds: embeds}}
          Guild.run(instance, context.guild, context.owner.id, command)
        end,
        max_concurrency: 200,
        timeout: 60_000
      )
      |> Enum.map(fn {:ok, answer} -> answer end)

    # Beyond what may wait for the store, a message is refused alone.
    {posted, refused} = Enum.split_with(answers, &match?({:ok, _message}, &1))
    assert length(posted) > 100
    assert Enum.uniq(refused) -- [{:error, :overloaded}] == []

    too_large = {:create_message, context.channel, %{embeds: embeds ++ embeds}}
    assert {:error, {:invalid, _tree}} = run(context, too_large)
    huge = [%{type: "rich", title: String.duplicate("x", 300_000)}]

    assert {:error, {:invalid, _tree}} =
             run(context, {:create_message, context.channel, %{embeds: huge}})

    assert {:ok, _message} = run(context, {:create_message, context.channel, %{content: "a"}})
  end
end
