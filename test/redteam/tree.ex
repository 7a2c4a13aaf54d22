defmodule Guildhall.Redteam.Tree do
  @moduledoc false

  # The processes of a node's supervision tree, each with a name that is the same in every run: the
  # ids from the node's supervisor downwards. Children of a dynamic supervisor, such as rooms, have
  # the name of their module. Processes that a worker has linked, such as a reader of the store, are
  # part of the tree, too.

  alias Guildhall.Redteam.Node

  @type entry :: %{name: String.t(), pid: pid(), type: :worker | :supervisor | :linked}

  @spec list(Node.t()) :: [entry()]
  def list(node) do
    # A node whose own supervisor gave up has none.
    roots = for {_id, pid, _type, _modules} <- children(node, Guildhall.Application), do: pid

    entries = Enum.flat_map(roots, &walk(node, %{name: "node", pid: &1, type: :supervisor}))

    known = MapSet.new(entries, & &1.pid)
    fixed = Enum.reject(entries, &dynamic?/1)
    Enum.uniq_by(entries ++ Enum.flat_map(fixed, &linked(node, &1, known)), & &1.pid)
  end

  @doc "Whether there may be any number of such processes."
  @spec dynamic?(entry()) :: boolean()
  def dynamic?(entry), do: String.contains?(entry.name, "*")

  defp walk(node, %{type: :supervisor} = entry) do
    below =
      for {id, pid, type, modules} <- children(node, entry.pid), is_pid(pid) do
        walk(node, %{name: "#{entry.name}/#{name(id, modules)}", pid: pid, type: type})
      end

    [entry | Enum.concat(below)]
  end

  defp walk(_node, worker), do: [worker]

  defp children(node, supervisor) do
    # One that is being restarted has no children now.
    Node.call(node, Supervisor, :which_children, [supervisor])
  catch
    _kind, _reason -> []
  end

  defp name(:undefined, [module | _modules]), do: "*" <> short(module)
  defp name(id, _modules), do: short(id)

  defp short(id) when is_atom(id), do: id |> inspect() |> String.replace_prefix("Guildhall.", "")
  defp short(id) when is_tuple(id), do: id |> Tuple.to_list() |> Enum.map_join("-", &short/1)
  defp short(id) when is_binary(id), do: "*"
  defp short(id), do: inspect(id)

  defp linked(_node, %{type: :supervisor}, _known), do: []

  defp linked(node, worker, known) do
    case info(node, worker.pid, :links) do
      {:links, links} ->
        for pid <- links, is_pid(pid), pid not in known, node(pid) == node.name do
          %{name: worker.name <> "/linked", pid: pid, type: :linked}
        end

      _gone ->
        []
    end
  end

  defp info(node, pid, key), do: Node.call(node, Process, :info, [pid, key])
end
