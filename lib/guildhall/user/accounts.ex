defmodule Guildhall.User.Accounts do
  @moduledoc false

  # Accounts in the store: made, read, changed. Changes are conditional writes, so that two at the
  # same time do not undo each other.

  import Bitwise

  alias Guildhall.Model.{Application, Intents, Row, Token, User}
  alias Guildhall.{Instance, Store}
  alias Guildhall.User.{Account, Cache, Copies}

  @profile [
    :username,
    :discriminator,
    :global_name,
    :avatar,
    :banner,
    :accent_color,
    :flags,
    :locale
  ]
  @application [:owner_id, :description, :public, :intents]

  # An application's flags say which privileged intents it has; these are those of the bots that are
  # in fewer than 100 guilds, which clients treat alike.
  @flags [guild_presences: 1 <<< 13, guild_members: 1 <<< 15, message_content: 1 <<< 19]

  @type id :: pos_integer()

  @spec create(Instance.t(), map()) :: {:ok, User.t()} | {:error, Store.write_error()}
  def create(instance, attrs) do
    with {:ok, user} <- new(instance, attrs, false),
         :ok <- add(instance, user, []),
         do: {:ok, user}
  end

  @spec import(Instance.t(), [User.t()]) :: :ok | {:error, Store.write_error()}
  def import(instance, users) do
    Store.write(instance, Enum.flat_map(users, &Account.ops(Account.new(&1))))
  end

  @spec create_bot(Instance.t(), map()) ::
          {:ok, User.t(), Application.t()} | {:error, Store.write_error()}
  def create_bot(instance, attrs) do
    with {:ok, user} <- new(instance, attrs, true),
         application = application_of(user, attrs),
         row = Row.encode(application),
         ops = [{:put_new, :users, Account.partition(user.id), "application", row}],
         :ok <- add(instance, user, ops),
         do: {:ok, user, application}
  end

  defp add(instance, user, ops) do
    ops = Account.ops(Account.new(user)) ++ ops
    # Someone may have asked for the id before it was anyone's.
    with :ok <- Store.write(instance, ops), do: Cache.changed(instance, user.id)
  end

  defp new(instance, %{username: username} = attrs, bot) do
    with {:ok, id} <- Store.next_id(instance) do
      user = %User{id: id, username: username, bot: bot}
      {:ok, struct!(user, Map.take(attrs, @profile))}
    end
  end

  defp application_of(%User{} = user, attrs) do
    application = %Application{id: user.id, name: user.username, owner_id: nil}
    application = struct!(application, Map.take(attrs, @application))
    %{application | flags: flags(application.intents)}
  end

  defp flags(intents) do
    for {name, flag} <- @flags, (intents &&& Intents.bit(name)) != 0, reduce: 0 do
      flags -> flags ||| flag
    end
  end

  @spec fetch_many(Instance.t(), [id()]) :: {:ok, [User.t()]} | {:error, :unavailable}
  def fetch_many(_instance, []), do: {:ok, []}

  def fetch_many(instance, user_ids) do
    keys = for id <- user_ids, do: {Account.partition(id), "user"}

    with {:ok, rows} <- Store.get_many(instance, :users, keys) do
      {:ok, for(row when row != nil <- rows, {:ok, user} <- [Row.decode(row)], do: user)}
    end
  end

  @spec application(Instance.t(), id()) ::
          {:ok, Application.t()} | {:error, :unknown_application | :unavailable}
  def application(instance, bot_id) do
    case Cache.fetch(instance, bot_id) do
      {:ok, %Account{application: %Application{} = application}} -> {:ok, application}
      {:error, :unavailable} -> {:error, :unavailable}
      _none -> {:error, :unknown_application}
    end
  end

  @spec authenticate(Instance.t(), term()) ::
          {:ok, User.t()} | {:error, :unauthorized | :unavailable}
  def authenticate(instance, token) do
    with {:ok, user_id} <- Token.parse(token),
         {:ok, %Account{user: user, token: right}} <-
           Cache.fetch(instance, user_id, fn -> issued?(instance, user_id, token) end),
         true <- Token.same?(token, right) do
      {:ok, user}
    else
      {:error, :unavailable} -> {:error, :unavailable}
      _wrong -> {:error, :unauthorized}
    end
  end

  # A token that was never issued is refused without a read of the store: the signature says so.
  defp issued?(instance, user_id, token) do
    Token.issued?(Cache.key(instance), user_id, token)
  end

  @spec token(Instance.t(), id()) :: {:ok, String.t()} | {:error, :unknown_user | :unavailable}
  def token(instance, user_id) do
    with {:ok, account} <- Account.read(instance, user_id) do
      {:ok, Token.issue(Cache.key(instance), user_id, account.kind, account.generation)}
    end
  end

  @spec revoke(Instance.t(), id()) :: :ok | {:error, :unknown_user | Store.write_error()}
  def revoke(instance, user_id) do
    with {:ok, account} <- Account.read(instance, user_id) do
      next = %{account | generation: account.generation + 1}
      change = {Account.credential(account), Account.credential(next)}

      case replace(instance, user_id, "credential", change) do
        {:error, :conflict} -> revoke(instance, user_id)
        result -> result
      end
    end
  end

  @spec update(Instance.t(), id(), map()) ::
          {:ok, User.t()} | {:error, :unknown_user | Store.write_error()}
  def update(instance, user_id, changes) do
    case Store.get(instance, :users, Account.partition(user_id), "user") do
      {:ok, row} -> update_row(instance, user_id, row, changes)
      :none -> {:error, :unknown_user}
      {:error, reason} -> {:error, reason}
    end
  end

  # The condition is the row as it was read: what an older release wrote differs from what this one
  # would write of the same user.
  defp update_row(instance, user_id, row, changes) do
    with {:ok, user} <- decode(row),
         user = struct!(user, Map.take(changes, @profile)),
         :ok <- replace(instance, user_id, "user", {row, Row.encode(user)}, [Copies.op(user_id)]) do
      {:ok, user}
    else
      {:error, :conflict} -> update(instance, user_id, changes)
      {:error, reason} -> {:error, reason}
    end
  end

  defp decode(row), do: with({:error, :corrupt} <- Row.decode(row), do: {:error, :unavailable})

  defp replace(instance, user_id, key, {old, new}, more \\ []) do
    op = {:put_if, :users, Account.partition(user_id), key, old, new}
    with :ok <- Store.write(instance, [op | more]), do: Cache.changed(instance, user_id)
  end
end
