defmodule Guildhall.Guild.Gathering do
  @moduledoc false

  # Getting the sessions of a direct message channel together, as a value.
  #
  # A guild's sessions attach to it when they begin. Nobody attaches to hundreds of channels that are
  # silent, so such a room calls the sessions of its two users when it has something to say, and
  # holds it back until they are there, or have had the time to come. Who does not come once is
  # not waited for again.

  alias Guildhall.Guild.Plan

  @most_held 1_000

  defstruct missing: MapSet.new(), absent: MapSet.new(), held: []

  @type t :: %__MODULE__{
          missing: MapSet.t(pid()),
          absent: MapSet.t(pid()),
          held: [Plan.effect()]
        }

  @doc "Compares the users' sessions with those that are attached. Returns whether some must be called."
  @spec call(t(), sessions :: [pid()], attached :: [pid()]) :: {boolean(), t()}
  def call(%__MODULE__{} = gathering, sessions, attached) do
    sessions = MapSet.new(sessions)
    absent = MapSet.intersection(gathering.absent, sessions)
    missing = sessions |> MapSet.difference(MapSet.new(attached)) |> MapSet.difference(absent)
    new? = not MapSet.subset?(missing, gathering.missing)
    {new?, %{gathering | missing: missing, absent: absent}}
  end

  @spec waiting?(t()) :: boolean()
  def waiting?(%__MODULE__{missing: missing, held: held}) do
    MapSet.size(missing) > 0 and length(held) < @most_held
  end

  @doc "Holds effects back."
  @spec hold(t(), [Plan.effect()]) :: t()
  def hold(%__MODULE__{} = gathering, effects) do
    %{gathering | held: Enum.reverse(effects) ++ gathering.held}
  end

  @doc "A session is there."
  @spec came(t(), pid()) :: t()
  def came(%__MODULE__{} = gathering, pid) do
    %{gathering | missing: MapSet.delete(gathering.missing, pid)}
  end

  @doc "The time is over."
  @spec close(t()) :: t()
  def close(%__MODULE__{} = gathering) do
    absent = MapSet.union(gathering.absent, gathering.missing)
    %{gathering | missing: MapSet.new(), absent: absent}
  end

  @doc "What was held back, in its order."
  @spec take(t()) :: {[Plan.effect()], t()}
  def take(%__MODULE__{} = gathering) do
    {Enum.reverse(gathering.held), %{gathering | held: []}}
  end
end
