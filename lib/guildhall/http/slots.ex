defmodule Guildhall.Http.Slots do
  @moduledoc false

  # Which connections there are, whose they are, and how many bytes of bodies each client has in memory.
  # A connection belongs to the client's address, and to its account once the handler has named one.
  # Address and account have limits; when the server is full, connections are closed in this order:
  #
  #   0  has not sent a whole head yet, and is older than a second (or there are many of them)
  #   1  anonymous: idle, or a WebSocket that no session has taken
  #   2  idle, of an account or of a trusted proxy
  #
  # and within each the oldest first. The tables belong to the server's supervisor. A process that was
  # killed leaves its rows behind; `Guildhall.Http.SlotSweeper` releases them.

  import Bitwise

  alias Guildhall.Http
  alias Guildhall.Http.{Address, Settings}

  @enforce_keys [:connections, :owned, :owners, :bodies, :locks]
  defstruct @enforce_keys

  @typedoc "`connections` and `owned` are the same rows in two orders."
  @type tables :: %__MODULE__{
          connections: :ets.table(),
          owned: :ets.table(),
          owners: :ets.table(),
          bodies: :ets.table(),
          locks: :ets.table()
        }
  @type owner :: :inet.ip_address() | {:proxy, :inet.ip_address()} | {:account, term()}
  @type t :: {class :: 0..2, opened_at :: integer(), pid(), owner()}

  # How long a connection may take to leave before the next one is asked, and how many are asked.
  @patience 50
  @tries 4
  # How many are looked at for it.
  @candidates 64
  # How many acceptors may wait for connections of an owner that is at its limit.
  @waiting 4
  # A connection may be silent for so long before it counts as idle.
  @silence 1_000
  # More silent connections than this share of all are a flood, however young they are.
  @flood 16
  # Before every time.
  @first -1 <<< 62

  @spec new() :: tables()
  def new do
    set = [:public, write_concurrency: true, read_concurrency: true]

    %__MODULE__{
      connections: :ets.new(:http_connections, [:ordered_set | set]),
      owned: :ets.new(:http_owned, [:ordered_set | set]),
      owners: :ets.new(:http_owners, [:set | set]),
      bodies: :ets.new(:http_bodies, [:set | set]),
      locks: :ets.new(:http_locks, [:set, :public])
    }
  end

  @doc "Makes room for a connection of this address, or says which limit is reached."
  @spec claim(Settings.t(), :inet.ip_address()) ::
          {:ok, owner()} | {:error, :max_connections | :connections_per_address}
  def claim(settings, address) do
    owner = owner(settings, address)

    with :ok <- own(settings, owner) do
      if open(settings, @tries) do
        {:ok, owner}
      else
        disown(settings, owner)
        {:error, :max_connections}
      end
    end
  end

  # Takes one of the slots. Another acceptor may take the one that was freed here. A connection that
  # waits for a slot is not counted meanwhile.
  defp open(settings, tries) do
    if Settings.count(settings, :open, 1) <= settings.max_connections do
      true
    else
      Settings.count(settings, :open, -1)
      tries > 0 and evict(settings) and open(settings, tries - 1)
    end
  end

  defp owner(settings, address) do
    if Address.in?(address, settings.proxies),
      do: {:proxy, address},
      else: Address.client(address)
  end

  # Counts a connection for its owner; at the limit an idle one of the same owner has to go.
  defp own(settings, owner) do
    limit = if match?({:proxy, _}, owner), do: :infinity, else: settings.connections_per_address
    # An atom is more than every number.
    if add(settings, owner, 2, 1) <= limit or alone(settings, owner, &evict_owned/2) do
      :ok
    else
      disown(settings, owner)
      {:error, :connections_per_address}
    end
  end

  # Acceptors that wait for connections of owners at their limits accept nobody else meanwhile, so only
  # some of them may wait, and only one for the same owner.
  defp alone(%{slots: slots} = settings, owner, fun) do
    lock = {:evicting, :erlang.phash2(owner, @waiting)}

    with true <- lock?(slots.locks, lock) do
      result = fun.(settings, owner)
      :ets.delete_object(slots.locks, {lock, self()})
      result
    end
  end

  # An acceptor that was killed left its lock behind.
  defp lock?(locks, lock) do
    :ets.insert_new(locks, {lock, self()}) or
      case :ets.lookup(locks, lock) do
        [{_lock, pid} = row] when is_pid(pid) ->
          not Process.alive?(pid) and :ets.take(locks, lock) == [row] and lock?(locks, lock)

        [] ->
          false
      end
  end

  defp disown(settings, owner), do: add(settings, owner, 2, -1)

  defp add(%{slots: slots}, owner, position, change) do
    case :ets.update_counter(slots.owners, owner, {position, change}, {owner, 0, 0}) do
      0 ->
        :ets.delete_object(slots.owners, {owner, 0, 0})
        0

      count ->
        count
    end
  end

  @doc "Gives a claimed slot to the connection's process."
  @spec put(Settings.t(), owner(), pid(), opened_at :: integer()) :: t()
  def put(settings, owner, pid, opened_at) do
    class = if match?({:proxy, _}, owner), do: 2, else: 0
    if class == 0, do: Settings.count(settings, :silent, 1)
    insert(settings, {class, opened_at, pid, owner})
  end

  @doc "A claimed slot is not needed after all."
  @spec cancel(Settings.t(), owner()) :: :ok
  def cancel(settings, owner) do
    Settings.count(settings, :open, -1)
    disown(settings, owner)
    :ok
  end

  @doc "The connection has sent its first head."
  @spec heard(Settings.t(), t()) :: t()
  def heard(settings, {0, opened_at, pid, owner} = slot) do
    Settings.count(settings, :silent, -1)
    move(settings, slot, {1, opened_at, pid, owner})
  end

  def heard(_settings, slot), do: slot

  @doc "The connection is an account's: it counts there, and no longer for its address."
  @spec known(Settings.t(), t(), account :: term()) :: t()
  def known(_settings, {2, _opened_at, _pid, _owner} = slot, _account), do: slot

  def known(settings, {_class, opened_at, pid, owner} = slot, account) do
    account = {:account, account}
    limit = settings.connections_per_address

    # Another of the account's connections goes as soon as it is idle; this request is served in any case.
    if add(settings, account, 2, 1) > limit, do: ask_only(settings, account)
    slot = move(settings, slot, {2, opened_at, pid, account})
    disown(settings, owner)
    slot
  end

  @doc "A WebSocket that came through a proxy counts for the client until a session has it."
  @spec forwarded(Settings.t(), t(), :inet.ip_address()) ::
          {:ok, t()} | {:error, :connections_per_address}
  def forwarded(settings, {2, opened_at, pid, {:proxy, _} = proxy} = slot, address) do
    owner = Address.client(address)

    with :ok <- own(settings, owner) do
      slot = move(settings, slot, {1, opened_at, pid, owner})
      disown(settings, proxy)
      {:ok, slot}
    end
  end

  def forwarded(_settings, slot, _address), do: {:ok, slot}

  @doc "The connection is over, or a session has it. May be called twice."
  @spec release(Settings.t(), t()) :: :ok
  def release(%{slots: slots} = settings, {class, opened_at, pid, owner}) do
    if :ets.take(slots.connections, {class, opened_at, pid}) != [] do
      :ets.delete(slots.owned, {owner, class, opened_at, pid})
      if class == 0, do: Settings.count(settings, :silent, -1)
      cancel(settings, owner)
    end

    :ok
  end

  # The new row first, so that a process that is killed here has one row at least.
  defp move(%{slots: slots} = settings, {class, opened_at, pid, owner}, new) do
    new = insert(settings, new)
    :ets.delete(slots.owned, {owner, class, opened_at, pid})
    if elem(new, 0) != class, do: :ets.delete(slots.connections, {class, opened_at, pid})
    new
  end

  defp insert(%{slots: slots}, {class, opened_at, pid, owner} = slot) do
    :ets.insert(slots.owned, {{owner, class, opened_at, pid}})
    :ets.insert(slots.connections, {{class, opened_at, pid}, owner})
    slot
  end

  @doc "Counts bytes of a body that the calling connection receives, for all its owners."
  @spec receiving(Settings.t(), [owner()], pos_integer()) :: :ok | {:error, :body_share}
  def receiving(%{slots: slots} = settings, owners, bytes) do
    :ets.update_counter(slots.bodies, self(), {3, bytes}, {self(), owners, 0})
    counts = Enum.map(owners, &add(settings, &1, 3, bytes))
    if Enum.any?(counts, &(&1 > settings.body_share)), do: {:error, :body_share}, else: :ok
  end

  @doc "The body of this connection is complete, or given up."
  @spec received(Settings.t(), pid()) :: :ok
  def received(%{slots: slots} = settings, pid) do
    for {_pid, owners, bytes} <- :ets.take(slots.bodies, pid), bytes > 0 do
      Settings.count(settings, :receiving, -bytes)
      Enum.each(owners, &add(settings, &1, 3, -bytes))
    end

    :ok
  end

  @doc "Releases what processes that were killed have left."
  @spec sweep(Settings.t()) :: :ok
  def sweep(%{slots: slots} = settings) do
    for {{class, opened_at, pid}, owner} <- :ets.tab2list(slots.connections),
        not Process.alive?(pid),
        do: release(settings, {class, opened_at, pid, owner})

    for {pid, _owners, _bytes} <- :ets.tab2list(slots.bodies),
        not Process.alive?(pid),
        do: received(settings, pid)

    :ok
  end

  # Closing one connection of this owner.
  defp evict_owned(%{slots: %{owned: owned}} = settings, owner) do
    with {^owner, 0, opened_at, pid} <- :ets.next(owned, {owner, 0, @first, 0}),
         true <- old?(opened_at) do
      stop({0, opened_at, pid, owner}, settings, :connections_per_address)
    else
      _none_or_young -> ask(&next_of(settings, owner, &1), settings, :connections_per_address)
    end
  end

  defp next_of(%{slots: %{owned: owned}}, owner, previous) do
    {opened_at, pid} = if previous, do: {elem(previous, 1), elem(previous, 2)}, else: {@first, 0}

    case :ets.next(owned, {owner, 1, opened_at, pid}) do
      {^owner, 1, opened_at, pid} -> {1, opened_at, pid, owner}
      _none -> nil
    end
  end

  defp ask_only(%{slots: %{owned: owned}}, owner) do
    with {^owner, 2, _opened_at, pid} when pid != self() <-
           :ets.next(owned, {owner, 2, @first, 0}),
         do: send(pid, {Http, :evict})
  end

  # Closing one connection of anybody.
  defp evict(settings) do
    silent = next(settings, nil, 0)

    cond do
      silent != nil and (flood?(settings) or old?(elem(silent, 1))) ->
        stop(silent, settings, :max_connections)

      ask(&next(settings, &1, 1), settings, :max_connections) ->
        true

      ask(&next(settings, &1, 2), settings, :max_connections) ->
        true

      true ->
        silent != nil and stop(silent, settings, :max_connections)
    end
  end

  defp flood?(settings) do
    Settings.count(settings, :silent, 0) * @flood >= settings.max_connections
  end

  defp old?(opened_at) do
    age = System.monotonic_time() - opened_at
    System.convert_time_unit(age, :native, :millisecond) >= @silence
  end

  defp next(settings, previous, class) do
    key = if previous, do: Tuple.delete_at(previous, 3), else: {class, @first, 0}
    after_key(settings.slots.connections, key, class)
  end

  # A row that another acceptor has deleted meanwhile is passed over: it is not the end of its class.
  defp after_key(connections, key, class) do
    with {^class, opened_at, pid} = key <- :ets.next(connections, key) do
      case :ets.lookup(connections, key) do
        [{_key, owner}] -> {class, opened_at, pid, owner}
        [] -> after_key(connections, key, class)
      end
    else
      _end_of_class -> nil
    end
  end

  # The oldest that leaves when it is asked.
  defp ask(next, settings, reason), do: ask(next, settings, reason, {nil, @tries, @candidates})

  defp ask(_next, _settings, _reason, {_previous, tries, candidates})
       when tries == 0 or candidates == 0,
       do: false

  defp ask(next, settings, reason, {previous, tries, candidates}) do
    with {_class, _opened_at, pid, _owner} = slot <- next.(previous) do
      cond do
        busy?(pid) -> ask(next, settings, reason, {slot, tries, candidates - 1})
        leaves?(slot, settings, reason) -> true
        true -> ask(next, settings, reason, {slot, tries - 1, candidates - 1})
      end
    else
      nil -> false
    end
  end

  # Something came for it, or it was asked before and is still being served.
  defp busy?(pid) do
    {:message_queue_len, 0} != (Process.info(pid, :message_queue_len) || {:message_queue_len, 0})
  end

  # A connection that is being served goes on, and closes after its answer.
  defp leaves?({_class, _opened_at, pid, _owner} = slot, settings, reason) do
    monitor = Process.monitor(pid)
    send(pid, {Http, :evict})
    gone?(slot, settings, reason, monitor)
  end

  # Nothing of it is being served. `:shutdown` is a reason that supervisors do not log.
  defp stop({0, _opened_at, pid, _owner} = slot, settings, reason) do
    monitor = Process.monitor(pid)
    Process.exit(pid, :shutdown)
    gone?(slot, settings, reason, monitor)
  end

  defp gone?(slot, settings, reason, monitor) do
    receive do
      {:DOWN, ^monitor, :process, _pid, _reason} ->
        release(settings, slot)
        Settings.refused(settings, reason)
        true
    after
      @patience ->
        Process.demonitor(monitor, [:flush])
        false
    end
  end
end
