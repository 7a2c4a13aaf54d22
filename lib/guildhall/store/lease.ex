defmodule Guildhall.Store.Lease do
  @moduledoc false

  # The row of a lease, `<<version, epoch::64, data>>`. Its epoch grows with every taking, also
  # after a release, so that an owner of old can be told from the one of today. Whoever writes
  # with the lease conditions on the row as it took it.

  @version 1

  @type row :: binary()
  @type epoch :: pos_integer()

  @doc "Returns the row that takes the lease which `row` describes."
  @spec take(row() | nil, data :: binary()) :: row()
  def take(nil, data), do: row(1, data)
  def take(row, data), do: row(epoch(row) + 1, data)

  @doc "Returns the row without data: nobody has the lease."
  @spec free(row()) :: row()
  def free(row), do: row(epoch(row), "")

  @spec epoch(row()) :: epoch()
  def epoch(<<@version, epoch::64, _data::binary>>), do: epoch

  @spec data(row()) :: binary()
  def data(<<@version, _epoch::64, data::binary>>), do: data

  defp row(epoch, data), do: <<@version, epoch::64, data::binary>>
end
