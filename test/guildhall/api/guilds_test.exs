defmodule Guildhall.Api.GuildsTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.ApiNode

  setup_all do
    node = ApiNode.start()
    ada = person(node, "ada")
    bob = person(node, "bob")
    %{node: node, ada: ada, bob: bob, eve: person(node, "eve")}
  end

  setup %{ada: ada, bob: bob} do
    {guild, channel} = guild([ada, bob])
    %{guild: "/guilds/#{guild}", id: guild, channel: "/channels/#{channel}", channel_id: channel}
  end

  test "members see it, with counts if they ask", %{bob: bob, eve: eve, guild: guild, id: id} do
    assert {200, %{"id" => ^id, "name" => "guild", "roles" => [%{"id" => ^id}]} = shown} =
             call(bob, :get, guild)

    refute is_map_key(shown, "approximate_member_count")

    assert {200, %{"approximate_member_count" => 2, "approximate_presence_count" => 0}} =
             call(bob, :get, guild <> "?with_counts=true")

    assert {status, %{"code" => code}} = call(eve, :get, guild)
    assert {status, code} in [{403, 50_001}, {404, 10_004}]
    assert {404, %{"code" => 10_004}} = call(bob, :get, "/guilds/1")
  end

  test "those who may, change it", %{ada: ada, bob: bob} = context do
    %{guild: guild, channel_id: channel} = context
    change = %{name: "new", description: "d", system_channel_id: channel, afk_timeout: 60}

    assert {200, %{"name" => "new", "description" => "d", "system_channel_id" => ^channel}} =
             call(ada, :patch, guild, change)

    assert {200, %{"name" => "new", "description" => nil}} =
             call(ada, :patch, guild, %{description: nil})

    assert {403, %{"code" => 50_013}} = call(bob, :patch, guild, %{name: "mine"})
    assert {400, %{"errors" => %{"name" => _}}} = call(ada, :patch, guild, %{name: "x"})

    assert {400, %{"errors" => %{"afk_timeout" => _}}} =
             call(ada, :patch, guild, %{afk_timeout: 7})

    assert {404, %{"code" => 10_003}} = call(ada, :patch, guild, %{system_channel_id: "1"})
  end

  test "the owner gives it away", %{ada: ada, bob: bob, guild: guild} do
    bob_id = bob.id
    assert {200, %{"owner_id" => ^bob_id}} = call(ada, :patch, guild, %{owner_id: bob.id})
    assert {403, %{"code" => 50_013}} = call(ada, :patch, guild, %{name: "still mine"})
  end

  test "what it does not have is empty, for those who may know", %{ada: ada} = context do
    %{bob: bob, guild: guild, channel: channel} = context

    for path <- ["invites", "webhooks", "emojis", "stickers", "scheduled-events"] do
      assert {200, []} = call(ada, :get, "#{guild}/#{path}")
    end

    for path <- ["invites", "webhooks"] do
      assert {200, []} = call(ada, :get, "#{channel}/#{path}")
      assert {403, %{"code" => 50_013}} = call(bob, :get, "#{channel}/#{path}")
      assert {403, %{"code" => 50_013}} = call(bob, :get, "#{guild}/#{path}")
    end

    assert {200, %{"threads" => [], "members" => []}} =
             call(bob, :get, guild <> "/threads/active")
  end

  describe "channels" do
    test "are made, changed, listed and deleted", %{ada: ada, bob: bob, guild: guild} do
      assert {201, category} = call(ada, :post, guild <> "/channels", %{name: "c", type: 4})

      form = %{name: "plans", topic: "next", parent_id: category["id"], nsfw: true}

      assert {201, %{"id" => id, "type" => 0} = made} =
               call(ada, :post, guild <> "/channels", form)

      assert made["parent_id"] == category["id"]
      channel = "/channels/#{id}"

      assert {200, %{"name" => "plans", "topic" => "next"}} = call(bob, :get, channel)

      assert {200, %{"name" => "done", "topic" => nil, "rate_limit_per_user" => 5}} =
               call(ada, :patch, channel, %{name: "done", topic: nil, rate_limit_per_user: 5})

      assert {200, listed} = call(bob, :get, guild <> "/channels")
      assert Enum.find(listed, &(&1["id"] == id))["name"] == "done"
      assert {200, %{"id" => ^id}} = call(ada, :delete, channel)
      assert {404, %{"code" => 10_003}} = call(ada, :get, channel)
    end

    test "of every kind have what belongs to it", %{ada: ada, guild: guild} do
      for {type, field} <- [
            {2, "bitrate"},
            {5, "topic"},
            {13, "user_limit"},
            {15, "available_tags"}
          ] do
        assert {201, %{"type" => ^type} = channel} =
                 call(ada, :post, guild <> "/channels", %{name: "n", type: type})

        assert is_map_key(channel, field)
      end

      assert {400, %{"errors" => %{"type" => _}}} =
               call(ada, :post, guild <> "/channels", %{name: "n", type: 1})
    end

    test "need the right, and a form", %{ada: ada, bob: bob, guild: guild, channel: channel} do
      assert {403, %{"code" => 50_013}} = call(bob, :post, guild <> "/channels", %{name: "n"})
      assert {403, %{"code" => 50_013}} = call(bob, :patch, channel, %{name: "n"})
      assert {403, %{"code" => 50_013}} = call(bob, :delete, channel)
      assert {400, %{"errors" => %{"name" => _}}} = call(ada, :post, guild <> "/channels", %{})

      assert {400, %{"errors" => %{"permission_overwrites" => %{"0" => %{"type" => _}}}}} =
               call(ada, :patch, channel, %{permission_overwrites: [%{id: "1"}]})
    end

    test "are sorted", %{ada: ada, bob: bob, guild: guild} do
      ids =
        for name <- ["a", "b"] do
          {201, channel} = call(ada, :post, guild <> "/channels", %{name: name})
          channel["id"]
        end

      moves = for {id, position} <- Enum.zip(ids, [20, 10]), do: %{id: id, position: position}
      assert {204, nil} = call(ada, :patch, guild <> "/channels", moves)
      assert {200, listed} = call(bob, :get, guild <> "/channels")
      assert for(%{"name" => name} <- listed, name in ["a", "b"], do: name) == ["b", "a"]

      assert {403, _error} = call(bob, :patch, guild <> "/channels", moves)

      assert {400, %{"errors" => %{"_errors" => [%{"code" => "LIST_TYPE_CONVERT"}]}}} =
               call(ada, :patch, guild <> "/channels", %{})
    end
  end

  describe "overwrites" do
    test "hide a channel and show it again", %{ada: ada, bob: bob, channel: channel, id: id} do
      overwrite = channel <> "/permissions/#{id}"
      assert {204, nil} = call(ada, :put, overwrite, %{type: 0, deny: "1024"})
      assert {403, %{"code" => 50_001}} = call(bob, :get, channel)

      assert {200, %{"permission_overwrites" => [%{"id" => ^id, "deny" => "1024", "type" => 0}]}} =
               call(ada, :get, channel)

      own = channel <> "/permissions/#{bob.id}"
      assert {204, nil} = call(ada, :put, own, %{type: 1, allow: "1024", deny: "0"})
      assert {200, _channel} = call(bob, :get, channel)

      assert {204, nil} = call(ada, :delete, own)
      assert {204, nil} = call(ada, :delete, overwrite)
      assert {200, %{"permission_overwrites" => []}} = call(bob, :get, channel)
      assert {404, %{"code" => 10_009}} = call(ada, :delete, overwrite)
    end

    test "need the right, and a form", %{ada: ada, bob: bob, channel: channel, id: id} do
      overwrite = channel <> "/permissions/#{id}"
      assert {403, %{"code" => 50_013}} = call(bob, :put, overwrite, %{type: 0, deny: "1024"})
      assert {400, %{"errors" => %{"type" => _}}} = call(ada, :put, overwrite, %{type: 2})

      assert {400, %{"errors" => %{"allow" => _}}} =
               call(ada, :put, overwrite, %{type: 0, allow: "x"})

      assert {404, %{"code" => 10_011}} = call(ada, :put, channel <> "/permissions/5", %{type: 0})
    end
  end

  describe "roles" do
    test "are made, changed, sorted, listed and deleted", %{ada: ada, bob: bob, guild: guild} do
      form = %{name: "crew", permissions: "2048", color: 255, hoist: true, mentionable: true}
      assert {200, %{"id" => id} = role} = call(ada, :post, guild <> "/roles", form)

      assert %{
               "name" => "crew",
               "permissions" => "2048",
               "color" => 255,
               "colors" => %{"primary_color" => 255},
               "hoist" => true
             } = role

      assert {200, %{"name" => "crew"}} = call(bob, :get, "#{guild}/roles/#{id}")

      assert {200, %{"name" => "staff", "color" => 16, "permissions" => "2048"}} =
               call(ada, :patch, "#{guild}/roles/#{id}", %{
                 name: "staff",
                 colors: %{primary_color: 16, secondary_color: nil}
               })

      assert {200, %{"id" => other}} = call(ada, :post, guild <> "/roles", %{})

      assert {200, roles} =
               call(ada, :patch, guild <> "/roles", [
                 %{id: id, position: 1},
                 %{id: other, position: 2}
               ])

      assert [_everyone, ^id, ^other] = for(role <- roles, do: role["id"])
      assert {200, ^roles} = call(bob, :get, guild <> "/roles")

      assert {204, nil} = call(ada, :delete, "#{guild}/roles/#{id}")
      assert {404, %{"code" => 10_011}} = call(ada, :get, "#{guild}/roles/#{id}")
    end

    test "need the right, and a form", %{ada: ada, bob: bob, guild: guild, id: id} do
      assert {403, %{"code" => 50_013}} = call(bob, :post, guild <> "/roles", %{name: "r"})

      assert {400, %{"errors" => %{"color" => _}}} =
               call(ada, :post, guild <> "/roles", %{color: -1})

      assert {404, %{"code" => 10_011}} = call(ada, :patch, guild <> "/roles/1", %{name: "r"})
      assert {400, %{"code" => 50_028}} = call(ada, :delete, "#{guild}/roles/#{id}")

      assert {400, %{"errors" => %{"icon" => _}}} =
               call(ada, :post, guild <> "/roles", %{icon: "data:"})
    end
  end

  describe "pins" do
    test "are listed newest first, in both forms", %{ada: ada, bob: bob, channel: channel} do
      [first, second] =
        for n <- 1..2 do
          {200, message} = call(ada, :post, channel <> "/messages", %{content: "#{n}"})
          message["id"]
        end

      assert {204, nil} = call(ada, :put, "#{channel}/messages/pins/#{first}")
      assert {204, nil} = call(ada, :put, "#{channel}/pins/#{second}")

      assert {200, %{"items" => items, "has_more" => false}} =
               call(bob, :get, channel <> "/messages/pins")

      assert Enum.sort(for item <- items, do: item["message"]["id"]) == [first, second]
      assert Enum.all?(items, & &1["message"]["pinned"])

      assert {200, %{"items" => [%{"pinned_at" => _time}], "has_more" => true}} =
               call(bob, :get, channel <> "/messages/pins?limit=1")

      assert {200, %{"items" => []}} =
               call(bob, :get, channel <> "/messages/pins?before=2020-01-01T00:00:00Z")

      assert {200, [_one, _other]} = call(bob, :get, channel <> "/pins")

      assert {204, nil} = call(ada, :delete, "#{channel}/pins/#{first}")
      assert {204, nil} = call(ada, :delete, "#{channel}/messages/pins/#{second}")
      assert {200, []} = call(bob, :get, channel <> "/pins")
    end

    test "need the right, and a message", %{ada: ada, bob: bob, channel: channel} do
      {200, %{"id" => id}} = call(ada, :post, channel <> "/messages", %{content: "a"})
      assert {403, %{"code" => 50_013}} = call(bob, :put, "#{channel}/pins/#{id}")
      assert {404, %{"code" => 10_008}} = call(ada, :put, "#{channel}/messages/pins/1")
    end
  end
end
