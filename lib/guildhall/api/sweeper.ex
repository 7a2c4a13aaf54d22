defmodule Guildhall.Api.Sweeper do
  @moduledoc false

  # The process that owns the limiter's table and keeps it small.
  #
  #   owns      the table; requests count in it without asking
  #   started   by `Guildhall.Api`, one per instance
  #   a crash   loses the counts: every window begins anew
  #   mailbox   a timer a second

  use GenServer

  alias Guildhall.Api.Limiter
  alias Guildhall.{Instance, Store, Telemetry}

  @every 1_000

  @enforce_keys [:instance, :table]
  defstruct @enforce_keys

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options), do: GenServer.start_link(__MODULE__, options[:instance])

  @impl GenServer
  def init(instance) do
    table = instance |> Instance.child(:api_limiter) |> Limiter.new()
    Instance.put(instance, :api_limiter, table)
    # Made now, so that the operator finds it in the data folder before he asks for anything.
    Store.secret(instance, "operator")
    Process.send_after(self(), :sweep, @every)
    {:ok, %__MODULE__{instance: instance, table: table}}
  end

  @impl GenServer
  def handle_info(:sweep, %__MODULE__{instance: instance, table: table} = sweeper) do
    swept = Limiter.sweep(table, System.monotonic_time(:millisecond))
    measurements = %{rows: :ets.info(table, :size), swept: swept}
    Telemetry.emit([:api, :sweep], measurements, %{instance: instance})
    Process.send_after(self(), :sweep, @every)
    {:noreply, sweeper}
  end
end
