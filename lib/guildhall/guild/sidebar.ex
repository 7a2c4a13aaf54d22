defmodule Guildhall.Guild.Sidebar do
  @moduledoc false

  # What a room knows of its sidebar, the process that has the member lists: what it is to be told, and
  # which of its answers must not reach anybody any more.
  #
  # The room tells it in numbered *feeds* what changed, and it hands everything it has for sessions
  # back to the room, with the number of the last feed it knew. So the room is what gives lists their
  # place among the other events, and a right that is taken away ends them at once: the room notes a
  # *cut*, and what was made without knowing of it goes nowhere. The sidebar learns of the cut by the
  # feed, and subscribes those anew who still may.

  import Bitwise

  alias Guildhall.Guild.Sidebar.Class
  alias Guildhall.Model.{Channel, Guild, Role}
  alias Guildhall.Permissions

  @seeing Permissions.bit(:view_channel) ||| Permissions.bit(:administrator)

  defstruct pid: nil, number: 0, known: 0, watched: 0, guild?: false, items: [], cuts: %{}

  @type id :: pos_integer()
  @typedoc "Whose lists end: everybody's, a user's, those of who looks by way of a channel."
  @type cut :: :all | {:user, id()} | {:channel, id()}
  @type item ::
          {:user, id()}
          | {:watch, session_id :: String.t(), user_id :: id(), pid(), channels()}
          | {:gone, session_id :: String.t()}
          | {:cut, cut()}
  @typedoc "Of each channel the windows of its list, by number."
  @type channels :: %{optional(id()) => [non_neg_integer()]}
  @type t :: %__MODULE__{
          # Without one nothing is noted.
          pid: pid() | nil,
          # Of the feed that was sent last, of the one that the sidebar knows, and of the last one
          # that brought it somebody.
          number: non_neg_integer(),
          known: non_neg_integer(),
          watched: non_neg_integer(),
          # Whether the next feed tells the guild anew.
          guild?: boolean(),
          items: [item()],
          cuts: %{optional(cut()) => feed :: pos_integer()}
        }

  @doc "Notes something for the next feed."
  @spec note(t(), item()) :: t()
  def note(%__MODULE__{pid: nil} = sidebar, _item), do: sidebar

  def note(sidebar, {:watch, _session_id, _user_id, _pid, _channels} = item) do
    %{sidebar | items: [item | sidebar.items], watched: sidebar.number + 1}
  end

  def note(sidebar, item), do: %{sidebar | items: [item | sidebar.items]}

  @doc "Ends lists at once."
  @spec cut(t(), cut()) :: t()
  def cut(%__MODULE__{pid: nil} = sidebar, _cut), do: sidebar

  def cut(sidebar, cut) do
    cuts = Map.put(sidebar.cuts, cut, sidebar.number + 1)
    note(%{sidebar | cuts: cuts}, {:cut, cut})
  end

  @doc "A role is put in the place of another, or of none."
  @spec role(t(), Role.t() | nil, Role.t()) :: t()
  def role(sidebar, nil, _role), do: guild(sidebar)

  def role(sidebar, old, role) do
    if (bxor(old.permissions, role.permissions) &&& @seeing) != 0,
      do: sidebar |> guild() |> cut(:all),
      else: guild(sidebar)
  end

  @doc "Roles or their rights are others."
  @spec rights(t()) :: t()
  def rights(sidebar), do: sidebar |> guild() |> cut(:all)

  @doc "A channel is put in the place of another, or of none."
  @spec channel(t(), Guild.t(), Channel.t() | nil, Channel.t()) :: t()
  def channel(%__MODULE__{pid: nil} = sidebar, _guild, _old, _channel), do: sidebar
  def channel(sidebar, _guild, nil, _channel), do: guild(sidebar)

  def channel(sidebar, guild, old, channel) do
    if Class.of(guild, old) == Class.of(guild, channel),
      do: sidebar,
      else: channel_deleted(sidebar, channel.id)
  end

  @spec channel_deleted(t(), id()) :: t()
  def channel_deleted(sidebar, id), do: sidebar |> guild() |> cut({:channel, id})

  defp guild(sidebar), do: %{sidebar | guild?: true}

  @doc "Takes what the sidebar must be told, in order."
  @spec take(t()) :: {:ok, number :: pos_integer(), guild? :: boolean(), [item()], t()} | :none
  def take(%__MODULE__{pid: nil}), do: :none
  def take(%__MODULE__{items: [], guild?: false}), do: :none

  def take(%__MODULE__{items: items, guild?: guild?} = sidebar) do
    number = sidebar.number + 1
    sidebar = %{sidebar | number: number, items: [], guild?: false}
    {:ok, number, guild?, Enum.reverse(items), sidebar}
  end

  @doc "The sidebar knows the feeds up to this one: cuts that came with them are no concern any more."
  @spec hear(t(), number :: non_neg_integer()) :: t()
  def hear(%__MODULE__{cuts: cuts} = sidebar, number) when cuts == %{} do
    %{sidebar | known: number}
  end

  def hear(sidebar, number) do
    %{sidebar | known: number, cuts: Map.filter(sidebar.cuts, fn {_cut, at} -> at > number end)}
  end

  @doc "Whether none of these cuts came after what the sidebar knew last."
  @spec holds?(t(), [cut()]) :: boolean()
  def holds?(%__MODULE__{cuts: cuts}, _whose) when cuts == %{}, do: true

  def holds?(%__MODULE__{cuts: cuts}, whose),
    do: not Enum.any?([:all | whose], &is_map_key(cuts, &1))

  @doc "How many feeds the sidebar does not know."
  @spec behind(t()) :: non_neg_integer()
  def behind(%__MODULE__{number: number, known: known}), do: number - known

  @doc "Whether somebody was brought whom the sidebar did not know of when it knew this feed."
  @spec wanted?(t(), number :: non_neg_integer()) :: boolean()
  def wanted?(%__MODULE__{watched: watched}, number), do: watched > number
end
