defmodule Guildhall.UserTest do
  use ExUnit.Case, async: true

  alias Guildhall.Model.{Intents, Token}
  alias Guildhall.{Events, Instance, Model, Store, User}
  alias Guildhall.User.{Account, Cache}

  setup context do
    instance = Module.concat(__MODULE__, "N#{System.unique_integer([:positive])}")
    path = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-#{instance}")
    on_exit(fn -> File.rm_rf!(path) end)
    start_supervised!({Store, instance: instance, path: path, engine: :memory})
    start_supervised!({User, [instance: instance] ++ Map.get(context, :options, [])})
    %{instance: instance}
  end

  defp token!(instance, user) do
    {:ok, token} = User.token(instance, user.id)
    token
  end

  test "a person is who his token says", %{instance: instance} do
    assert {:ok, ada} = User.create(instance, %{username: "ada", global_name: "Ada"})
    assert %{username: "ada", global_name: "Ada", bot: false} = ada
    token = token!(instance, ada)

    assert {:ok, ^ada} = User.authenticate(instance, token)
    assert {:ok, ^ada} = User.authenticate(instance, token)
    assert token!(instance, ada) == token
    assert {:ok, ^ada} = User.fetch(instance, ada.id)
  end

  test "a bot has an application of the same id", %{instance: instance} do
    intents = Intents.bit(:message_content)
    attrs = %{username: "echo", owner_id: 7, description: "says it again", intents: intents}
    assert {:ok, bot, application} = User.create_bot(instance, attrs)

    assert %{bot: true} = bot
    assert application.id == bot.id

    assert %{name: "echo", owner_id: 7, description: "says it again", intents: ^intents} =
             application

    assert Bitwise.band(application.flags, Bitwise.bsl(1, 19)) != 0
    assert {:ok, ^application} = User.application(instance, bot.id)
    assert {:ok, ^bot} = User.authenticate(instance, token!(instance, bot))
  end

  test "joins are counted before they are told", %{instance: instance} do
    {:ok, ada} = User.create(instance, %{username: "ada"})
    joins = User.joins(instance, ada.id)
    :ok = User.register(instance, ada.id)
    :ok = User.notify(instance, ada.id, {:updated, ada})
    assert User.joins(instance, ada.id) == joins
    :ok = User.notify(instance, ada.id, {:joined, 7, :guild})
    assert_received {User, {:joined, 7, :guild}}
    assert User.joins(instance, ada.id) == joins + 1
  end

  test "a person has no application", %{instance: instance} do
    {:ok, ada} = User.create(instance, %{username: "ada"})
    assert User.application(instance, ada.id) == {:error, :unknown_application}
  end

  test "nobody else's token will do", %{instance: instance} do
    {:ok, ada} = User.create(instance, %{username: "ada"})
    {:ok, bob} = User.create(instance, %{username: "bob"})
    [_id, middle, signature] = String.split(token!(instance, bob), ".")
    [id | _rest] = String.split(token!(instance, ada), ".")
    key = Store.secret(instance, "token")

    for wrong <- [
          Enum.join([id, middle, signature], "."),
          Token.issue("another key", ada.id, :user, 1),
          Token.issue(key, ada.id, :bot, 1),
          Token.issue(key, ada.id, :user, 2),
          Token.issue(key, 12_345, :user, 1),
          "",
          "nonsense",
          nil
        ] do
      assert User.authenticate(instance, wrong) == {:error, :unauthorized}
    end
  end

  test "a revoked token is worth nothing, the next one is", %{instance: instance} do
    {:ok, ada} = User.create(instance, %{username: "ada"})
    old = token!(instance, ada)
    {:ok, _ada} = User.authenticate(instance, old)
    User.register(instance, ada.id)

    assert User.revoke(instance, ada.id) == :ok
    assert_received {User, {:revoked}}
    assert User.authenticate(instance, old) == {:error, :unauthorized}

    new = token!(instance, ada)
    assert new != old
    assert {:ok, ^ada} = User.authenticate(instance, new)
  end

  test "an update is seen at once, and told", %{instance: instance} do
    {:ok, ada} = User.create(instance, %{username: "ada"})
    {:ok, _ada} = User.fetch(instance, ada.id)
    User.register(instance, ada.id)

    assert {:ok, updated} =
             User.update(instance, ada.id, %{username: "countess", id: 1, bot: true})

    assert updated == %{ada | username: "countess"}
    assert_received {User, {:updated, ^updated}}
    assert {:ok, ^updated} = User.fetch(instance, ada.id)
    assert {:ok, ^updated} = User.authenticate(instance, token!(instance, ada))
  end

  test "no change is lost, and none is hidden by the cache, however many come at once", context do
    %{instance: instance} = context
    {:ok, ada} = User.create(instance, %{username: "ada"})

    readers = for _n <- 1..4, do: Task.async(fn -> read(instance, ada.id, 500) end)

    changes =
      for field <- [:avatar, :banner, :global_name] do
        Task.async(fn ->
          for n <- 1..50, do: {:ok, _user} = User.update(instance, ada.id, %{field => "#{n}"})
        end)
      end

    Task.await_many(changes ++ readers)
    assert {:ok, %{avatar: "50", banner: "50", global_name: "50"}} = User.fetch(instance, ada.id)
  end

  defp read(instance, user_id, times) do
    for _n <- 1..times, do: {:ok, _user} = User.fetch(instance, user_id)
  end

  test "users are fetched in the order asked for, unknown ones left out", %{instance: instance} do
    [a, b] = for name <- ["a", "b"], do: elem(User.create(instance, %{username: name}), 1)

    assert User.fetch_many(instance, [b.id, 1, a.id]) == {:ok, [b, a]}
    assert User.fetch_many(instance, []) == {:ok, []}

    for call <- [&User.fetch/2, &User.token/2, &User.revoke/2] do
      assert call.(instance, 1) == {:error, :unknown_user}
    end

    assert User.update(instance, 1, %{username: "x"}) == {:error, :unknown_user}
  end

  test "a guild's rows say where a user is", %{instance: instance} do
    join = for guild_id <- [30, 10, 20], op <- User.member_ops(7, guild_id, :join), do: op
    :ok = Store.write(instance, join)
    assert User.guilds(instance, 7) == {:ok, [10, 20, 30]}

    :ok = Store.write(instance, User.member_ops(7, 20, :leave))
    assert User.guilds(instance, 7) == {:ok, [10, 30]}
    assert User.guilds(instance, 8) == {:ok, []}
  end

  test "all guilds of someone who is in very many are listed", %{instance: instance} do
    ops = for guild_id <- 1..10_500, op <- User.member_ops(7, guild_id, :join), do: op
    :ok = Store.write(instance, ops)
    assert User.guilds(instance, 7) == {:ok, Enum.to_list(1..10_500)}
  end

  test "direct message channels are listed", %{instance: instance} do
    :ok = Store.write(instance, [{:put, :user_channels, <<7::64>>, <<"dm", 8::64>>, <<99::64>>}])
    assert User.channels(instance, 7) == {:ok, [99]}
  end

  test "notices reach every session of the user, while it lives", %{instance: instance} do
    test = self()

    sessions =
      for n <- 1..2 do
        spawn_link(fn ->
          :ok = User.register(instance, 7)
          send(test, {:registered, n})

          receive do
            {User, notice} -> send(test, {:noticed, n, notice})
          end
        end)
      end

    for n <- 1..2, do: assert_receive({:registered, ^n})
    assert Enum.sort(User.sessions(instance, 7)) == Enum.sort(sessions)

    :ok = User.notify(instance, 7, {:joined, 5, :guild})
    for n <- 1..2, do: assert_receive({:noticed, ^n, {:joined, 5, :guild}})
    assert User.sessions(instance, 8) == []
  end

  @tag options: [cache_limit: 3]
  test "a full cache is emptied, and goes on", %{instance: instance} do
    Events.listen()

    users =
      for n <- 1..5 do
        {:ok, user} = User.create(instance, %{username: "u#{n}"})
        {:ok, ^user} = User.fetch(instance, user.id)
        user
      end

    assert_receive {:event, [:guildhall, :user, :cache, :clear], %{accounts: accounts},
                    %{instance: ^instance}}

    assert accounts >= 3
    for user <- users, do: assert(User.fetch(instance, user.id) == {:ok, user})
  end

  test "an id that nobody has is remembered, until it is someone's", %{instance: instance} do
    id = 12_345
    assert User.fetch(instance, id) == {:error, :unknown_user}

    account = Account.new(%Model.User{id: id, username: "late"})
    :ok = Store.write(instance, Account.ops(account))
    # Nobody said so.
    assert User.fetch(instance, id) == {:error, :unknown_user}

    Cache.changed(instance, id)
    assert {:ok, %{username: "late"}} = User.fetch(instance, id)
  end

  test "no more strangers are remembered than fit, and they are forgotten", context do
    %{instance: instance} = context
    Events.listen()
    {:ok, ada} = User.create(instance, %{username: "ada"})
    {:ok, ^ada} = User.fetch(instance, ada.id)

    for id <- 1..10_100, do: {:error, :unknown_user} = User.fetch(instance, id)
    assert {:ok, ^ada} = User.fetch(instance, ada.id)

    send(Process.whereis(Instance.child(instance, :user_cache)), :forget_strangers)

    assert_receive {:event, [:guildhall, :user, :cache, :strangers], %{ids: 10_000},
                    %{instance: ^instance}}
  end

  test "a user whose row an older release wrote can be changed", %{instance: instance} do
    {:ok, ada} = User.create(instance, %{username: "ada"})
    {:ok, <<1, term::binary>> = row} = Store.get(instance, :users, <<ada.id::64>>, "user")
    # The same user in other bytes.
    older = <<1, :erlang.term_to_binary(:erlang.binary_to_term(term), minor_version: 2)::binary>>
    assert older != row
    :ok = Store.write(instance, [{:put, :users, <<ada.id::64>>, "user", older}])

    assert {:ok, %{username: "countess"}} = User.update(instance, ada.id, %{username: "countess"})
  end

  test "the prefix of bots is taken off" do
    assert User.strip("Bot abc") == "abc"
    assert User.strip("abc") == "abc"
  end

  test "two nodes in one VM know nothing of each other", %{instance: instance} do
    {:ok, ada} = User.create(instance, %{username: "ada"})
    other = Module.concat(instance, Other)
    path = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-#{other}")
    on_exit(fn -> File.rm_rf!(path) end)
    start_supervised!({Store, instance: other, path: path, engine: :memory}, id: :store_of_other)
    start_supervised!({User, instance: other})

    assert User.fetch(other, ada.id) == {:error, :unknown_user}
    assert User.authenticate(other, token!(instance, ada)) == {:error, :unauthorized}
    assert Instance.fetch!(other, :user_cache).key != Instance.fetch!(instance, :user_cache).key
  end
end
