defmodule Guildhall.Model.Snowflake do
  @moduledoc """
  Ids that say when they were made: 42 bits of milliseconds, then worker, process and increment.

      iex> alias Guildhall.Model.Snowflake
      iex> Snowflake.time(175_928_847_299_117_063)
      1_462_015_105_796
      iex> Snowflake.parse("175928847299117063")
      {:ok, 175_928_847_299_117_063}

  On the wire an id is a string, and clients may send it as an integer too. Zero and ids made from a
  time are legal bounds of a page. Ids are given out by `Guildhall.Store.next_id/1`.
  """

  import Bitwise

  @epoch 1_420_070_400_000
  @max 0xFFFF_FFFF_FFFF_FFFF

  @type t :: 0..0xFFFF_FFFF_FFFF_FFFF

  @doc "Returns the unix time in milliseconds at which ids began."
  @spec epoch() :: pos_integer()
  def epoch, do: @epoch

  @doc "Returns the unix time in milliseconds at which the id was made."
  @spec time(t()) :: integer()
  def time(id) when is_integer(id), do: (id >>> 22) + @epoch

  @doc "Returns the lowest id of a millisecond: a bound for pages, not an id of anything."
  @spec from_time(integer()) :: t()
  def from_time(ms) when is_integer(ms), do: min(max(ms - @epoch, 0) <<< 22, @max)

  @doc "Reads an id as clients send it: an integer, or a string of digits."
  @spec parse(term()) :: {:ok, t()} | :error
  def parse(id) when is_integer(id) and id in 0..@max, do: {:ok, id}
  def parse(<<first, _rest::binary>> = text) when first in ?0..?9, do: parse_digits(text)
  def parse(_other), do: :error

  defp parse_digits(text) when byte_size(text) <= 20 do
    case Integer.parse(text) do
      {id, ""} when id <= @max -> {:ok, id}
      _other -> :error
    end
  end

  defp parse_digits(_text), do: :error

  @doc "Writes an id as clients read it."
  @spec to_string(t() | nil) :: String.t() | nil
  def to_string(nil), do: nil
  def to_string(id) when is_integer(id), do: Integer.to_string(id)
end
