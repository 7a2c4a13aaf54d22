defmodule Guildhall.Http.SlotSweeper do
  @moduledoc false

  # Releases the slots of connections that were killed and could not do it themselves.
  #
  #   owns      nothing
  #   started   by `Guildhall.Http.Supervisor`
  #   a crash   loses nothing
  #   mailbox   a timer a second

  use GenServer

  alias Guildhall.Http.{Settings, Slots}

  @every 1_000

  @spec start_link(atom()) :: GenServer.on_start()
  def start_link(name), do: GenServer.start_link(__MODULE__, name)

  @impl GenServer
  def init(name) do
    Process.send_after(self(), :sweep, @every)
    {:ok, name}
  end

  @impl GenServer
  def handle_info(:sweep, name) do
    name |> Settings.fetch!() |> Slots.sweep()
    Process.send_after(self(), :sweep, @every)
    {:noreply, name}
  end
end
