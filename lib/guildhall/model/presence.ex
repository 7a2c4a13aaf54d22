defmodule Guildhall.Model.Presence do
  @moduledoc """
  What a session says of its user: status and activities (maps as the client sent them, checked).

      iex> long = %{"name" => String.duplicate("x", 3_000), "type" => 0}
      iex> short = %{"name" => "chess", "type" => 0}
      iex> Guildhall.Model.Presence.fit([short, long, short])
      [short, short]
  """

  alias Guildhall.Model.Limits
  alias Guildhall.Payload

  defstruct status: :online, activities: [], since: nil, afk: false, client: :desktop

  @type status :: :online | :idle | :dnd | :invisible | :offline
  @type t :: %__MODULE__{
          status: status(),
          activities: [map()],
          since: integer() | nil,
          afk: boolean(),
          client: :desktop | :mobile | :web
        }

  @doc "Returns as many of the activities as a user may be shown with. The others are left out."
  @spec fit([map()]) :: [map()]
  def fit(activities) do
    {activities, _left} =
      activities
      |> Enum.take(Limits.activities())
      |> Enum.flat_map_reduce(Limits.activities_bytes(), fn activity, left ->
        bytes = byte_size(Payload.encode!(activity)) + 1
        if bytes <= left, do: {[activity], left - bytes}, else: {[], left}
      end)

    activities
  end
end
