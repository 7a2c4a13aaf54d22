defmodule Guildhall.Guild.Roster do
  @moduledoc false

  # The members that a room knows: those who are online, as long as they are, and lately others who
  # posted or were asked for. Never all of them, unless the guild is small.
  #
  # The others are in two generations. Who is used moves to the young one; when that is full it
  # becomes the old one, and the old one is forgotten: at most twice `limit` members for two maps.

  #
  # A role that was deleted is taken from a member when he is looked up, not from all at once.

  alias Guildhall.Model.{Member, Row}
  alias Guildhall.Table

  # Of how many members the JSON is kept; beyond it is begun anew.
  @cached 4_096

  @enforce_keys [:limit, :online]
  defstruct [:limit, :online, young: %{}, old: %{}, gone: %{}, json: %{}, complete: false]

  @type user_id :: pos_integer()
  @type t :: %__MODULE__{
          limit: pos_integer(),
          # user_id() => Member.t()
          online: Table.t(),
          young: %{optional(user_id()) => Member.t()},
          old: %{optional(user_id()) => Member.t()},
          # The ids of roles that were deleted.
          gone: %{optional(pos_integer()) => true},
          json: %{optional(user_id()) => binary()},
          complete: boolean()
        }

  @spec new(limit :: pos_integer()) :: t()
  def new(limit) do
    %__MODULE__{limit: limit, online: Table.new({&Row.encode/1, &Row.decode!/1})}
  end

  @spec fetch(t(), user_id()) :: {:ok, Member.t()} | :error
  def fetch(%__MODULE__{online: online, young: young, old: old} = roster, user_id) do
    with :error <- Table.fetch(online, user_id),
         :error <- Map.fetch(young, user_id),
         :error <- Map.fetch(old, user_id) do
      :error
    else
      {:ok, member} -> {:ok, current(roster, member)}
    end
  end

  defp current(%__MODULE__{gone: gone}, member) when gone == %{}, do: member

  defp current(%__MODULE__{gone: gone}, %Member{roles: roles} = member) do
    if Enum.any?(roles, &is_map_key(gone, &1)),
      do: %{member | roles: Enum.reject(roles, &is_map_key(gone, &1))},
      else: member
  end

  @doc "Remembers a member who was asked for."
  @spec remember(t(), Member.t()) :: t()
  def remember(%__MODULE__{} = roster, %Member{user: %{id: user_id}} = member) do
    cond do
      Table.has_key?(roster.online, user_id) ->
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
      Table.has_key?(roster.online, user_id) ->
        %{roster | online: Table.put(roster.online, user_id, member)}

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
      | online: Table.delete(roster.online, user_id),
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
      | online: Table.put(roster.online, user_id, member),
        young: Map.delete(roster.young, user_id),
        old: Map.delete(roster.old, user_id)
    }
  end

  @spec offline(t(), user_id()) :: t()
  def offline(%__MODULE__{} = roster, user_id) do
    case Table.pop(roster.online, user_id) do
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
    others =
      for %{user: %{id: id}} = m <- members, not Table.has_key?(roster.online, id), do: {id, m}

    %{roster | young: Map.new(others), old: %{}, complete: true}
  end

  @doc "The guild is not small any more: lets go of those who are not online."
  @spec incomplete(t()) :: t()
  def incomplete(%__MODULE__{complete: false} = roster), do: roster

  def incomplete(%__MODULE__{} = roster) do
    %{roster | complete: false, young: %{}, json: %{}}
  end

  @doc "Every member known. All of the guild's, if the roster is complete."
  @spec known(t()) :: [Member.t()]
  def known(%__MODULE__{online: online, young: young, old: old} = roster) do
    for members <- [Table.values(online), Map.values(young), Map.values(old)],
        member <- members,
        do: current(roster, member)
  end

  @doc "Writes down what changed; see `Guildhall.Table`."
  @spec settle(t()) :: t()
  def settle(%__MODULE__{online: online} = roster), do: %{roster | online: Table.settle(online)}

  @doc "A role was deleted: nobody has it any more."
  @spec forget_role(t(), role_id :: pos_integer()) :: t()
  def forget_role(%__MODULE__{} = roster, role_id) do
    %{roster | gone: Map.put(roster.gone, role_id, true), json: %{}}
  end

  @doc """
  The member's JSON as `encode` makes it, none if he is not known; once for each change of those who are
  shown again.
  """
  @spec encoded(t(), user_id(), (Member.t() -> binary())) :: {[binary()], t()}
  def encoded(%__MODULE__{json: json} = roster, user_id, encode) do
    case json do
      %{^user_id => encoded} ->
        {[encoded], roster}

      %{} ->
        case fetch(roster, user_id) do
          {:ok, member} -> kept(roster, user_id, encode.(member))
          :error -> {[], roster}
        end
    end
  end

  defp kept(roster, user_id, encoded) do
    if roster.complete or Table.has_key?(roster.online, user_id),
      do: {[encoded], %{roster | json: keep(roster.json, user_id, encoded)}},
      else: {[encoded], roster}
  end

  defp keep(json, user_id, encoded) when map_size(json) < @cached,
    do: Map.put(json, user_id, encoded)

  defp keep(_json, user_id, encoded), do: %{user_id => encoded}
end
