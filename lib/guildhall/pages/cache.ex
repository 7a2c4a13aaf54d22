defmodule Guildhall.Pages.Cache do
  @moduledoc false

  # Makes pages that cost something (a write to the disk, a rendering of all metrics) at most so often,
  # however many ask: the others get the last page, or wait for the one that is being made.
  #
  #   owns      the pages and the table of how often they were made
  #   started   by `Guildhall.Supervisor`, after the endpoint, so that its crash takes nothing along
  #   a crash   loses the pages; requests at that moment get a 503
  #   mailbox   calls of those who wait, at most 1,000 of a page, and ends of makers

  use GenServer

  alias Guildhall.{Background, Instance, Limiter, SharedTable}

  @waiters 1_000
  @deadline 3_000

  @enforce_keys [:table]
  defstruct [:table, making: %{}, waiting: %{}]

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    name = name(options[:instance])
    GenServer.start_link(__MODULE__, name, name: name)
  end

  @doc """
  Returns the page, from `make` or from the last call of it: `make` is called at most as often as the limit
  says, and no answer is older than the limit's time.
  """
  @spec fetch(Instance.t(), atom(), Limiter.limit(), (() -> page)) ::
          {:ok, page} | {:error, :unavailable}
        when page: term()
  def fetch(instance, page, {_count, per} = limit, make) do
    server = name(instance)
    now = System.monotonic_time(:millisecond)

    with {:limited, _remaining, _wait} <- Limiter.hit(server, {:rate, page}, limit, now),
         [{_page, at, result}] when now - at < per <- SharedTable.lookup(server, page) do
      {:ok, result}
    else
      _due_or_old -> GenServer.call(server, {:make, page, make}, @deadline)
    end
  catch
    # It is down, or does not answer in time.
    :exit, _reason -> {:error, :unavailable}
  end

  defp name(instance), do: Instance.child(instance, :pages)

  @impl GenServer
  def init(name), do: {:ok, %__MODULE__{table: Limiter.new(name)}}

  @impl GenServer
  def handle_call({:make, page, make}, from, %__MODULE__{waiting: waiting} = cache) do
    case waiting do
      %{^page => waiters} when length(waiters) >= @waiters ->
        {:reply, {:error, :unavailable}, cache}

      %{^page => waiters} ->
        {:noreply, %{cache | waiting: Map.put(waiting, page, [from | waiters])}}

      %{} ->
        # A process of its own, since the disk may take its time.
        monitor = Background.run(fn -> {:made, make.()} end)
        making = Map.put(cache.making, monitor, page)
        {:noreply, %{cache | making: making, waiting: Map.put(waiting, page, [from])}}
    end
  end

  @impl GenServer
  def handle_info({:DOWN, monitor, :process, _pid, reason}, %__MODULE__{} = cache) do
    {page, making} = Map.pop!(cache.making, monitor)
    {waiters, waiting} = Map.pop!(cache.waiting, page)
    answer = made(cache.table, page, Background.result(reason))
    Enum.each(waiters, &GenServer.reply(&1, answer))
    {:noreply, %{cache | making: making, waiting: waiting}}
  end

  defp made(table, page, {:made, result}) do
    :ets.insert(table, {page, System.monotonic_time(:millisecond), result})
    {:ok, result}
  end

  defp made(_table, _page, _crash), do: {:error, :unavailable}
end
