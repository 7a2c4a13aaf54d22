defmodule Guildhall.User.Cache do
  @moduledoc false

  # Accounts that were asked for lately, and ids that nobody has.
  #
  #   owns      two tables, which every process reads and fills
  #   started   by `Guildhall.User.Supervisor`
  #   a crash   forgets the accounts; they are read again. The stamps stay
  #   mailbox   requests to forget every account, when the table is full; a timer
  #
  # **An entry counts while its stamp is the stamp of its id.** Whoever changes an account writes it
  # and moves the stamp; whoever fills an entry took the stamp before he read. So an entry that was
  # read before a change and filled after it is void, without anyone who looks for it. Ids share
  # 1,024 stamps: a change voids some entries of others, which costs a read each.
  #
  # Joins are counted the same way: as long as the count of an id is what it was, the list of his guilds
  # lacks none that he was told of.
  #
  # Ids that nobody has come from clients that guess. They are in a table of their own, so
  # that they push nobody out, which takes no more when it is full and is emptied every few seconds.

  use GenServer

  alias Guildhall.{Instance, SharedTable, Store, Telemetry}
  alias Guildhall.Model.Token
  alias Guildhall.User.Account

  @stamps 1_024
  @strangers_limit 10_000
  @strangers_time 10_000

  @enforce_keys [:accounts, :strangers, :stamps, :joins, :limit, :key]
  defstruct @enforce_keys

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    GenServer.start_link(__MODULE__, options, name: name(options[:instance]))
  end

  # `read?` says whether an account that is not in memory may be read from the store.
  @spec fetch(Instance.t(), user_id :: pos_integer(), read? :: (() -> boolean())) ::
          {:ok, Account.t()} | {:error, :unknown_user | :unavailable}
  def fetch(instance, user_id, read? \\ fn -> true end) do
    cache = Instance.fetch!(instance, :user_cache)
    stamp = :counters.get(cache.stamps, place(user_id))

    case SharedTable.lookup(cache.accounts, user_id) do
      [{_id, ^stamp, account}] ->
        {:ok, account}

      _none_or_void ->
        if read?.(),
          do: stranger_or_fill(instance, cache, user_id, stamp),
          else: {:error, :unknown_user}
    end
  end

  defp stranger_or_fill(instance, cache, user_id, stamp) do
    case SharedTable.lookup(cache.strangers, user_id) do
      [{_id, ^stamp}] -> {:error, :unknown_user}
      _none_or_void -> fill(instance, cache, user_id, stamp)
    end
  end

  defp fill(instance, cache, user_id, stamp) do
    case Account.read(instance, user_id) do
      {:ok, %Account{kind: kind, generation: generation} = account} ->
        # Signed once, and not with every request.
        account = %{account | token: Token.issue(cache.key, user_id, kind, generation)}
        if full?(cache.accounts, cache.limit), do: GenServer.cast(name(instance), :clear)
        SharedTable.insert(cache.accounts, {user_id, stamp, account})
        {:ok, account}

      {:error, :unknown_user} ->
        unless full?(cache.strangers, @strangers_limit),
          do: SharedTable.insert(cache.strangers, {user_id, stamp})

        {:error, :unknown_user}

      {:error, :unavailable} ->
        {:error, :unavailable}
    end
  end

  # To be called once an account, or a change of one, is in the store.
  @spec changed(Instance.t(), user_id :: pos_integer()) :: :ok
  def changed(instance, user_id) do
    :counters.add(Instance.fetch!(instance, :user_cache).stamps, place(user_id), 1)
  end

  # To be called once he is in a room, before anyone is told.
  @spec joined(Instance.t(), user_id :: pos_integer()) :: :ok
  def joined(instance, user_id) do
    :counters.add(Instance.fetch!(instance, :user_cache).joins, place(user_id), 1)
  end

  @spec joins(Instance.t(), user_id :: pos_integer()) :: integer()
  def joins(instance, user_id) do
    :counters.get(Instance.fetch!(instance, :user_cache).joins, place(user_id))
  end

  # What tokens are signed with; an account in here has its own.
  @spec key(Instance.t()) :: binary()
  def key(instance), do: Instance.fetch!(instance, :user_cache).key

  defp name(instance), do: Instance.child(instance, :user_cache)

  defp place(user_id), do: :erlang.phash2(user_id, @stamps) + 1

  defp full?(table, limit), do: SharedTable.size(table) >= limit

  @impl GenServer
  def init(options) do
    instance = options[:instance]
    before = Instance.get(instance, :user_cache, %{stamps: nil, joins: nil})

    Instance.put(instance, :user_cache, %__MODULE__{
      accounts: table(:user_accounts),
      strangers: table(:user_strangers),
      # Processes that have read an account may be about to insert it.
      stamps: before.stamps || :counters.new(@stamps, [:atomics]),
      joins: before.joins || :counters.new(@stamps, [:atomics]),
      limit: options[:cache_limit],
      key: Store.secret(instance, "token")
    })

    Process.send_after(self(), :forget_strangers, @strangers_time)
    {:ok, instance}
  end

  defp table(name), do: :ets.new(name, [:public, read_concurrency: true, write_concurrency: true])

  # Many may have asked before the first was served.
  @impl GenServer
  def handle_cast(:clear, instance) do
    %__MODULE__{accounts: table, limit: limit} = Instance.fetch!(instance, :user_cache)
    accounts = :ets.info(table, :size)

    if accounts >= limit do
      :ets.delete_all_objects(table)
      Telemetry.emit([:user, :cache, :clear], %{accounts: accounts}, %{instance: instance})
    end

    {:noreply, instance}
  end

  @impl GenServer
  def handle_info(:forget_strangers, instance) do
    %__MODULE__{strangers: table} = Instance.fetch!(instance, :user_cache)
    strangers = :ets.info(table, :size)
    :ets.delete_all_objects(table)

    if strangers > 0 do
      Telemetry.emit([:user, :cache, :strangers], %{ids: strangers}, %{instance: instance})
    end

    Process.send_after(self(), :forget_strangers, @strangers_time)
    {:noreply, instance}
  end
end
