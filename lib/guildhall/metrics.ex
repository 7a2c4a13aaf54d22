defmodule Guildhall.Metrics do
  @moduledoc false

  # What `/metrics` says: counters and histograms fed by telemetry, gauges read when they are asked for.
  #
  #   owns      the table of counters, the telemetry handler
  #   started   by `Guildhall.Supervisor`, one per node, first of all
  #   a crash   loses the counts; Prometheus takes that for a restart
  #   mailbox   empty: events are counted where they happen

  use GenServer

  alias Guildhall.{Instance, SharedTable, Telemetry}
  alias Guildhall.Metrics.{Definition, Prometheus}

  @feeds Enum.group_by(Definition.fed(), & &1.event)

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    GenServer.start_link(__MODULE__, options[:instance], name: table(options[:instance]))
  end

  @doc "Returns every metric in Prometheus' text format."
  @spec render(Instance.t()) :: iodata()
  def render(instance), do: Prometheus.render(Definition.all(), read(instance), instance)

  @doc "Returns the few figures that say what the node is doing, as label and text."
  @spec summary(Instance.t()) :: [{String.t(), String.t()}]
  def summary(instance) do
    counts = read(instance)
    for {label, value} <- Definition.summary(counts, instance), do: {label, figure(value)}
  end

  @impl GenServer
  def init(instance) do
    # Without it, `terminate` would not detach the handler when the node stops.
    Process.flag(:trap_exit, true)
    name = table(instance)
    ^name = :ets.new(name, [:named_table, :public, write_concurrency: true])

    # Copied for every event, so nothing is in it but two atoms.
    handler = fn event, measurements, metadata ->
      if Map.get(metadata, :instance, instance) == instance do
        for metric <- feeds(event), do: feed(name, metric, measurements, metadata)
      end
    end

    # That of a process that was killed counts into a table which is gone.
    _left = Telemetry.detach({__MODULE__, instance})
    :ok = Telemetry.attach({__MODULE__, instance}, Map.keys(@feeds), handler)
    {:ok, instance}
  end

  @impl GenServer
  def terminate(_reason, instance), do: Telemetry.detach({__MODULE__, instance})

  for {event, metrics} <- @feeds do
    defp feeds(unquote(event)), do: unquote(Macro.escape(metrics))
  end

  defp feed(table, %{kind: :counter} = metric, measurements, metadata) do
    add(table, {metric.name, labels(metric, metadata)}, amount(metric, measurements))
  end

  # A bucket is counted alone; the text adds up those below it.
  defp feed(table, %{kind: :histogram} = metric, measurements, metadata) do
    labels = labels(metric, metadata)
    microseconds = System.convert_time_unit(measurements.duration, :native, :microsecond)
    bucket = Enum.find(Definition.buckets(), :infinity, &(microseconds <= &1))
    add(table, {metric.name, labels, bucket}, 1)
    add(table, {metric.name, labels, :sum}, microseconds)
  end

  defp amount(%{measurement: nil}, _measurements), do: 1
  defp amount(%{measurement: name}, measurements), do: Map.fetch!(measurements, name)

  defp labels(metric, metadata), do: for(label <- metric.labels, do: Map.fetch!(metadata, label))

  defp add(table, key, amount), do: SharedTable.count(table, key, amount, {key, 0})

  defp read(instance), do: instance |> table() |> SharedTable.rows() |> Map.new()

  defp table(instance), do: Instance.child(instance, :metrics)

  # 1234567 -> "1,234,567"
  defp figure(value) when is_binary(value), do: value

  defp figure(value) do
    value
    |> Integer.to_string()
    |> String.reverse()
    |> String.replace(~r/(\d{3})(?=\d)/, "\\1,")
    |> String.reverse()
  end
end
