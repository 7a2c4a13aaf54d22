defmodule Guildhall.Relay.Audience do
  @moduledoc false

  # The sessions of one room that one relay serves, and who of them gets an event.
  #
  # Each session has a seat, whose key grows with every arrival. A member whose roles change is
  # given new seats, so that arrivals and departures are all that a selection has to follow. What
  # changes for everyone, a role or the owner, throws the selections away. A channel's overwrites
  # only give the channel another class.

  alias Guildhall.Relay
  alias Guildhall.Model.Guild
  alias Guildhall.Relay.{Event, Selection, Sight, Subscriber, View}

  # Beyond it selections start anew: a guild of many classes and a client of many intents.
  @max_selections 32
  # Beyond so many arrivals a new selection costs less than the catching up of an old one.
  @min_arrivals 64

  @enforce_keys [:guild]
  defstruct [
    :guild,
    seats: %{},
    sessions: %{},
    users: %{},
    next: 1,
    arrivals: [],
    arrived: 0,
    left: 0,
    selections: %{}
  ]

  @type key :: pos_integer()
  @type seat :: {key(), Subscriber.t()}
  @type t :: %__MODULE__{
          guild: Guild.t(),
          seats: %{optional(key()) => seat()},
          sessions: %{optional(Relay.session_id()) => key()},
          users: %{optional(pos_integer()) => [key()]},
          next: key(),
          # The newest seats, newest first, since selections were last thrown away.
          arrivals: [seat()],
          arrived: non_neg_integer(),
          left: non_neg_integer(),
          selections: %{optional(Selection.key()) => Selection.t()}
        }

  @spec new(Guild.t()) :: t()
  def new(guild), do: %__MODULE__{guild: guild}

  @doc "Takes over another state of the guild."
  @spec replace(t(), Guild.t()) :: t()
  def replace(audience, guild), do: forget_selections(%{audience | guild: guild})

  @doc "Gives a session a seat, in the place of the one it may have."
  @spec attach(t(), Subscriber.t()) :: {t(), seat()}
  def attach(audience, %Subscriber{session_id: session_id, user_id: user_id} = subscriber) do
    audience = detach(audience, session_id)
    key = audience.next
    seat = {key, subscriber}

    audience = %{
      audience
      | seats: Map.put(audience.seats, key, seat),
        sessions: Map.put(audience.sessions, session_id, key),
        users: Map.update(audience.users, user_id, [key], &[key | &1]),
        next: key + 1,
        arrivals: [seat | audience.arrivals],
        arrived: audience.arrived + 1
    }

    if audience.arrived > max(@min_arrivals, map_size(audience.seats)),
      do: {forget_selections(audience), seat},
      else: {audience, seat}
  end

  @doc "Takes a session's seat away."
  @spec detach(t(), Relay.session_id()) :: t()
  def detach(audience, session_id) do
    case Map.pop(audience.sessions, session_id) do
      {nil, _sessions} ->
        audience

      {key, sessions} ->
        {{^key, %{user_id: user_id}}, seats} = Map.pop!(audience.seats, key)
        users = without_key(audience.users, user_id, key)
        left = audience.left + 1
        %{audience | seats: seats, sessions: sessions, users: users, left: left}
    end
  end

  defp without_key(users, user_id, key) do
    case List.delete(users[user_id], key) do
      [] -> Map.delete(users, user_id)
      keys -> Map.put(users, user_id, keys)
    end
  end

  @doc "All seats."
  @spec seats(t()) :: [seat()]
  def seats(audience), do: Map.values(audience.seats)

  @doc "The seats of a user's sessions."
  @spec seats(t(), user_id :: pos_integer()) :: [seat()]
  def seats(audience, user_id) do
    for key <- Map.get(audience.users, user_id, []), do: Map.fetch!(audience.seats, key)
  end

  @doc "The seat of a session that is here."
  @spec seat(t(), Relay.session_id()) :: seat()
  def seat(audience, session_id), do: Map.fetch!(audience.seats, audience.sessions[session_id])

  @doc "Applies a change of the guild or of a member."
  @spec change(t(), View.change()) :: t()
  def change(%{guild: guild} = audience, {:owner, owner_id}) do
    replace(audience, %{guild | owner_id: owner_id})
  end

  def change(%{guild: guild} = audience, {:role, %{id: id, permissions: permissions} = role}) do
    changed = %{guild | roles: Map.put(guild.roles, id, role)}

    case guild.roles do
      %{^id => %{permissions: ^permissions}} -> %{audience | guild: changed}
      %{} -> replace(audience, changed)
    end
  end

  def change(%{guild: guild} = audience, {:role_deleted, role_id}) do
    replace(audience, %{guild | roles: Map.delete(guild.roles, role_id)})
  end

  def change(%{guild: guild} = audience, {:channel, channel}) do
    %{audience | guild: %{guild | channels: Map.put(guild.channels, channel.id, channel)}}
  end

  def change(%{guild: guild} = audience, {:channel_deleted, channel_id}) do
    %{audience | guild: %{guild | channels: Map.delete(guild.channels, channel_id)}}
  end

  def change(audience, {:member, %{user: %{id: user_id}} = member}) do
    for {_key, subscriber} <- seats(audience, user_id),
        subscriber.member.roles != member.roles,
        reduce: audience do
      audience ->
        {audience, _seat} = attach(audience, %{subscriber | member: member})
        audience
    end
  end

  @doc "Returns the selection for an event at a place, up to date."
  @spec select(t(), Event.t(), Sight.place()) :: {t(), Selection.t()}
  def select(audience, event, place) do
    key = Selection.key(event, place)

    selection =
      case audience.selections do
        %{^key => selection} -> refresh(selection, audience)
        %{} -> event |> Selection.new(place) |> Selection.add(seats(audience), audience.guild)
      end

    selection = %{selection | upto: audience.next, left: audience.left}
    {%{audience | selections: keep(audience.selections, key, selection)}, selection}
  end

  defp keep(selections, key, selection)
       when map_size(selections) < @max_selections or is_map_key(selections, key) do
    Map.put(selections, key, selection)
  end

  defp keep(_selections, key, selection), do: %{key => selection}

  defp refresh(%{left: left, upto: upto} = selection, %{left: left, next: upto}), do: selection

  defp refresh(selection, audience) do
    here? = fn {key, _subscriber} -> is_map_key(audience.seats, key) end
    arrivals = Enum.take_while(audience.arrivals, fn {key, _} -> key >= selection.upto end)

    selection =
      if selection.left == audience.left, do: selection, else: Selection.filter(selection, here?)

    Selection.add(selection, Enum.filter(arrivals, here?), audience.guild)
  end

  defp forget_selections(audience), do: %{audience | selections: %{}, arrivals: [], arrived: 0}
end
