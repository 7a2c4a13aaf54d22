defmodule Guildhall.Events do
  @moduledoc false

  # Telemetry for tests: `listen/0` sends the caller `{:event, path, measurements, metadata}` for
  # every event in the VM until it exits. Async tests hear each other: match on an id of your own.

  alias Guildhall.Telemetry

  @spec listen() :: :ok
  def listen do
    listener = self()
    :ok = Telemetry.attach({__MODULE__, listener}, :all, &send(listener, {:event, &1, &2, &3}))
    ExUnit.Callbacks.on_exit(fn -> Telemetry.detach({__MODULE__, listener}) end)
  end

  @doc """
  Tells a process `:changed` after each of these events, on the node where it is called, for good.

  Wait for what they change with `until/1`.
  """
  @spec watch(pid(), [Telemetry.event()]) :: :ok
  def watch(listener, events) do
    _told_already = Telemetry.attach({:watch, listener}, events, &tell(listener, &1, &2, &3))
    :ok
  end

  defp tell(listener, _event, _measurements, _metadata), do: send(listener, :changed)

  @doc "Waits until it is so, as far as the caller is told of what changes it."
  @spec until((() -> boolean())) :: :ok
  def until(fun) do
    unless fun.() do
      receive do
        :changed -> until(fun)
      after
        60_000 -> ExUnit.Assertions.flunk("it did not come to that")
      end
    end

    :ok
  end
end
