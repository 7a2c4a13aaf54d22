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
    # Or the first clients wait for code, and a herd of them in one line.
    {:ok, modules} = :application.get_key(:guildhall, :modules)
    _loaded = :code.ensure_modules_loaded(modules)
    Supervisor.start_link(nodes(), strategy: :one_for_one, name: __MODULE__)
  end

  @doc """
  Starts a node under the application, so that the VM's orderly stop stops it in order.

  Unlike a supervisor's own answer, the reason is the one that the failed part gave.
  """
  @spec start_node(keyword()) :: :ok | {:error, term()}
  def start_node(options) do
    case Supervisor.start_child(__MODULE__, Supervisor.child_spec({Guildhall, options}, [])) do
      {:ok, _pid} -> :ok
      {:error, reason} -> {:error, reason(reason)}
    end
  end

  # A release says `config :guildhall, node: [data: "..."]`.
  defp nodes do
    case Application.get_env(:guildhall, :node) do
      nil -> []
      options -> [{Guildhall, options}]
    end
  end

  defp reason({:shutdown, {:failed_to_start_child, _child, reason}}), do: reason(reason)
  defp reason({:failed_to_start_child, _child, reason}), do: reason(reason)
  defp reason({reason, {:child, _, _, _, _, _, _, _, _}}), do: reason(reason)
  defp reason(reason), do: reason
end
