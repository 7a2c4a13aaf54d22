defmodule Guildhall.Instance do
  @moduledoc """
  Names and settings of one node in a VM that may hold several.

  An instance is an atom that the caller chose (`{Guildhall, name: MyApp.Chat}`).
  Its processes are registered under names made from it, and what every process
  reads often (handles, limits, the public URL) is kept in `:persistent_term`:
  a read costs nothing and copies nothing, a write is for the start of the node.
  """

  @typedoc "The name of a node."
  @type t :: atom()

  @doc "Returns the registered name of a part of the instance: `child(Chat, :store)` is `Chat.Store`."
  @spec child(t(), atom()) :: atom()
  def child(instance, part) when is_atom(instance) and is_atom(part) do
    key = {__MODULE__, instance, :child, part}

    # Several names are looked up for each client that connects; to make one takes microseconds.
    with nil <- :persistent_term.get(key, nil) do
      name = Module.concat(instance, part |> Atom.to_string() |> Macro.camelize())
      :persistent_term.put(key, name)
      name
    end
  end

  @doc "Keeps a setting or a handle for every process of the instance."
  @spec put(t(), atom(), term()) :: :ok
  def put(instance, key, value), do: :persistent_term.put({__MODULE__, instance, key}, value)

  @doc "Returns what `put/3` kept, or the default."
  @spec get(t(), atom(), term()) :: term()
  def get(instance, key, default \\ nil) do
    :persistent_term.get({__MODULE__, instance, key}, default)
  end

  @doc "Returns what `put/3` kept; raises if the part of the node that keeps it has not started."
  @spec fetch!(t(), atom()) :: term()
  def fetch!(instance, key), do: :persistent_term.get({__MODULE__, instance, key})

  @doc "Forgets a setting."
  @spec erase(t(), atom()) :: :ok
  def erase(instance, key) do
    :persistent_term.erase({__MODULE__, instance, key})
    :ok
  end
end
