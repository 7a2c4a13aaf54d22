defmodule Guildhall.Store.Scan do
  @moduledoc false

  # The options of a scan, and its rows from an engine that returns a few megabytes at a time.

  alias Guildhall.Store
  alias Guildhall.Store.Engine

  @max_rows 10_000
  @default {nil, nil, :asc, 1_000}

  @spec range([Store.scan_option()]) :: Engine.range()
  def range(options), do: Enum.reduce(options, @default, &option/2)

  @spec run(Engine.range(), (Engine.range() -> {:ok, {[Engine.row()], boolean()}} | error)) ::
          {:ok, [Engine.row()]} | error
        when error: {:error, :unavailable}
  def run(range, scan), do: pages(scan.(range), range, scan, [])

  defp pages({:ok, {page, true}}, range, scan, pages) do
    rest = behind(range, page)
    pages(scan.(rest), rest, scan, [page | pages])
  end

  defp pages({:ok, {page, false}}, _range, _scan, []), do: {:ok, page}

  defp pages({:ok, {page, false}}, _range, _scan, pages),
    do: {:ok, [page | pages] |> Enum.reverse() |> Enum.concat()}

  defp pages({:error, reason}, _range, _scan, _pages), do: {:error, reason}

  defp behind({lower, upper, direction, limit}, page) do
    {last, _value} = List.last(page)
    limit = limit - length(page)

    case direction do
      :asc -> {{:excluded, last}, upper, direction, limit}
      :desc -> {lower, {:excluded, last}, direction, limit}
    end
  end

  defp option({:from, key}, range) when is_binary(key), do: put_elem(range, 0, {:included, key})
  defp option({:after, key}, range) when is_binary(key), do: put_elem(range, 0, {:excluded, key})
  defp option({:to, key}, range) when is_binary(key), do: put_elem(range, 1, {:included, key})
  defp option({:before, key}, range) when is_binary(key), do: put_elem(range, 1, {:excluded, key})
  defp option({:direction, way}, range) when way in [:asc, :desc], do: put_elem(range, 2, way)
  defp option({:limit, limit}, range) when limit in 1..@max_rows, do: put_elem(range, 3, limit)
end
