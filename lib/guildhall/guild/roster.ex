defmodule Guildhall.Guild.Roster do
  @moduledoc false

  # The members that a room knows: those who are online, as long as they are, and lately others who
  # posted or were asked for. Never all of them, unless the guild is small.
  #
  # The others are in two generations. Who is used moves to the young one; when that is full it
  # becomes the old one, and the old one is forgotten: at most twice `limit` members for two maps.

  alias Guildhall.Model.Member

  @enforce_keys [:limit]
  defstruct [:limit, online: %{}, young: %{}, old: %{}, json: %{}, complete: false]

  @type user_id :: pos_integer()
  @type t :: %__MODULE__{
          limit: pos_integer(),
          online: %{optional(user_id()) => Member.t()},
          young: %{optional(user_id()) => Member.t()},
          old: %{optional(user_id()) => Member.t()},
          json: %{optional(user_id()) => binary()},
          complete: boolean()
        }

  @spec new(limit :: pos_integer()) :: t()
  def new(limit), do: %__MODULE__{limit: limit}

  @spec fetch(t(), user_id()) :: {:ok, Member.t()} | :error
  def fetch(%__MODULE__{online: online, young: young, old: old}, user_id) do
    case online do
      %{^user_id => member} -> {:ok, member}
      %{} -> with :error <- Map.fetch(young, user_id), do: Map.fetch(old, user_id)
    end
  end

  @doc "Remembers a member who was asked for."
  @spec remember(t(), Member.t()) :: t()
  def remember(%__MODULE__{} = roster, %Member{user: %{id: user_id}} = member) do
    cond do
      is_map_key(roster.online, user_id) ->
        roster

      is_map_key(roster.young, user_id) ->
        roster

      map_size(roster.young) >= roster.limit and not roster.complete ->
        %{roster | young: %{user_id => member}, old: roster.young}

      true ->
        %{roster | young: Map.put(roster.young, user_id, member)}
    end
  end

  @doc "Writes the member anew wherever he is known."
  @spec update(t(), Member.t()) :: t()
  def update(%__MODULE__{} = roster, %Member{user: %{id: user_id}} = member) do
    roster = %{roster | json: Map.delete(roster.json, user_id)}

    cond do
      is_map_key(roster.online, user_id) ->
        %{roster | online: Map.put(roster.online, user_id, member)}

      roster.complete or is_map_key(roster.young, user_id) ->
        %{roster | young: Map.put(roster.young, user_id, member)}

      is_map_key(roster.old, user_id) ->
        %{roster | old: Map.put(roster.old, user_id, member)}

      true ->
        roster
    end
  end

  @spec remove(t(), user_id()) :: t()
  def remove(%__MODULE__{} = roster, user_id) do
    %{
      roster
      | online: Map.delete(roster.online, user_id),
        young: Map.delete(roster.young, user_id),
        old: Map.delete(roster.old, user_id),
        json: Map.delete(roster.json, user_id)
    }
  end

  @doc "Keeps the member until `offline/2`."
  @spec online(t(), Member.t()) :: t()
  def online(%__MODULE__{} = roster, %Member{user: %{id: user_id}} = member) do
    %{
      roster
      | online: Map.put(roster.online, user_id, member),
        young: Map.delete(roster.young, user_id),
        old: Map.delete(roster.old, user_id)
    }
  end

  @spec offline(t(), user_id()) :: t()
  def offline(%__MODULE__{} = roster, user_id) do
    case Map.pop(roster.online, user_id) do
      {nil, _online} ->
        roster

      {member, online} ->
        json = if roster.complete, do: roster.json, else: Map.delete(roster.json, user_id)
        remember(%{roster | online: online, json: json}, member)
    end
  end

  @doc "Takes in every member of a small guild; from then on `update/2` keeps all of them."
  @spec complete(t(), [Member.t()]) :: t()
  def complete(%__MODULE__{} = roster, members) do
    others = for %{user: %{id: id}} = m <- members, not is_map_key(roster.online, id), do: {id, m}
    %{roster | young: Map.new(others), old: %{}, complete: true}
  end

  @doc "The guild is not small any more: lets go of those who are not online."
  @spec incomplete(t()) :: t()
  def incomplete(%__MODULE__{complete: false} = roster), do: roster

  def incomplete(%__MODULE__{} = roster) do
    %{roster | complete: false, young: %{}, json: Map.take(roster.json, Map.keys(roster.online))}
  end

  @doc "Every member known. All of the guild's, if the roster is complete."
  @spec known(t()) :: [Member.t()]
  def known(%__MODULE__{online: online, young: young, old: old}) do
    Map.values(online) ++ Map.values(young) ++ Map.values(old)
  end

  @doc "Rewrites every member known: after a role was deleted."
  @spec map(t(), (Member.t() -> Member.t())) :: t()
  def map(%__MODULE__{} = roster, fun) do
    each = fn members -> Map.new(members, fn {id, member} -> {id, fun.(member)} end) end

    %{
      roster
      | online: each.(roster.online),
        young: each.(roster.young),
        old: each.(roster.old),
        json: %{}
    }
  end
end
