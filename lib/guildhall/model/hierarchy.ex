defmodule Guildhall.Model.Hierarchy do
  @moduledoc """
  Who stands above whom in a guild.

  A higher position stands above a lower one; of two roles with the same position the one with the
  lower id does. The owner stands above everyone and every role. Permissions say what someone may
  do at all, the hierarchy to whom: roles can be granted, edited and sorted only below one's own
  highest role, and members kicked, banned or renamed only if their highest role is below it.
  """

  import Bitwise

  alias Guildhall.Model.{Guild, Member, Role}
  alias Guildhall.Permissions

  @typedoc "A place in the hierarchy: compares as terms do."
  @type rank :: {position :: integer(), negative_id :: integer()}

  @doc "Returns the rank of a role."
  @spec rank(Role.t()) :: rank()
  def rank(%Role{position: position, id: id}), do: {position, -id}

  @doc "Returns the member's highest role; without roles of his own that is @everyone."
  @spec top_role(Guild.t(), Member.t()) :: Role.t()
  def top_role(%Guild{roles: roles} = guild, %Member{roles: ids}) do
    for(id <- [guild.id | ids], role = Map.get(roles, id), do: role) |> Enum.max_by(&rank/1)
  end

  @doc "Returns whether the member may kick, ban, rename or time out the other one, as far as ranks go."
  @spec outranks?(Guild.t(), Member.t(), Member.t()) :: boolean()
  def outranks?(%Guild{owner_id: owner_id} = guild, member, other) do
    cond do
      member.user.id == other.user.id -> false
      other.user.id == owner_id -> false
      member.user.id == owner_id -> true
      true -> rank(top_role(guild, member)) > rank(top_role(guild, other))
    end
  end

  @doc "Returns whether the role is below the member, who may then grant, edit, sort and delete it."
  @spec above?(Guild.t(), Member.t(), Role.t()) :: boolean()
  def above?(%Guild{owner_id: owner_id}, %Member{user: %{id: owner_id}}, _role), do: true
  def above?(guild, member, role), do: rank(top_role(guild, member)) > rank(role)

  @doc """
  Returns whether someone with these permissions may change a role's or an overwrite's permissions
  from one mask to another: only bits that he has himself may change.
  """
  @spec may_change?(Permissions.mask(), from :: Permissions.mask(), to :: Permissions.mask()) ::
          boolean()
  def may_change?(own, from, to), do: (bxor(from, to) &&& ~~~own) == 0
end
