defmodule Guildhall.Guild.Sidebar.Watcher do
  @moduledoc false

  # A session that looks at member lists: what it asked for, and what it has of it.

  alias Guildhall.Guild.Sidebar
  alias Guildhall.Guild.Sidebar.{Class, Roll}
  alias Guildhall.Model.Member

  # Windows of a list, as many as it takes of a subscriber, and of all lists, which come at once.
  @windows 15
  @all 30

  @enforce_keys [:user_id]
  defstruct [:user_id, channels: %{}, views: %{}]

  @typedoc "Windows of a list, by way of a channel, and those that it was sent last."
  @type view :: %{
          channel: pos_integer(),
          windows: Roll.windows(),
          has: Roll.windows(),
          follows?: boolean()
        }
  @type t :: %__MODULE__{
          user_id: pos_integer(),
          channels: Sidebar.channels(),
          views: %{optional(Class.t()) => view()}
        }

  @doc """
  The windows that it is to have of each list, by way of the first of the channels that show it. Of more
  windows than it may have it has the first.
  """
  @spec wanted(t(), Member.t() | nil, %{optional(pos_integer()) => Class.t()}, Roll.facts()) ::
          {%{optional(Class.t()) => {channel :: pos_integer(), Roll.windows()}},
           [{:refused, :windows}]}
  def wanted(_watcher, nil, _classes, _facts), do: {%{}, []}

  def wanted(%__MODULE__{channels: channels}, member, classes, facts) do
    seen =
      for {channel, [_ | _] = windows} <- Enum.sort(channels),
          class = classes[channel],
          Roll.sees?(class, channel, facts, member),
          do: {class, channel, windows}

    wanted =
      Enum.reduce(seen, %{}, fn {class, channel, windows}, wanted ->
        Map.update(wanted, class, {channel, windows}, fn {first, others} ->
          {first, Enum.sort(Enum.uniq(others ++ windows))}
        end)
      end)

    {few, _left} = Enum.map_reduce(wanted, @all, &few/2)
    few = for {class, {_channel, [_ | _]} = place} <- few, into: %{}, do: {class, place}
    {few, if(few == wanted, do: [], else: [refused: :windows])}
  end

  defp few({class, {channel, windows}}, left) do
    windows = Enum.take(windows, min(@windows, left))
    {{class, {channel, windows}}, left - length(windows)}
  end
end
