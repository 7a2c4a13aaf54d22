defmodule Guildhall.Session.Quota do
  @moduledoc false

  # How many sessions a user may still start: `max_concurrency` shards in 5 seconds, and so many in
  # a day. Windows are fixed, so that a count is one step in a public table.
  #
  #   owns      the table, which any process counts in
  #   started   by `Guildhall.Session.Supervisor`, before the sessions
  #   a crash   forgets what was counted: for a moment more may start
  #   mailbox   a sweep a minute

  use GenServer

  alias Guildhall.Instance

  @burst 5_000
  @day 86_400_000
  @sweep 60_000

  @spec start_link(Instance.t()) :: GenServer.on_start()
  def start_link(instance), do: GenServer.start_link(__MODULE__, instance)

  @doc "Counts one start of a shard, if it is within the limits."
  @spec take(Instance.t(), user_id :: pos_integer(), shard_id :: non_neg_integer(), map()) ::
          :ok | {:error, :rate_limited}
  def take(_instance, _user_id, _shard_id, %{rate_limits: false}), do: :ok

  def take(instance, user_id, shard_id, settings) do
    now = System.system_time(:millisecond)
    bucket = rem(shard_id, settings.max_concurrency)

    if count(instance, {user_id, bucket}, now, @burst) <= 1 and
         count(instance, {user_id, :day}, now, @day) <= settings.identify_limit,
       do: :ok,
       else: {:error, :rate_limited}
  end

  @doc "How many starts are left today, and how long today is."
  @spec left(Instance.t(), user_id :: pos_integer(), map()) ::
          {remaining :: non_neg_integer(), milliseconds :: pos_integer()}
  def left(instance, user_id, settings) do
    now = System.system_time(:millisecond)

    used =
      case :ets.lookup(table(instance), {{user_id, :day}, div(now, @day)}) do
        [{_key, count, _ends_at}] -> count
        [] -> 0
      end

    {max(settings.identify_limit - used, 0), @day - rem(now, @day)}
  end

  defp count(instance, key, now, span) do
    window = div(now, span)
    key = {key, window}
    :ets.update_counter(table(instance), key, {2, 1}, {key, 0, (window + 1) * span})
  end

  defp table(instance), do: Instance.child(instance, :session_quota)

  @impl GenServer
  def init(instance) do
    table = :ets.new(table(instance), [:named_table, :public, write_concurrency: true])
    {:ok, table, {:continue, :sweep}}
  end

  @impl GenServer
  def handle_continue(:sweep, table) do
    now = System.system_time(:millisecond)
    :ets.select_delete(table, [{{:_, :_, :"$1"}, [{:<, :"$1", now}], [true]}])
    {:noreply, table, @sweep}
  end

  @impl GenServer
  def handle_info(:timeout, table), do: {:noreply, table, {:continue, :sweep}}
end
