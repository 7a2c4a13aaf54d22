defmodule Guildhall.User do
  @schema [
    instance: [type: :atom, required: true, doc: "The node's name."],
    cache_limit: [
      type: :pos_integer,
      default: 100_000,
      doc: "How many users are kept in memory; beyond them all are forgotten and read anew."
    ]
  ]

  @moduledoc """
  People and bots: who they are, what proves it, and where their sessions are.

      {:ok, ada} = User.create(Chat, %{username: "ada"})
      {:ok, token} = User.token(Chat, ada.id)
      {:ok, ^ada} = User.authenticate(Chat, token)

  A session registers for its user and is sent `{Guildhall.User, notice}`:

    * `{:joined, room_id, :guild | :dm}` - there is a room to attach to
    * `{:updated, user}` - the user changed
    * `{:revoked}` - the user's tokens are worth nothing any more

  Names are not unique; ids are. How it works is in `lib/guildhall/user/README.md`.
  """

  alias Guildhall.{Instance, Model, Options, Store}
  alias Guildhall.Model.Application
  alias Guildhall.User.{Accounts, Cache, Copies, Index, Sessions}

  @type id :: pos_integer()
  @type notice ::
          {:joined, room_id :: id(), :guild | :dm} | {:updated, Model.User.t()} | {:revoked}

  @doc "A child of a supervisor, with the options of `start_link/1`."
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options) do
    %{
      id: {__MODULE__, options[:instance]},
      start: {__MODULE__, :start_link, [options]},
      type: :supervisor
    }
  end

  @doc """
  Starts what users need. The store must run.

  #{Options.docs(@schema)}
  """
  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    options |> Options.validate!(@schema) |> Guildhall.User.Supervisor.start_link()
  end

  @doc "Makes a person. `attrs` are fields of `Guildhall.Model.User`, a `:username` among them."
  @spec create(Instance.t(), map()) :: {:ok, Model.User.t()} | {:error, Store.write_error()}
  def create(instance, attrs), do: Accounts.create(instance, attrs)

  @doc """
  Makes a bot and its application, which have one id.

  `attrs` are fields of both; `:intents` is the mask of the privileged intents that it is granted.
  """
  @spec create_bot(Instance.t(), map()) ::
          {:ok, Model.User.t(), Application.t()} | {:error, Store.write_error()}
  def create_bot(instance, attrs), do: Accounts.create_bot(instance, attrs)

  @doc "Writes people who have their ids already, many at once. For seeding and for moving in."
  @spec import(Instance.t(), [Model.User.t()]) :: :ok | {:error, Store.write_error()}
  def import(instance, users), do: Accounts.import(instance, users)

  @doc "Returns the user's token. It is the same until it is revoked."
  @spec token(Instance.t(), id()) :: {:ok, String.t()} | {:error, :unknown_user | :unavailable}
  def token(instance, user_id), do: Accounts.token(instance, user_id)

  @doc "Makes every token of the user so far worth nothing, and tells the sessions."
  @spec revoke(Instance.t(), id()) :: :ok | {:error, :unknown_user | Store.write_error()}
  def revoke(instance, user_id) do
    with :ok <- Accounts.revoke(instance, user_id), do: notify(instance, user_id, {:revoked})
  end

  @doc "Returns whose token it is. Kept in memory: this is asked with every request."
  @spec authenticate(Instance.t(), term()) ::
          {:ok, Model.User.t()} | {:error, :unauthorized | :unavailable}
  def authenticate(instance, token), do: Accounts.authenticate(instance, token)

  @doc "Takes the `Bot ` from a token that some clients send with it."
  @spec strip(String.t()) :: String.t()
  def strip("Bot " <> token), do: String.trim(token)
  def strip(token), do: token

  @doc "Returns the user."
  @spec fetch(Instance.t(), id()) ::
          {:ok, Model.User.t()} | {:error, :unknown_user | :unavailable}
  def fetch(instance, user_id) do
    with {:ok, account} <- Cache.fetch(instance, user_id), do: {:ok, account.user}
  end

  @doc "Returns those of the users that there are, in the order asked for."
  @spec fetch_many(Instance.t(), [id()]) :: {:ok, [Model.User.t()]} | {:error, :unavailable}
  def fetch_many(instance, user_ids), do: Accounts.fetch_many(instance, user_ids)

  @doc """
  Changes fields of a user, and tells the sessions.

  Guilds have copies of the user; from now on the user is one of `outdated/3`.
  """
  @spec update(Instance.t(), id(), map()) ::
          {:ok, Model.User.t()} | {:error, :unknown_user | Store.write_error()}
  def update(instance, user_id, changes) do
    with {:ok, user} <- Accounts.update(instance, user_id, changes) do
      notify(instance, user_id, {:updated, user})
      {:ok, user}
    end
  end

  @doc "Returns users whose copies in guilds are not up to date, `limit` of them with greater ids."
  @spec outdated(Instance.t(), after_id :: non_neg_integer(), limit :: pos_integer()) ::
          {:ok, [{id(), mark :: binary()}]} | {:error, :unavailable}
  defdelegate outdated(instance, after_id, limit), to: Copies, as: :list

  @doc "The copies are as the account was at this mark; `:conflict` if it has changed since."
  @spec updated(Instance.t(), id(), mark :: binary()) :: :ok | {:error, Store.write_error()}
  defdelegate updated(instance, user_id, mark), to: Copies, as: :delete

  @doc "Returns the application of a bot."
  @spec application(Instance.t(), bot_id :: id()) ::
          {:ok, Application.t()} | {:error, :unknown_application | :unavailable}
  def application(instance, bot_id), do: Accounts.application(instance, bot_id)

  @doc "Returns the guilds that the user is a member of, in order of their ids."
  @spec guilds(Instance.t(), id()) :: {:ok, [id()]} | {:error, :unavailable}
  def guilds(instance, user_id), do: Index.guilds(instance, user_id)

  @doc """
  Counts what the user has joined, and some others have: if it says after `register/2` what it said before
  `guilds/2`, there are no more guilds than those, and the next one comes as a message.
  """
  @spec joins(Instance.t(), id()) :: integer()
  defdelegate joins(instance, user_id), to: Cache

  @doc "Returns the user's direct message channels."
  @spec channels(Instance.t(), id()) :: {:ok, [id()]} | {:error, :unavailable}
  def channels(instance, user_id), do: Index.channels(instance, user_id)

  @doc "What a guild writes, together with its own rows, when a user joins or leaves it."
  @spec member_ops(id(), guild_id :: id(), :join | :leave) :: [Store.op()]
  defdelegate member_ops(user_id, guild_id, change), to: Index

  @doc """
  Makes the calling process a session of the user, until it ends.

  The process is linked to the registry, and receives an exit signal if its entry is lost: it must
  trap exits and register again. `{:error, :unavailable}` while the registry is restarted.
  """
  @spec register(Instance.t(), id()) :: :ok | {:error, :unavailable}
  defdelegate register(instance, user_id), to: Sessions

  @doc "Returns the user's sessions."
  @spec sessions(Instance.t(), id()) :: [pid()]
  defdelegate sessions(instance, user_id), to: Sessions, as: :list

  @doc "Sends `{Guildhall.User, notice}` to the user's sessions."
  @spec notify(Instance.t(), id(), notice()) :: :ok
  defdelegate notify(instance, user_id, notice), to: Sessions
end
