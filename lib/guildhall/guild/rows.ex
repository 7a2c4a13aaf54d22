defmodule Guildhall.Guild.Rows do
  @moduledoc false

  # The small rows that are no model: a version byte, then integers or a list. [format]
  #
  # A summary of a message's reactions is `[{emoji, count, since}]` in order of first use. `since` is
  # an id made when the emoji came, and each user's reaction names it: when an emoji is cleared, the
  # rows of those who used it are dead without being touched.

  @type count :: {emoji :: binary(), count :: pos_integer(), since :: pos_integer()}

  alias Guildhall.Model.Row
  alias Guildhall.Telemetry

  @doc "Reads rows of the model. Damaged ones are left out, and counted."
  @spec structs(Guildhall.Instance.t(), [Row.row()]) :: [struct()]
  def structs(instance, rows) do
    Enum.flat_map(rows, fn row ->
      case Row.decode(row) do
        {:ok, struct} -> [struct]
        {:error, :corrupt} -> left_out(instance)
      end
    end)
  end

  defp left_out(instance) do
    Telemetry.emit([:store, :damage], %{count: 1}, %{instance: instance})
    []
  end

  @spec encode_counts([count()]) :: binary()
  def encode_counts(counts) do
    rows =
      for {emoji, n, since} <- counts, do: <<byte_size(emoji), emoji::binary, n::64, since::64>>

    IO.iodata_to_binary([1 | rows])
  end

  @spec decode_counts(binary()) :: [count()]
  def decode_counts(<<1, rows::binary>>) do
    for <<size, emoji::binary-size(size), n::64, since::64 <- rows>>, do: {emoji, n, since}
  end

  @spec encode_since(pos_integer()) :: binary()
  def encode_since(since), do: <<1, since::64>>

  @spec decode_since(binary()) :: pos_integer()
  def decode_since(<<1, since::64>>), do: since

  @spec encode_number(non_neg_integer()) :: binary()
  def encode_number(n), do: <<1, n::64>>

  @spec decode_number(binary()) :: non_neg_integer()
  def decode_number(<<1, n::64>>), do: n
end
