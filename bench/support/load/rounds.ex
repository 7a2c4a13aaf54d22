defmodule Bench.Load.Rounds do
  @moduledoc false

  # What the relays of an instance do, summed up from their telemetry.

  alias Guildhall.Telemetry

  @type t :: :counters.counters_ref()

  @rounds 1
  @deliveries 2
  @wakes 3
  @duration 4

  @doc "Begins to count."
  @spec start() :: t()
  def start do
    counters = :counters.new(4, [])

    :ok =
      Telemetry.attach(__MODULE__, [[:guildhall, :relay, :round]], fn _event, measured, _meta ->
        :counters.add(counters, @rounds, 1)
        :counters.add(counters, @deliveries, measured.deliveries)
        :counters.add(counters, @wakes, measured.wakes)
        :counters.add(counters, @duration, measured.duration)
      end)

    counters
  end

  @doc "The sums so far. The duration is in seconds, of all relays together."
  @spec read(t()) :: %{
          rounds: non_neg_integer(),
          deliveries: non_neg_integer(),
          wakes: non_neg_integer(),
          duration: float()
        }
  def read(counters) do
    duration = System.convert_time_unit(:counters.get(counters, @duration), :native, :nanosecond)

    %{
      rounds: :counters.get(counters, @rounds),
      deliveries: :counters.get(counters, @deliveries),
      wakes: :counters.get(counters, @wakes),
      duration: duration / 1.0e9
    }
  end

  @doc "Ends the counting."
  @spec stop() :: :ok
  def stop do
    :ok = Telemetry.detach(__MODULE__)
  end
end
