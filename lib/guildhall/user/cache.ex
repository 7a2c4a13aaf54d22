defmodule Guildhall.User.Cache do
  @moduledoc false

  # Accounts that were asked for lately.
  #
  #   owns      the table, which every process reads and fills
  #   started   by `Guildhall.User.Supervisor`
  #   a crash   forgets the accounts; they are read anew
  #   mailbox   requests to forget everything, when the table is full
  #
  # Whoever changes an account writes it, counts the change and drops the entry. Whoever fills an
  # entry looks at the count before reading and after filling: if it moved, what he read may be old,
  # and he takes it out again.

  use GenServer

  alias Guildhall.{Instance, Store, Telemetry}
  alias Guildhall.User.Account

  @enforce_keys [:table, :changes, :limit, :key]
  defstruct @enforce_keys

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    GenServer.start_link(__MODULE__, options,
      name: Instance.child(options[:instance], :user_cache)
    )
  end

  @spec fetch(Instance.t(), user_id :: pos_integer()) ::
          {:ok, Account.t()} | {:error, :unknown_user | :unavailable}
  def fetch(instance, user_id) do
    %__MODULE__{table: table} = cache = Instance.fetch!(instance, :user_cache)

    case :ets.lookup(table, user_id) do
      [{_id, account}] -> {:ok, account}
      [] -> fill(instance, cache, user_id)
    end
  end

  defp fill(instance, %__MODULE__{table: table, changes: changes} = cache, user_id) do
    before = :counters.get(changes, 1)

    with {:ok, account} <- Account.read(instance, user_id) do
      if :ets.info(table, :size) >= cache.limit, do: GenServer.cast(name(instance), :clear)
      :ets.insert(table, {user_id, account})
      if :counters.get(changes, 1) != before, do: :ets.delete(table, user_id)
      {:ok, account}
    end
  end

  # To be called once a change is in the store.
  @spec forget(Instance.t(), user_id :: pos_integer()) :: :ok
  def forget(instance, user_id) do
    %__MODULE__{table: table, changes: changes} = Instance.fetch!(instance, :user_cache)
    :counters.add(changes, 1, 1)
    :ets.delete(table, user_id)
    :ok
  end

  # What tokens are signed with.
  @spec key(Instance.t()) :: binary()
  def key(instance), do: Instance.fetch!(instance, :user_cache).key

  defp name(instance), do: Instance.child(instance, :user_cache)

  @impl GenServer
  def init(options) do
    instance = options[:instance]
    concurrency = [read_concurrency: true, write_concurrency: true]

    Instance.put(instance, :user_cache, %__MODULE__{
      table: :ets.new(name(instance), [:public, :named_table] ++ concurrency),
      changes: :counters.new(1, [:atomics]),
      limit: options[:cache_limit],
      key: Store.secret(instance, "token")
    })

    {:ok, instance}
  end

  # Many may have asked before the first was served.
  @impl GenServer
  def handle_cast(:clear, instance) do
    %__MODULE__{table: table, limit: limit} = Instance.fetch!(instance, :user_cache)
    accounts = :ets.info(table, :size)

    if accounts >= limit do
      :ets.delete_all_objects(table)
      Telemetry.emit([:user, :cache, :clear], %{accounts: accounts}, %{instance: instance})
    end

    {:noreply, instance}
  end
end
