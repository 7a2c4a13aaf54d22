defmodule Guildhall.Api.AdminTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.{ApiNode, Events}

  setup_all do
    node = ApiNode.start()
    %{node: node, operator: operator(node)}
  end

  defp as(caller, authorization), do: %{caller | authorization: authorization}

  test "needs the operator's secret", %{node: node, operator: operator} do
    body = %{username: "ada"}
    "Bearer " <> secret = operator.authorization
    flipped = secret |> Base.url_decode64!(padding: false) |> :crypto.exor(<<1::256>>)

    for wrong <- [
          "",
          "Bearer ",
          secret,
          "Bearer " <> String.slice(secret, 1..-1//1),
          "Bearer " <> Base.url_encode64(flipped, padding: false),
          person(node).authorization
        ] do
      assert {401, %{"code" => 0, "message" => "401: Unauthorized"}} =
               call(as(operator, wrong), :post, "/admin/users", body)
    end

    assert {201, _user} = call(operator, :post, "/admin/users", body)
  end

  test "finds the secret in the data folder from the start" do
    %{instance: instance} = ApiNode.start()
    file = Path.join(Guildhall.Instance.fetch!(instance, :store).path, "operator.key")
    assert %{size: 32, mode: mode} = File.stat!(file)
    assert Bitwise.band(mode, 0o777) == 0o600
  end

  test "makes people who can call", %{node: node, operator: operator} do
    assert {201, %{"user" => %{"id" => id, "bot" => false}, "token" => token}} =
             call(operator, :post, "/admin/users", %{username: "ada", global_name: "Ada"})

    ada = %{node: node, authorization: token}
    assert {200, %{"id" => ^id, "global_name" => "Ada"}} = call(ada, :get, "/users/@me")
    assert {400, %{"errors" => %{"username" => _}}} = call(operator, :post, "/admin/users", %{})

    assert {200, %{"user" => %{"id" => ^id}, "guilds" => []}} =
             call(operator, :get, "/admin/users/#{id}")

    assert {404, %{"code" => 10_013}} = call(operator, :get, "/admin/users/1")
  end

  test "makes bots, with the intents that they are granted", %{node: node, operator: operator} do
    form = %{username: "echo", intents: ["message_content", "guild_members"], public: false}
    assert {201, made} = call(operator, :post, "/admin/bots", form)
    assert %{"user" => %{"bot" => true}, "application" => %{"bot_public" => false}} = made
    assert Enum.sort(made["intents"]) == ["guild_members", "message_content"]

    bot = %{node: node, authorization: "Bot " <> made["token"]}

    assert {200, %{"name" => "echo", "bot_public" => false}} =
             call(bot, :get, "/applications/@me")

    assert {400, %{"errors" => %{"intents" => %{"0" => _}}}} =
             call(operator, :post, "/admin/bots", %{username: "echo", intents: ["guilds"]})
  end

  test "revokes a token", %{node: node, operator: operator} do
    ada = person(node)
    path = "/admin/users/#{ada.id}/token"
    assert {200, %{"token" => token}} = call(operator, :get, path)
    assert ada.authorization == token

    assert {204, nil} = call(operator, :delete, path)
    assert {401, _error} = call(ada, :get, "/users/@me")
    assert {200, %{"token" => new}} = call(operator, :get, path)
    assert {200, _user} = call(as(ada, new), :get, "/users/@me")
    assert {404, %{"code" => 10_013}} = call(operator, :delete, "/admin/users/1/token")
  end

  test "founds a guild with all that is asked for", %{node: node, operator: operator} do
    ada = person(node)
    bob = person(node, "bob")

    form = %{
      name: "Workshop",
      owner_id: ada.id,
      description: "d",
      roles: [%{name: "crew", permissions: "8"}],
      channels: [%{name: "plans", type: 0, topic: "t"}],
      members: [bob.id, ada.id]
    }

    assert {201, %{"id" => id, "name" => "Workshop", "roles" => roles, "channels" => channels}} =
             call(operator, :post, "/admin/guilds", form)

    assert "crew" in for(role <- roles, do: role["name"])
    assert "plans" in for(channel <- channels, do: channel["name"])

    assert {200, %{"approximate_member_count" => 2}} =
             call(bob, :get, "/guilds/#{id}?with_counts=true")
  end

  test "founds no guild that cannot be as asked", %{node: node, operator: operator} do
    ada = person(node)
    form = %{name: "Workshop", owner_id: ada.id}

    for {change, status, code} <- [
          {%{owner_id: "1"}, 404, 10_013},
          {%{members: ["1"]}, 404, 10_013},
          {%{channels: [%{name: "x", parent_id: "1"}]}, 400, 50_035},
          {%{roles: [%{color: -1}]}, 400, 50_035},
          {%{name: ""}, 400, 50_035}
        ] do
      assert {^status, %{"code" => ^code}} =
               call(operator, :post, "/admin/guilds", Map.merge(form, change))
    end

    assert {200, []} = call(ada, :get, "/users/@me/guilds")
  end

  test "does in a guild what it likes", %{node: node, operator: operator} do
    [ada, bob] = for name <- ["ada", "bob"], do: person(node, name)
    {id, _channel} = guild([ada])
    guild = "/admin/guilds/#{id}"
    member = "#{guild}/members/#{bob.id}"

    assert {200, %{"id" => ^id}} = call(operator, :get, guild)
    assert {200, %{"name" => "renamed"}} = call(operator, :patch, guild, %{name: "renamed"})

    assert {201, %{"name" => "lounge"}} =
             call(operator, :post, guild <> "/channels", %{name: "lounge"})

    assert {200, [_general, _voice, _lounge]} = call(operator, :get, guild <> "/channels")
    assert {200, %{"id" => role}} = call(operator, :post, guild <> "/roles", %{name: "crew"})
    assert {200, [_everyone, _crew]} = call(operator, :get, guild <> "/roles")
    assert {201, %{"nick" => "B"}} = call(operator, :put, member, %{nick: "B", roles: [role]})
    assert {204, nil} = call(operator, :put, member, %{})
    assert {200, %{"roles" => [^role]}} = call(operator, :get, member)
    assert {200, %{"nick" => nil}} = call(operator, :patch, member, %{nick: nil})
    assert {200, [_ada, _bob]} = call(operator, :get, guild <> "/members?limit=10")
    assert {204, nil} = call(operator, :delete, member)
    assert {204, nil} = call(operator, :delete, guild)
    assert {404, %{"code" => 10_004}} = call(operator, :get, guild)
    assert {404, _error} = call(ada, :get, "/guilds/#{id}")
  end

  test "is not part of the API", %{operator: operator, node: node} do
    assert {404, %{"code" => 0}} = call(operator, :post, "/admin/nothing")
    assert {404, %{"code" => 0}} = call(person(node), :post, "/users", %{username: "x"})
  end

  test "tells of every request", %{node: %{instance: instance}, operator: operator} do
    Events.listen()
    assert {404, _error} = call(operator, :get, "/admin/users/3")

    assert_receive {:event, [:guildhall, :api, :request], %{duration: duration},
                    %{instance: ^instance, route: "/users/{user_id}", status: 404} = metadata}

    assert duration > 0
    assert %{method: "GET", reason: :unknown_user} = metadata
  end

  test "is documented, every route of it" do
    documented = File.read!("docs/admin.md")

    for %{path: path} <- Guildhall.Api.AdminRoutes.all() do
      shown = path |> String.replace("/{user_id}", "/USER_ID", global: false)
      shown = String.replace(shown, ~r/\{\w+\}/, "ID")

      shown =
        if String.starts_with?(path, "/users"),
          do: String.replace(shown, "USER_ID", "ID"),
          else: shown

      assert documented =~ "$URL" <> shown, "#{path} is not in docs/admin.md"
    end
  end
end
