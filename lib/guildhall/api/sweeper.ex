defmodule Guildhall.Api.Sweeper do
  @moduledoc false

  # The process that owns the limiters' tables, of users and of addresses, and keeps them small.
  #
  #   owns      the tables; requests count in them without asking
  #   started   by `Guildhall.Api`, one per instance
  #   a crash   loses the counts: every rate is counted from zero
  #   mailbox   a timer a second

  use GenServer

  alias Guildhall.{Instance, Limiter, Store, Telemetry}

  @every 1_000

  @enforce_keys [:instance, :tables]
  defstruct @enforce_keys

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options), do: GenServer.start_link(__MODULE__, options[:instance])

  @impl GenServer
  def init(instance) do
    tables =
      for name <- [:api_limiter, :address_limiter] do
        table = instance |> Instance.child(name) |> Limiter.new()
        Instance.put(instance, name, table)
        table
      end

    # Made now, so that the operator finds it in the data folder before he asks for anything.
    Store.secret(instance, "operator")
    Process.send_after(self(), :sweep, @every)
    {:ok, %__MODULE__{instance: instance, tables: tables}}
  end

  @impl GenServer
  def handle_info(:sweep, %__MODULE__{instance: instance, tables: tables} = sweeper) do
    now = System.monotonic_time(:millisecond)
    swept = tables |> Enum.map(&Limiter.sweep(&1, now)) |> Enum.sum()
    rows = tables |> Enum.map(&:ets.info(&1, :size)) |> Enum.sum()
    measurements = %{rows: rows, swept: swept}
    Telemetry.emit([:api, :sweep], measurements, %{instance: instance})
    Process.send_after(self(), :sweep, @every)
    {:noreply, sweeper}
  end
end
