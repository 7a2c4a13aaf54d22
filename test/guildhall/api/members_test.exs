defmodule Guildhall.Api.MembersTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.ApiNode

  setup_all do
    node = ApiNode.start()
    %{node: node, ada: person(node, "ada"), bob: person(node, "bob"), eve: person(node, "eve")}
  end

  setup %{ada: ada, bob: bob} do
    {guild, channel} = guild([ada, bob])

    %{
      guild: "/guilds/#{guild}",
      members: "/guilds/#{guild}/members",
      channel: "/channels/#{channel}"
    }
  end

  describe "members" do
    test "are listed in pages, in order of id", %{ada: ada, bob: bob, members: members} do
      assert {200, [%{"user" => %{"username" => "ada"}}]} = call(ada, :get, members)
      assert {200, [_ada, _bob]} = call(ada, :get, members <> "?limit=1000")

      assert {200, [%{"user" => %{"username" => "bob"}}]} =
               call(ada, :get, members <> "?limit=1&after=#{ada.id}")

      assert {200, []} = call(ada, :get, members <> "?limit=1&after=#{bob.id}")
      assert {400, %{"errors" => %{"limit" => _}}} = call(ada, :get, members <> "?limit=1001")
    end

    test "are not listed for strangers and bots without the intent", context do
      %{node: node, ada: ada, eve: eve, members: members} = context
      assert {403, %{"code" => 50_001}} = call(eve, :get, members)

      blind = bot(node, 0)
      {guild, _channel} = guild([ada, blind])
      assert {403, %{"code" => 50_001}} = call(blind, :get, "/guilds/#{guild}/members")
    end

    test "are found by how their name begins", %{ada: ada, eve: eve, members: members} do
      assert {200, [%{"user" => %{"username" => "bob"}}]} =
               call(ada, :get, members <> "/search?query=BO&limit=10")

      assert {200, []} = call(ada, :get, members <> "/search?query=zz")
      assert {400, %{"errors" => %{"query" => _}}} = call(ada, :get, members <> "/search")
      assert {403, _error} = call(eve, :get, members <> "/search?query=b")
    end

    test "are shown one by one", %{ada: ada, eve: eve, members: members} do
      assert {200, %{"user" => %{"username" => "ada"}, "roles" => []}} =
               call(ada, :get, "#{members}/#{ada.id}")

      assert {404, %{"code" => 10_007}} = call(ada, :get, "#{members}/#{eve.id}")
      assert {400, %{"code" => 50_035}} = call(ada, :get, members <> "/nobody")
    end

    test "are changed by those above them", %{ada: ada, bob: bob, members: members} do
      until = "2030-01-01T00:00:00+00:00"
      member = "#{members}/#{bob.id}"
      assert {200, %{"nick" => "B"}} = call(ada, :patch, member, %{nick: "B"})
      assert {200, %{"nick" => nil}} = call(ada, :patch, member, %{nick: nil})
      assert {200, %{"mute" => true}} = call(ada, :patch, member, %{mute: true})

      soon = DateTime.utc_now() |> DateTime.add(3_600) |> DateTime.to_iso8601()

      assert {200, %{"communication_disabled_until" => <<_::binary>>}} =
               call(ada, :patch, member, %{communication_disabled_until: soon})

      assert {400, _error} = call(ada, :patch, member, %{communication_disabled_until: until})
      assert {400, %{"code" => 40_032}} = call(ada, :patch, member, %{channel_id: nil})
      assert {403, %{"code" => 50_013}} = call(bob, :patch, "#{members}/#{ada.id}", %{nick: "A"})

      assert {400, %{"errors" => %{"nick" => _}}} =
               call(ada, :patch, member, %{nick: String.duplicate("n", 33)})
    end

    test "change their own nickname", %{bob: bob, members: members} do
      assert {200, %{"nick" => "me"}} = call(bob, :patch, members <> "/@me", %{nick: "me"})
    end

    test "are added with their own token", %{ada: ada, eve: eve, bob: bob, members: members} do
      member = "#{members}/#{eve.id}"

      assert {201, %{"nick" => "E"}} =
               call(ada, :put, member, %{access_token: eve.authorization, nick: "E"})

      assert {204, nil} = call(ada, :put, member, %{access_token: eve.authorization})

      assert {400, %{"code" => 50_014}} =
               call(ada, :put, member, %{access_token: bob.authorization})

      assert {400, %{"errors" => %{"access_token" => _}}} = call(ada, :put, member, %{})
    end

    test "are removed", %{ada: ada, bob: bob, members: members, channel: channel} do
      assert {403, %{"code" => 50_013}} = call(bob, :delete, "#{members}/#{ada.id}")
      assert {204, nil} = call(ada, :delete, "#{members}/#{bob.id}")
      assert {403, _error} = call(bob, :get, channel)
      assert {404, %{"code" => 10_007}} = call(ada, :delete, "#{members}/#{bob.id}")
    end

    test "get roles and lose them", %{ada: ada, bob: bob, guild: guild, members: members} do
      {200, %{"id" => role}} = call(ada, :post, guild <> "/roles", %{name: "crew"})
      path = "#{members}/#{bob.id}/roles/#{role}"

      assert {403, %{"code" => 50_013}} = call(bob, :put, path)
      assert {204, nil} = call(ada, :put, path)
      assert {200, %{"roles" => [^role]}} = call(ada, :get, "#{members}/#{bob.id}")
      assert {204, nil} = call(ada, :delete, path)
      assert {200, %{"roles" => []}} = call(ada, :get, "#{members}/#{bob.id}")

      assert {200, %{"roles" => [^role]}} =
               call(ada, :patch, "#{members}/#{bob.id}", %{roles: [role]})

      assert {404, %{"code" => 10_011}} = call(ada, :put, "#{members}/#{bob.id}/roles/1")
    end
  end

  describe "bans" do
    test "keep someone out, with a reason", %{ada: ada, bob: bob, guild: guild} = context do
      ban = "#{guild}/bans/#{bob.id}"
      reason = [{"x-audit-log-reason", "sp%C3%A4m"}]
      assert {204, nil} = call(ada, :put, ban, %{delete_message_seconds: 0}, reason)
      assert {204, nil} = call(ada, :put, ban)

      assert {200, %{"reason" => "späm", "user" => %{"username" => "bob"}}} = call(ada, :get, ban)
      assert {200, [%{"reason" => "späm"}]} = call(ada, :get, guild <> "/bans")

      assert {403, %{"code" => 40_007}} =
               call(ada, :put, "#{context.members}/#{bob.id}", %{access_token: bob.authorization})

      assert {204, nil} = call(ada, :delete, ban)
      assert {404, %{"code" => 10_026}} = call(ada, :delete, ban)
      assert {404, %{"code" => 10_026}} = call(ada, :get, ban)
    end

    test "take the last messages along", %{ada: ada, bob: bob, guild: guild, channel: channel} do
      messages = channel <> "/messages"
      for caller <- [ada, bob, bob], do: {200, _} = call(caller, :post, messages, %{content: "a"})

      assert {204, nil} = call(ada, :put, "#{guild}/bans/#{bob.id}", %{delete_message_days: 1})
      assert {200, left} = call(ada, :get, messages)
      assert Enum.all?(left, &(&1["author"]["username"] == "ada"))
    end

    test "are listed in pages", %{node: node, ada: ada, guild: guild} do
      [one, two] = for name <- ["x", "y"], do: person(node, name)
      for caller <- [one, two], do: {204, nil} = call(ada, :put, "#{guild}/bans/#{caller.id}")

      names = fn query ->
        {200, bans} = call(ada, :get, "#{guild}/bans?#{query}")
        for ban <- bans, do: ban["user"]["username"]
      end

      assert names.("") == ["x", "y"]
      assert names.("limit=1") == ["x"]
      assert names.("after=#{one.id}") == ["y"]
      assert names.("before=#{two.id}") == ["x"]
    end

    test "come in bulk", %{node: node, ada: ada, bob: bob, guild: guild} do
      eve = person(node, "eve2")
      bulk = guild <> "/bulk-ban"
      [bob_id, eve_id] = [bob.id, eve.id]

      assert {200, %{"banned_users" => [^bob_id, ^eve_id], "failed_users" => ["1"]}} =
               call(ada, :post, bulk, %{user_ids: [bob.id, eve.id, "1"]})

      assert {400, %{"code" => 500_000}} = call(ada, :post, bulk, %{user_ids: ["1"]})
      assert {400, %{"code" => 50_035}} = call(ada, :post, bulk, %{user_ids: []})
    end

    test "need the right", %{ada: ada, bob: bob, guild: guild} do
      assert {403, %{"code" => 50_013}} = call(bob, :put, "#{guild}/bans/#{ada.id}")
      assert {403, %{"code" => 50_013}} = call(bob, :get, guild <> "/bans")
      assert {403, %{"code" => 50_013}} = call(bob, :get, "#{guild}/bans/#{ada.id}")

      assert {403, %{"code" => 50_013}} =
               call(bob, :post, guild <> "/bulk-ban", %{user_ids: ["1"]})
    end
  end
end
