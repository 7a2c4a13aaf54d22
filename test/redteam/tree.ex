defmodule Guildhall.Redteam.Tree do
  @moduledoc false

  # The processes of a node's supervision tree, each with a name that is the same in every run: the
  # ids from the node's supervisor downwards. Children of a dynamic supervisor, such as rooms, have
  # the name of their module behind a star. Processes that a worker has linked, such as a reader of
  # the store, are part of the tree, too.

  alias Guildhall.Redteam.{Inside, Node}

  @type entry :: %{name: String.t(), pid: pid(), type: :worker | :supervisor | :linked}

  @spec list(%Node{}) :: [entry()]
  def list(node), do: Node.call(node, Inside, :tree, [], 30_000)

  @doc "Whether there may be any number of such processes."
  @spec dynamic?(entry()) :: boolean()
  def dynamic?(entry), do: String.contains?(entry.name, "*")
end
