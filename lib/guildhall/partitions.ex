defmodule Guildhall.Partitions do
  @moduledoc """
  Processes of one kind that share the keys between them, one per scheduler, each restarted alone.

  Each partition has a registered name, so that finding it asks no process:

      children = fn name -> Supervisor.child_spec({DynamicSupervisor, name: name}, id: name) end
      {:ok, _pid} = Partitions.start_link(name: Chat.Rooms, instance: Chat, child: children)
      DynamicSupervisor.start_child(Partitions.name(Chat.Rooms, room_id), MyApp.Room)

  A partition that crashes is restarted, and nothing is registered by its name for that moment.
  """

  alias Guildhall.{BackoffSupervisor, Instance}

  @typedoc "The name of all partitions together."
  @type t :: atom()
  @type option ::
          {:name, t()}
          | {:instance, Instance.t()}
          | {:count, pos_integer()}
          | {:child, (name :: atom() -> Supervisor.child_spec())}

  @doc "Returns the specification of a supervisor of the partitions; the id is the name."
  @spec child_spec([option()]) :: Supervisor.child_spec()
  def child_spec(options) do
    %{id: options[:name], start: {__MODULE__, :start_link, [options]}, type: :supervisor}
  end

  @doc "Starts the partitions: `:count` of them, or as many as schedulers are online."
  @spec start_link([option()]) :: GenServer.on_start()
  def start_link(options) do
    name = Keyword.fetch!(options, :name)
    count = options[:count] || System.schedulers_online()
    names = for number <- 1..count, do: Module.concat(name, "P#{number}")
    put(name, List.to_tuple(names))
    children = Enum.map(names, options[:child])
    BackoffSupervisor.start_link(children, name: name, instance: options[:instance])
  end

  # A write costs a scan of every heap, and after a crash the names are the same.
  defp put(name, names) do
    key = {__MODULE__, name}
    if :persistent_term.get(key, nil) != names, do: :persistent_term.put(key, names)
  end

  @doc "Returns the registered name of the partition that has the key."
  @spec name(t(), term()) :: atom()
  def name(name, key) do
    names = :persistent_term.get({__MODULE__, name})
    elem(names, :erlang.phash2(key, tuple_size(names)))
  end

  @doc "Returns the registered names of all partitions."
  @spec names(t()) :: [atom()]
  def names(name), do: Tuple.to_list(:persistent_term.get({__MODULE__, name}))

  @doc """
  Starts a child under the partition that has the key, a `DynamicSupervisor`.

  `{:error, :unavailable}` while the partition is restarted.
  """
  @spec start_child(t(), term(), Supervisor.child_spec() | {module(), term()}) ::
          DynamicSupervisor.on_start_child()
  def start_child(name, key, child) do
    DynamicSupervisor.start_child(name(name, key), child)
  catch
    :exit, _gone -> {:error, :unavailable}
  end
end
