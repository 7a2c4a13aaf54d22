defmodule Guildhall.Session.Quota do
  @moduledoc false

  # How many sessions a user may still start: `max_concurrency` shards in any 5 seconds, and so many in a
  # day. A day is counted in steps of four hours: the steps that are counted are always 24 hours or more.
  #
  #   owns      the table, which any process counts in
  #   started   by `Guildhall.Session.Supervisor`, before the sessions
  #   a crash   forgets what was counted: for a moment more may start
  #   mailbox   a sweep a minute

  use GenServer

  alias Guildhall.{Instance, Limiter, SharedTable}

  @burst {1, 5_000}
  @resumes {10, 10_000}
  @day 86_400_000
  @step 14_400_000
  # As many steps as a day has, and the one in which it ends.
  @steps 7
  @sweep 60_000

  @spec start_link(Instance.t()) :: GenServer.on_start()
  def start_link(instance), do: GenServer.start_link(__MODULE__, instance)

  @doc "Counts one start of a shard, if it is within the limits."
  @spec take(Instance.t(), user_id :: pos_integer(), shard_id :: non_neg_integer(), map()) ::
          :ok | {:error, :rate_limited}
  def take(_instance, _user_id, _shard_id, %{rate_limits: false}), do: :ok

  def take(instance, user_id, shard_id, settings) do
    now = now()
    bucket = rem(shard_id, settings.max_concurrency)
    table = table(instance)

    with {:ok, _remaining, _reset} <- Limiter.hit(table, {user_id, bucket}, @burst, now),
         true <- used(table, user_id, now) < settings.identify_limit do
      step = Integer.floor_div(now, @step)
      key = {user_id, :day, step}
      SharedTable.count(table, key, 1, {key, 0, (step + @steps) * @step})
      :ok
    else
      _limited -> {:error, :rate_limited}
    end
  end

  @doc "Says whether `take/4` would refuse for the last five seconds, and counts nothing."
  @spec check(Instance.t(), user_id :: pos_integer(), shard_id :: non_neg_integer(), map()) ::
          :ok | {:error, :rate_limited}
  def check(_instance, _user_id, _shard_id, %{rate_limits: false}), do: :ok

  def check(instance, user_id, shard_id, settings) do
    key = {user_id, rem(shard_id, settings.max_concurrency)}

    case Limiter.check(table(instance), key, @burst, now()) do
      {:ok, _remaining, _reset} -> :ok
      {:limited, _none, _wait} -> {:error, :rate_limited}
    end
  end

  @doc "Counts a RESUME of a session, if it is within the limit: each leaves an old connection to close."
  @spec resume(Instance.t(), session_id :: String.t(), map()) :: :ok | {:error, :rate_limited}
  def resume(_instance, _session_id, %{rate_limits: false}), do: :ok

  def resume(instance, session_id, _settings) do
    case Limiter.hit(table(instance), {:resume, session_id}, @resumes, now()) do
      {:ok, _remaining, _reset} -> :ok
      {:limited, _none, _wait} -> {:error, :rate_limited}
    end
  end

  @doc "How many starts are left today, and how long today is."
  @spec left(Instance.t(), user_id :: pos_integer(), map()) ::
          {remaining :: non_neg_integer(), milliseconds :: pos_integer()}
  def left(instance, user_id, settings) do
    now = now()
    table = table(instance)
    remaining = max(settings.identify_limit - used(table, user_id, now), 0)
    {remaining, min(ends_at(table, user_id, now) - now, @day)}
  end

  defp used(table, user_id, now) do
    Enum.sum(for {_key, count, _ends_at} <- steps(table, user_id, now), do: count)
  end

  # When the oldest start no longer counts.
  defp ends_at(table, user_id, now) do
    Enum.reduce(steps(table, user_id, now), now + @day, &min(elem(&1, 2), &2))
  end

  defp steps(table, user_id, now) do
    step = Integer.floor_div(now, @step)

    for n <- (step - @steps + 1)..step,
        row <- SharedTable.lookup(table, {user_id, :day, n}),
        do: row
  end

  defp now, do: System.monotonic_time(:millisecond)

  defp table(instance), do: Instance.child(instance, :session_quota)

  @impl GenServer
  def init(instance) do
    table = Limiter.new(table(instance))
    {:ok, table, {:continue, :sweep}}
  end

  @impl GenServer
  def handle_continue(:sweep, table) do
    Limiter.sweep(table, now())
    {:noreply, table, @sweep}
  end

  @impl GenServer
  def handle_info(:timeout, table), do: {:noreply, table, {:continue, :sweep}}
end
