defmodule Guildhall.User.Sessions do
  @moduledoc false

  # Which processes are sessions of which user, on this node. An entry ends with its process.

  alias Guildhall.{Instance, PartitionedRegistry}
  alias Guildhall.User.Cache

  # How long sessions have to register again after a crash of the registry, in milliseconds.
  @repeat 2_000

  @spec child_spec(Instance.t()) :: Supervisor.child_spec()
  def child_spec(instance) do
    PartitionedRegistry.child_spec(keys: :duplicate, name: registry(instance), instance: instance)
  end

  @doc "Registers the calling process, which may be registered already."
  @spec register(Instance.t(), pos_integer()) :: :ok | {:error, :unavailable}
  def register(instance, user_id) do
    registry = registry(instance)

    if PartitionedRegistry.registered?(registry, user_id),
      do: :ok,
      else: PartitionedRegistry.register(registry, user_id, nil)
  end

  @spec list(Instance.t(), pos_integer()) :: [pid()]
  def list(instance, user_id) do
    for {pid, _value} <- PartitionedRegistry.lookup(registry(instance), user_id), do: pid
  end

  @spec notify(Instance.t(), pos_integer(), Guildhall.User.notice()) :: :ok
  def notify(instance, user_id, notice) do
    if elem(notice, 0) == :joined, do: Cache.joined(instance, user_id)
    tell(instance, user_id, notice)

    if PartitionedRegistry.recovering?(registry(instance), user_id),
      do: repeat(instance, user_id, notice)

    :ok
  end

  defp tell(instance, user_id, notice) do
    for pid <- list(instance, user_id), do: send(pid, {Guildhall.User, notice})
  end

  # The registry crashed, and some sessions may not have registered again. To hear it twice does no harm.
  defp repeat(instance, user_id, notice) do
    spawn(fn ->
      receive do
      after
        @repeat -> tell(instance, user_id, notice)
      end
    end)
  end

  defp registry(instance), do: Instance.child(instance, :user_sessions)
end
