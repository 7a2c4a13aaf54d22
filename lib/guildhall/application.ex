defmodule Guildhall.Application do
  @moduledoc false

  # The application, and the only reader of its environment: options reach the
  # library through `{Guildhall, options}`. As a dependency it starts no process
  # but an empty supervisor; it owns the table of telemetry handlers.

  use Application

  alias Guildhall.Telemetry

  @impl Application
  def start(_type, _arguments) do
    # The process that runs this lives as long as the application, and so does the table.
    Telemetry.init()
    Supervisor.start_link([], strategy: :one_for_one)
  end
end
