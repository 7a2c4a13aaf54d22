defmodule Guildhall.Api.RightsTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.Api.Routes
  alias Guildhall.{FullNode, GatewayClient, Permissions}
  alias Guildhall.Model.Intents

  # Rights, on real sockets against a whole node: commands that name more than one channel,
  # role or member, and direct message channels in the place of guilds.

  setup_all do
    folder = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-rights")
    on_exit(fn -> File.rm_rf!(folder) end)
    %{node: FullNode.start(folder)}
  end

  # New users for each test, so that no test uses up the rate limits of another.
  setup %{node: node} do
    [owner, mod, bob] = for name <- ["owner", "mod", "bob"], do: person(node, name)
    {id, channel} = guild([owner, mod, bob])
    %{owner: owner, mod: mod, bob: bob, id: id, guild: "/guilds/#{id}", channel: channel}
  end

  defp bits(names), do: to_string(Enum.sum(Enum.map(List.wrap(names), &Permissions.bit/1)))

  defp role(%{owner: owner, guild: guild}, names, position) do
    {200, %{"id" => id}} = call(owner, :post, guild <> "/roles", %{permissions: bits(names)})
    {200, _roles} = call(owner, :patch, guild <> "/roles", [%{id: id, position: position}])
    id
  end

  defp promote(%{owner: owner, guild: guild, mod: mod} = context, names, position \\ 5) do
    id = role(context, names, position)
    {204, nil} = call(owner, :put, "#{guild}/members/#{mod.id}/roles/#{id}")
    id
  end

  defp make(caller, context, form) do
    {201, %{"id" => id}} = call(caller, :post, context.guild <> "/channels", form)
    id
  end

  defp denied(user, names), do: [%{id: user.id, type: 1, deny: bits(names)}]

  defp hidden(context, form \\ %{}) do
    form = Map.merge(%{name: "hidden"}, form)
    overwrites = denied(context.mod, :view_channel)
    make(context.owner, context, Map.put(form, :permission_overwrites, overwrites))
  end

  # The whole guild, read by the operator, who is not limited.
  defp seen(%{node: node, guild: guild}) do
    for part <- ["", "/channels", "/roles", "/members?limit=1000"] do
      {200, seen} = call(operator(node), :get, "/admin" <> guild <> part)
      seen
    end
  end

  # A session with the intents for guilds and voice states.
  defp session(node, user, id) do
    fields = [intents: Intents.bit(:guilds) + Intents.bit(:guild_voice_states)]
    client = GatewayClient.open(node)
    {_ready, client} = GatewayClient.identify(client, user.authorization, fields)
    guild_create(client, id)
  end

  defp guild_create(client, id) do
    case GatewayClient.await(client, "GUILD_CREATE") do
      {%{"id" => ^id} = guild, client} -> {guild, client}
      {_other, client} -> guild_create(client, id)
    end
  end

  defp join(session, id, voice) do
    session = GatewayClient.send_op(session, 4, %{guild_id: id, channel_id: voice})
    {%{"channel_id" => ^voice}, session} = GatewayClient.await(session, "VOICE_STATE_UPDATE")
    session
  end

  defp assert_refused(context, caller, method, path, body, code) do
    before = seen(context)
    assert {status, %{"code" => ^code} = answer} = call(caller, method, path, body)
    assert status in [403, 404]
    assert Map.keys(answer) -- ["code", "message"] == []
    assert seen(context) == before
  end

  describe "moving a channel" do
    setup context do
      promote(context, [:manage_channels, :manage_roles])
      %{own: make(context.mod, context, %{name: "own", type: 4})}
    end

    test "that the moderator does not see gives no sight of it", %{mod: mod} = context do
      hidden = hidden(context)
      move = %{id: hidden, parent_id: context.own, lock_permissions: true, position: 0}
      moves = context.guild <> "/channels"

      for move <- [move, Map.delete(move, :lock_permissions), %{id: hidden, position: 9}] do
        assert_refused(context, mod, :patch, moves, [move], 50_001)
        assert_refused(context, mod, :patch, moves, [%{id: context.own}, move], 50_001)
      end

      change = %{parent_id: context.own}
      assert_refused(context, mod, :patch, "/channels/#{hidden}", change, 50_001)
      assert {403, %{"code" => 50_001}} = call(mod, :get, "/channels/#{hidden}")
    end

    test "needs the right in that channel", %{mod: mod} = context do
      overwrites = denied(mod, :manage_channels)
      form = %{name: "kept", permission_overwrites: overwrites}
      kept = make(context.owner, context, form)
      moves = context.guild <> "/channels"
      move = %{id: kept, parent_id: context.own}
      assert_refused(context, mod, :patch, moves, [move], 50_013)
      assert_refused(context, mod, :patch, moves, [%{id: kept, position: 50}], 50_013)

      # A client sends the positions of all channels that it sees.
      {200, %{"position" => position}} = call(mod, :get, "/channels/#{kept}")
      same = %{id: kept, position: position}
      assert {204, nil} = call(mod, :patch, moves, [same, %{id: context.own, position: 7}])
    end

    test "with the category's overwrites changes only bits of the moderator's in it", context do
      %{mod: mod, own: own, owner: owner} = context
      moves = context.guild <> "/channels"

      form = %{name: "mute", permission_overwrites: denied(mod, :manage_roles)}
      locked = make(owner, context, form)
      sync = %{id: locked, parent_id: own, lock_permissions: true}
      assert_refused(context, mod, :patch, moves, [sync], 50_013)

      form = %{name: "quiet", permission_overwrites: denied(context.bob, :kick_members)}
      quiet = make(owner, context, form)
      assert_refused(context, mod, :patch, moves, [%{sync | id: quiet}], 50_013)
      assert {204, nil} = call(mod, :patch, moves, [%{id: quiet, parent_id: own}])
    end

    test "into a category needs the right in the category", %{mod: mod} = context do
      hidden = hidden(context, %{type: 4})
      form = %{name: "k", type: 4, permission_overwrites: denied(mod, :manage_channels)}
      kept = make(context.owner, context, form)
      moves = context.guild <> "/channels"

      for {category, code} <- [{hidden, 50_001}, {kept, 50_013}] do
        move = %{id: context.channel, parent_id: category}
        assert_refused(context, mod, :patch, moves, [move], code)
        move = Map.put(move, :lock_permissions, true)
        assert_refused(context, mod, :patch, moves, [move], code)
        change = %{parent_id: category}
        assert_refused(context, mod, :patch, "/channels/#{context.channel}", change, code)
      end

      # A channel of the hidden category does not show the category's overwrites.
      channel = "/channels/#{context.channel}"
      {200, _channel} = call(context.owner, :patch, channel, %{parent_id: hidden})
      sync = %{id: context.channel, parent_id: hidden, lock_permissions: true}
      assert_refused(context, mod, :patch, moves, [sync], 50_001)
      assert {200, %{"name" => "new"}} = call(mod, :patch, channel, %{name: "new"})
    end
  end

  test "a channel is not made in a category that its maker does not see", %{mod: mod} = context do
    promote(context, :manage_channels)
    category = hidden(context, %{type: 4})
    form = %{name: "spy", parent_id: category}
    assert_refused(context, mod, :post, context.guild <> "/channels", form, 50_001)
    form = Map.put(form, :permission_overwrites, denied(context.bob, :view_channel))
    assert_refused(context, mod, :post, context.guild <> "/channels", form, 50_001)
  end

  test "a category is not deleted over channels that may not be managed", %{mod: mod} = context do
    promote(context, :manage_channels)
    category = make(context.owner, context, %{name: "c", type: 4})
    hidden(context, %{parent_id: category})
    assert_refused(context, mod, :delete, "/channels/#{category}", nil, 50_001)
    assert {200, %{"id" => ^category}} = call(context.owner, :delete, "/channels/#{category}")
  end

  test "settings do not name channels that the moderator does not see", %{mod: mod} = context do
    promote(context, :manage_guild)
    hidden = hidden(context)

    for setting <- ~w(afk system rules public_updates) do
      change = %{"#{setting}_channel_id" => hidden}
      assert_refused(context, mod, :patch, context.guild, change, 50_001)
    end

    # As clients do, with what is so already.
    change = %{owner_id: context.owner.id}
    assert_refused(context, mod, :patch, context.guild, change, 50_013)
    assert {200, _guild} = call(mod, :patch, context.guild, %{system_channel_id: context.channel})
  end

  test "an overwrite does not become another one's by its type", %{mod: mod} = context do
    promote(context, [:manage_roles])
    path = "/channels/#{context.channel}/permissions/#{context.id}"
    deny = %{type: 0, deny: bits([:kick_members, :connect])}
    {204, nil} = call(context.owner, :put, path, deny)
    assert_refused(context, mod, :put, path, %{deny | type: 1}, 50_013)
    change = %{permission_overwrites: [Map.merge(deny, %{id: context.id, type: 1})]}
    promote(context, [:manage_channels])
    channel = "/channels/#{context.channel}"
    assert_refused(context, mod, :patch, channel, change, 50_013)

    # Also by those who have its bits.
    owner = context.owner
    assert_refused(context, owner, :put, path, %{deny | type: 1}, 10_007)
    assert_refused(context, owner, :patch, channel, change, 10_007)
    form = Map.put(change, :name, "new")
    assert_refused(context, owner, :post, context.guild <> "/channels", form, 10_007)
  end

  describe "members" do
    test "are added only with what their adder may give", %{mod: mod, node: node} = context do
      low = role(context, [], 1)
      new = person(node, "new")
      path = "#{context.guild}/members/#{new.id}"
      promote(context, [:kick_members], 9)

      for field <- [%{nick: "n"}, %{roles: [low]}, %{mute: true}, %{deaf: true}] do
        form = Map.put(field, :access_token, new.authorization)
        assert_refused(context, mod, :put, path, form, 50_013)
      end

      form = %{access_token: new.authorization}
      assert {201, %{"nick" => nil, "roles" => []}} = call(mod, :put, path, form)
    end

    test "keep flags and roles that are not the actor's to change", %{mod: mod} = context do
      high = role(context, [], 20)
      promote(context, [:moderate_members])
      path = "#{context.guild}/members/#{context.bob.id}"
      assert_refused(context, mod, :patch, path, %{flags: 4}, 50_013)
      promote(context, [:manage_roles])
      assert {200, %{"flags" => 4}} = call(mod, :patch, path, %{flags: 4})

      # Also where nothing would change.
      {204, nil} = call(context.owner, :put, "#{path}/roles/#{high}")
      assert_refused(context, mod, :put, "#{path}/roles/#{high}", nil, 50_013)
      assert_refused(context, mod, :delete, "#{path}/roles/#{high}", nil, 50_013)
    end
  end

  describe "moving a member" do
    setup %{node: node, bob: bob, owner: owner} = context do
      voice = fn name, form -> make(owner, context, Map.merge(%{name: name, type: 2}, form)) end
      room = voice.("room", %{})
      {_guild, session} = session(node, bob, context.id)
      session = join(session, context.id, room)
      path = "#{context.guild}/members/#{bob.id}"
      %{room: room, voice: voice, session: session, path: path}
    end

    # The member is told where it is by the next change.
    defp assert_still(%{session: session, owner: owner, room: room} = context) do
      {200, _member} = call(owner, :patch, context.path, %{mute: true})
      {state, _session} = GatewayClient.await(session, "VOICE_STATE_UPDATE")
      assert {state["channel_id"], state["mute"]} == {room, true}
    end

    test "needs the rights in the target", %{mod: mod, voice: voice} = context do
      promote(context, :move_members)

      for {right, code} <- [view_channel: 50_001, connect: 50_013, move_members: 50_013] do
        target = voice.("t", %{permission_overwrites: denied(mod, right)})
        assert_refused(context, mod, :patch, context.path, %{channel_id: target}, code)
      end

      target = voice.("t", %{permission_overwrites: denied(context.bob, :view_channel)})
      assert_refused(context, mod, :patch, context.path, %{channel_id: target}, 50_013)
      assert_still(context)
    end

    test "needs the right in its channel", %{mod: mod, voice: voice} = context do
      promote(context, :move_members)
      target = voice.("t", %{user_limit: 1})
      room = "/channels/#{context.room}"
      change = %{permission_overwrites: denied(mod, :move_members)}
      {200, _channel} = call(context.owner, :patch, room, change)

      for id <- [nil, target] do
        assert_refused(context, mod, :patch, context.path, %{channel_id: id}, 50_013)
      end

      # A member in a channel that the actor does not see looks as if it were in none.
      change = %{permission_overwrites: denied(mod, :view_channel)}
      {200, _channel} = call(context.owner, :patch, room, change)

      for id <- [nil, target] do
        assert {400, %{"code" => 40_032}} = call(mod, :patch, context.path, %{channel_id: id})
      end

      assert_still(context)
      {200, _channel} = call(context.owner, :patch, room, %{permission_overwrites: []})
      assert {200, _member} = call(mod, :patch, context.path, %{channel_id: target})
    end
  end

  test "GUILD_CREATE names nobody who is in a hidden voice channel", %{mod: mod} = context do
    %{node: node, bob: bob} = context
    voice = hidden(context, %{type: 2})
    {_guild, session} = session(node, bob, context.id)
    join(session, context.id, voice)

    # Without presences a client is shown itself and who is in a voice channel.
    members = fn user ->
      {%{"members" => members}, _session} = session(node, user, context.id)
      Enum.sort(for member <- members, do: member["user"]["id"])
    end

    assert members.(mod) == [mod.id]
    assert members.(context.owner) == Enum.sort([context.owner.id, bob.id])
  end

  describe "a direct message channel" do
    setup %{node: node} do
      [ada, bob, eve] = for name <- ["ada", "bob", "eve"], do: bot(node) |> Map.put(:name, name)
      {200, %{"id" => dm}} = call(ada, :post, "/users/@me/channels", %{recipient_id: bob.id})
      %{ada: ada, bob: bob, eve: eve, dm: dm}
    end

    test "is no guild, for nobody", %{node: node, ada: ada, eve: eve, dm: dm} do
      zed = person(node, "zed")
      routes = for %{segments: segments} = route <- Routes.all(), guild?(segments), do: route
      assert length(routes) > 30

      for route <- routes, caller <- [ada, eve] do
        path = fill(route, %{guild_id: dm, application_id: caller.id, user_id: zed.id})
        answer = call(caller, route.method, path, body(route, zed))
        assert match?({404, %{"code" => 10_004}}, answer), "#{route.path}: #{inspect(answer)}"
      end

      for path <- ["", "/channels", "/roles", "/members", "/members/#{ada.id}"] do
        assert {404, %{"code" => 10_004}} =
                 call(operator(node), :get, "/admin/guilds/#{dm}#{path}")
      end
    end

    defp guild?(segments), do: {:param, :guild_id} in segments

    # Requests must be well-formed, as forms are read first.
    defp fill(route, ids) do
      Enum.map_join(route.segments, fn
        {:param, name} -> "/#{Map.get(ids, name, "5")}"
        "search" -> "/search?query=a"
        text -> "/" <> text
      end)
    end

    defp body(%{method: "GET"}, _user), do: nil
    defp body(%{body: :array}, _user), do: []

    # Every field that a route requires; none minds those of the others.
    defp body(_route, user) do
      %{name: "cc", description: "d", user_ids: ["5"], access_token: user.authorization}
    end

    test "has no members, voice channels or lists for the gateway", context do
      %{node: node, ada: ada, dm: dm} = context
      {_ready, client} = node |> GatewayClient.open() |> GatewayClient.identify(ada.authorization)
      # The session is in the direct message channel now.
      {200, _message} = call(ada, :post, "/channels/#{dm}/messages", %{content: "hi"})
      {_message, client} = GatewayClient.await(client, "MESSAGE_CREATE")
      client = GatewayClient.send_op(client, 4, %{guild_id: dm, channel_id: dm})
      client = GatewayClient.send_op(client, 14, %{guild_id: dm, channels: %{dm => [[0, 99]]}})

      for {query, n} <-
            Enum.with_index([
              %{user_ids: [ada.id]},
              %{query: "a", limit: 1},
              %{query: "", limit: 0}
            ]),
          reduce: client do
        client ->
          request = Map.merge(query, %{guild_id: dm, nonce: "#{n}", presences: true})
          client = GatewayClient.send_op(client, 8, request)
          # The next event: nothing came of the voice channel or the list.
          assert {%{"t" => "GUILD_MEMBERS_CHUNK", "d" => chunk}, client} =
                   GatewayClient.recv(client)

          assert {chunk["members"], chunk["nonce"]} == {[], "#{n}"}
          client
      end
    end

    test "is nothing to be managed", %{ada: ada, bob: bob, eve: eve, dm: dm} do
      channel = "/channels/#{dm}"
      {200, %{"id" => message}} = call(bob, :post, channel <> "/messages", %{content: "mine"})
      thumb = "#{channel}/messages/#{message}/reactions/%F0%9F%91%8D"
      {204, nil} = call(bob, :put, thumb <> "/@me")

      for {method, path, form} <- [
            {:patch, channel, %{name: "c", parent_id: "5"}},
            {:delete, channel, nil},
            {:put, "#{channel}/permissions/#{eve.id}", %{type: 1, allow: bits(:view_channel)}},
            {:delete, "#{channel}/permissions/#{eve.id}", nil},
            {:get, channel <> "/invites", nil},
            {:get, channel <> "/webhooks", nil},
            {:delete, "#{channel}/messages/#{message}", nil},
            {:patch, "#{channel}/messages/#{message}", %{flags: 4}},
            {:post, channel <> "/messages/bulk-delete", %{messages: [message, "5"]}},
            {:delete, "#{thumb}/#{bob.id}", nil},
            {:delete, thumb, nil},
            {:delete, "#{channel}/messages/#{message}/reactions", nil}
          ] do
        for {caller, code} <- [{ada, 50_003}, {eve, 50_001}] do
          answer = call(caller, method, path, form)
          assert match?({403, %{"code" => ^code}}, answer), "#{path}: #{inspect(answer)}"
        end
      end

      assert {200, [%{"content" => "mine", "reactions" => [_thumb], "flags" => 0}]} =
               call(ada, :get, channel <> "/messages")
    end
  end
end
