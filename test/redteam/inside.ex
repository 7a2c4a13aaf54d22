defmodule Guildhall.Redteam.Inside do
  @moduledoc false

  # The code that runs inside the attacked node, where it is loaded when the test starts. One call
  # lists the whole tree, and asks supervisors at the same time: on a busy node each answer takes a
  # tenth of a second.

  @doc "The processes of the node's supervision tree; see `Guildhall.Redteam.Tree`."
  def tree do
    Process.flag(:priority, :high)

    # A node whose own supervisor gave up has none.
    entries =
      Enum.flat_map(children(Guildhall.Application), fn {_id, pid, type, _modules} ->
        walk(%{name: "node", pid: pid, type: type})
      end)

    known = MapSet.new(entries, & &1.pid)
    linked = for %{type: :worker} = entry <- entries, entry <- linked(entry, known), do: entry
    Enum.uniq_by(entries ++ linked, & &1.pid)
  end

  @doc "A field of the state of each server; nil for one that does not answer."
  def fields(pids, field) do
    Process.flag(:priority, :high)
    together(pids, &field(&1, field))
  end

  defp field(pid, field) do
    Map.get(:sys.get_state(pid, 1_000), field)
  catch
    _kind, _reason -> nil
  end

  defp walk(%{type: :supervisor} = entry) do
    below =
      for {id, pid, type, modules} <- children(entry.pid), is_pid(pid) do
        %{name: "#{entry.name}/#{name(id, modules)}", pid: pid, type: type}
      end

    {supervisors, workers} = Enum.split_with(below, &(&1.type == :supervisor))
    [entry | workers ++ Enum.concat(together(supervisors, &walk/1))]
  end

  defp walk(worker), do: [worker]

  defp together(list, fun) do
    list
    |> Enum.map(&Task.async(fn -> high(fun, &1) end))
    |> Task.await_many(25_000)
  end

  defp high(fun, argument) do
    Process.flag(:priority, :high)
    fun.(argument)
  end

  # One that is being restarted has no children now.
  defp children(supervisor) do
    GenServer.call(supervisor, :which_children, 2_000)
  catch
    _kind, _reason -> []
  end

  defp name(:undefined, [module | _modules]), do: "*" <> short(module)
  defp name(id, _modules), do: short(id)

  defp short(id) when is_atom(id), do: id |> inspect() |> String.replace_prefix("Guildhall.", "")
  defp short(id) when is_tuple(id), do: id |> Tuple.to_list() |> Enum.map_join("-", &short/1)
  defp short(id) when is_binary(id), do: "*"
  defp short(id), do: inspect(id)

  defp linked(%{name: name, pid: pid}, known) do
    with false <- String.contains?(name, "*"), {:links, links} <- Process.info(pid, :links) do
      for link <- links, is_pid(link), link not in known, node(link) == node() do
        %{name: name <> "/linked", pid: link, type: :linked}
      end
    else
      _dynamic_or_gone -> []
    end
  end
end
