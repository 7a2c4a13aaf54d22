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
end
