defmodule Guildhall.Guild.Sidebar.Source do
  @moduledoc false

  # Where a sidebar reads who is in its guild: the room's tables, which hold who is online and which it
  # may read beside the room's work, and the store for the others.
  #
  # The room settles its tables before it says that somebody changed, so what is read after that is
  # at least as new, and whatever is read too early is read again.

  alias Guildhall.Guild.{Directory, MemberPages}
  alias Guildhall.{Instance, Table}
  alias Guildhall.Model.Member

  @piece 250

  @enforce_keys [:fetch, :walk, :stop, :online]
  defstruct @enforce_keys

  @typedoc "A user, his member if he is known to be one, and what is shown of him if he is not offline."
  @type row :: {user_id :: pos_integer(), Member.t() | nil, shown :: map() | nil}
  @type t :: %__MODULE__{
          # Who is offline is looked for in the store only if it is asked for.
          fetch: ([user_id :: pos_integer()], offline? :: boolean() -> [row()]),
          # Some of all who are online, or of all; nil begins and ends.
          walk: (cursor :: term(), offline? :: boolean() -> {[row()], cursor :: term()}),
          # Gives up a walk that has not come to its end.
          stop: (cursor :: term() -> term()),
          online: (() -> non_neg_integer())
        }

  @doc "The members of a room, of whom it shares who is online and what is shown of them."
  @spec room(Instance.t(), guild_id :: pos_integer(), Table.shared(), Table.shared()) :: t()
  def room(instance, guild_id, online, shown) do
    fetch = &fetch(instance, guild_id, {online, shown}, &1, &2)

    %__MODULE__{
      fetch: fetch,
      walk: &walk(instance, guild_id, {shown, fetch}, &1, &2),
      stop: &if(match?({:table, _continuation}, &1), do: Table.release(shown)),
      online: fn -> Table.count(shown) end
    }
  end

  defp fetch(instance, guild_id, {online, shown}, ids, offline?) do
    rows =
      for id <- ids do
        shown = Table.get(shown, id)
        {id, if(shown || offline?, do: Table.get(online, id)), shown}
      end

    # Who has just gone is still shown for a moment.
    case for({id, nil, shown} <- rows, shown || offline?, do: id) do
      [] ->
        rows

      missing ->
        found = Map.new(read!(Directory.find(instance, guild_id, missing)), &{&1.user.id, &1})
        for {id, member, shown} <- rows, do: {id, member || found[id], shown}
    end
  end

  # A small guild is walked through in the store, where all its members are.
  defp walk(instance, guild_id, context, nil, true) do
    walk(instance, guild_id, context, MemberPages.new(instance, guild_id), true)
  end

  defp walk(_instance, _guild_id, {shown, _fetch}, pages, true) do
    {members, pages} = page!(MemberPages.next(pages, @piece))
    rows = for member <- members, id = member.user.id, do: {id, member, Table.get(shown, id)}
    {rows, if(length(rows) == @piece, do: pages)}
  end

  defp walk(_instance, _guild_id, {shown, fetch}, cursor, false) do
    if cursor == nil, do: Table.hold(shown)
    {:table, continuation} = cursor || {:table, nil}
    {ids, continuation} = Table.walk(shown, continuation, @piece)
    if continuation == nil, do: Table.release(shown)
    {fetch.(ids, false), continuation && {:table, continuation}}
  end

  # A sidebar that can not read is of no use; those who look at it come again.
  defp read!({:ok, value}), do: value
  defp read!({:error, reason}), do: exit({:shutdown, reason})

  defp page!({:ok, members, pages}), do: {members, pages}
  defp page!({:error, reason}), do: exit({:shutdown, reason})
end
