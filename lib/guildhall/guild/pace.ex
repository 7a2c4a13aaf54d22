defmodule Guildhall.Guild.Pace do
  @moduledoc false

  # How much a room tells of presences, by how many watch: sessions that have the intent.
  #
  # Everybody who comes is news to everybody who is there, so of 10,000 who come at once 100 million
  # deliveries are due. None is left out, but a room has only so many of them, and of the writes that
  # carry them, in a second: the more watch, the longer it gathers, and the more a write carries.

  # In a millisecond. A write is some 20 us, a delivery that shares one with 200 others some 0.2 us: a
  # tenth and a fifth of a processor.
  @writes 5
  @deliveries 1_000
  # Members and their presences in GUILD_CREATEs, at some 0.5 us: a hundredth.
  @members 20

  @shortest 50
  @longest 20_000
  # Of a change that has a write of its own, in the shortest window.
  @writes_at_once 500
  @at_once 20
  @at_end 1_000

  @doc "How long a window is, in milliseconds."
  @spec window(watchers :: non_neg_integer()) :: pos_integer()
  def window(watchers), do: watchers |> div(@writes) |> max(@shortest) |> min(@longest)

  @doc "How many changes are told in a window as they come, each in a write of its own."
  @spec at_once(watchers :: non_neg_integer()) :: pos_integer()
  def at_once(watchers), do: share(@writes_at_once, watchers, @at_once)

  @doc "How many are told at a window's end."
  @spec at_end(watchers :: non_neg_integer()) :: pos_integer()
  def at_end(watchers), do: share(@deliveries * window(watchers), watchers, @at_end)

  @doc "How many members the GUILD_CREATEs of a window may show beyond the least that each does."
  @spec members(watchers :: non_neg_integer()) :: pos_integer()
  def members(watchers), do: @members * window(watchers)

  defp share(budget, watchers, most), do: budget |> div(max(watchers, 1)) |> max(1) |> min(most)
end
