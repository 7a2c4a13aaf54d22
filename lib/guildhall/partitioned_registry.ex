defmodule Guildhall.PartitionedRegistry do
  @moduledoc """
  A registry whose partitions crash independently.

  A partition of Elixir's `Registry` takes all others along when it crashes. Here each partition is a
  `Registry` of its own, and has the keys that hash to it. When one crashes, its entries are lost and
  the processes that were registered in it receive an exit signal; a process that traps exits
  registers again. While a partition is restarted its keys have no entries, and `register/3` answers
  `{:error, :unavailable}`.
  """

  alias Guildhall.{Instance, Partitions}

  # How long processes have to register again.
  @recovery 2_000

  @type t :: Partitions.t()
  @type entry :: {pid(), value :: term()}

  @doc "Returns the specification of a registry: `:name`, `:instance`, and `:keys` as `Registry` has it."
  @spec child_spec(name: t(), instance: Instance.t(), keys: :unique | :duplicate) ::
          Supervisor.child_spec()
  def child_spec(options) do
    {keys, options} = Keyword.pop!(options, :keys)

    child = fn name ->
      %{id: name, start: {__MODULE__, :start_partition, [keys, name]}, type: :supervisor}
    end

    Partitions.child_spec([child: child] ++ options)
  end

  @doc false
  def start_partition(keys, name) do
    with {:ok, pid} <- Registry.start_link(keys: keys, name: name) do
      key = {__MODULE__, name}
      if :persistent_term.get(key, nil) == nil, do: :persistent_term.put(key, {owner(name), nil})
      {:ok, pid}
    end
  end

  @doc """
  Whether the partition that has the key crashed, and processes may not have registered again yet: for
  two seconds from the first question after the crash.
  """
  @spec recovering?(t(), key :: term()) :: boolean()
  def recovering?(registry, key) do
    name = Partitions.name(registry, key)
    now = System.monotonic_time(:millisecond)

    case {owner(name), :persistent_term.get({__MODULE__, name}, nil)} do
      {nil, _known} ->
        true

      {owner, {owner, nil}} ->
        false

      {owner, {owner, crash_seen_at}} ->
        now - crash_seen_at < @recovery

      {owner, _another} ->
        :persistent_term.put({__MODULE__, name}, {owner, now})
        true
    end
  end

  @doc "Returns the name by which a process that is started is registered with a value."
  @spec via(t(), key :: term(), value :: term()) :: {:via, Registry, {atom(), term(), term()}}
  def via(registry, key, value),
    do: {:via, Registry, {Partitions.name(registry, key), key, value}}

  @doc "Registers the calling process."
  @spec register(t(), key :: term(), value :: term()) ::
          :ok | {:error, {:already_registered, pid()} | :unavailable}
  def register(registry, key, value) do
    with {:ok, _partition} <- Registry.register(Partitions.name(registry, key), key, value),
         do: :ok
  rescue
    _gone in [ArgumentError, ErlangError] -> {:error, :unavailable}
  catch
    :exit, _gone -> {:error, :unavailable}
  end

  @doc "Whether the calling process is registered by the key."
  @spec registered?(t(), key :: term()) :: boolean()
  def registered?(registry, key), do: List.keymember?(lookup(registry, key), self(), 0)

  @doc "Forgets the entry of the calling process."
  @spec unregister(t(), key :: term()) :: :ok
  def unregister(registry, key) do
    Registry.unregister(Partitions.name(registry, key), key)
  rescue
    ArgumentError -> :ok
  end

  @doc "Changes the value of the calling process."
  @spec update_value(t(), key :: term(), (term() -> term())) :: :ok
  def update_value(registry, key, change) do
    _updated = Registry.update_value(Partitions.name(registry, key), key, change)
    :ok
  rescue
    ArgumentError -> :ok
  end

  @doc "Returns the entries of a key."
  @spec lookup(t(), key :: term()) :: [entry()]
  def lookup(registry, key) do
    Registry.lookup(Partitions.name(registry, key), key)
  rescue
    ArgumentError -> []
  end

  @doc "Returns all entries."
  @spec entries(t()) :: [{key :: term(), pid(), value :: term()}]
  def entries(registry) do
    Enum.flat_map(Partitions.names(registry), fn partition ->
      try do
        Registry.select(partition, [{{:"$1", :"$2", :"$3"}, [], [{{:"$1", :"$2", :"$3"}}]}])
      rescue
        ArgumentError -> []
      end
    end)
  end

  @doc """
  Returns the process of the partition that has the key; the processes that are registered there are linked
  to it.
  """
  @spec owner(t(), key :: term()) :: pid() | nil
  def owner(registry, key) do
    registry |> Partitions.name(key) |> owner()
  end

  # As `Registry` names the only partition of one that has no others.
  defp owner(name), do: name |> Module.concat("PIDPartition0") |> Process.whereis()

  @doc "Returns how many entries there are."
  @spec count(t()) :: non_neg_integer()
  def count(registry) do
    registry |> Partitions.names() |> Enum.map(&size/1) |> Enum.sum()
  end

  defp size(partition) do
    Registry.count(partition)
  rescue
    ArgumentError -> 0
  end
end
