defmodule Guildhall.Guild.Facts do
  @moduledoc false

  # The rows that a command is decided on.
  #
  # A room reads nothing while it works. The caller reads what the command is likely to need, in its
  # own process, and sends it along; a room that lacks a row answers `{:need, keys}`, and the caller
  # reads those too and comes again.

  alias Guildhall.Guild.{Keys, MemberPages, Recent, Request, Roster, Rows, State}
  alias Guildhall.Model.{Member, Row}
  alias Guildhall.{Store, User}

  @type id :: pos_integer()
  @type key ::
          {:member, user_id :: id()}
          | {:user, user_id :: id()}
          | {:ban, user_id :: id()}
          | {:message, channel_id :: id(), message_id :: id()}
          | {:counts, channel_id :: id(), message_id :: id()}
          | {:reaction, channel_id :: id(), message_id :: id(), emoji :: binary(),
             user_id :: id()}
          | {:pins, channel_id :: id()}
          | {:members, :all}
  @type t :: %{optional(key()) => term()}

  @doc "Returns a row as it is now, or which rows the caller must read."
  @spec fetch(State.t(), Request.t(), key()) :: {:ok, term()} | {:need, [key()]}
  def fetch(%State{} = state, %Request{} = request, {:member, user_id} = key) do
    with :error <- Roster.fetch(state.roster, user_id) do
      with {:ok, %Member{} = member} <- find(state, request, key),
           do: {:ok, State.known(state, member)}
    end
  end

  def fetch(state, request, key), do: find(state, request, key)

  @doc "Returns several rows, in order, or all that must be read."
  @spec fetch_all(State.t(), Request.t(), [key()]) :: {:ok, [term()]} | {:need, [key()]}
  def fetch_all(state, request, keys) do
    found = Enum.map(keys, &fetch(state, request, &1))

    case for({:need, keys} <- found, key <- keys, do: key) do
      [] -> {:ok, Enum.map(found, &elem(&1, 1))}
      missing -> {:need, missing}
    end
  end

  defp find(state, request, key) do
    with :error <- Recent.fetch(state.recent, key) do
      case request.facts do
        %{^key => value} -> if current?(state, request), do: {:ok, value}, else: {:need, [key]}
        %{} -> {:need, [key]}
      end
    end
  end

  defp current?(state, request), do: Recent.current?(state.recent, request.stamp)

  @doc """
  Reads rows from the store, in the calling process.

  Only members and bans are a room's: without any of them the room may be nil.
  """
  @spec read(Guildhall.Instance.t(), room_id :: id() | nil, [key()]) ::
          {:ok, t()} | {:error, term()}
  def read(_instance, _room_id, []), do: {:ok, %{}}

  def read(instance, room_id, keys) do
    keys
    |> Enum.uniq()
    |> Enum.group_by(&elem(&1, 0))
    |> Enum.reduce_while({:ok, %{}}, fn {kind, keys}, {:ok, facts} ->
      case read_kind(kind, instance, room_id, keys) do
        {:ok, values} -> {:cont, {:ok, Map.merge(facts, Map.new(Enum.zip(keys, values)))}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end

  defp read_kind(:member, instance, room_id, keys) do
    places = for {:member, id} <- keys, do: {Keys.members(room_id, id), Keys.id(id)}
    many(instance, :members, places, nil, &Row.decode/1)
  end

  defp read_kind(:ban, instance, room_id, keys) do
    places = for {:ban, id} <- keys, do: {Keys.guild(room_id), Keys.id(id)}
    many(instance, :bans, places, nil, &Row.decode/1)
  end

  defp read_kind(:message, instance, _room_id, keys) do
    places = for {:message, channel, id} <- keys, do: {Keys.messages(channel, id), Keys.id(id)}
    many(instance, :messages, places, nil, &Row.decode/1)
  end

  defp read_kind(:counts, instance, _room_id, keys) do
    places = for {:counts, channel, id} <- keys, do: {Keys.messages(channel, id), Keys.id(id)}
    many(instance, :reaction_counts, places, [], &{:ok, Rows.decode_counts(&1)})
  end

  defp read_kind(:reaction, instance, _room_id, keys) do
    places =
      for {:reaction, channel, id, emoji, user_id} <- keys do
        {Keys.messages(channel, id), Keys.reaction(id, emoji, user_id)}
      end

    many(instance, :reactions, places, nil, &{:ok, Rows.decode_since(&1)})
  end

  defp read_kind(:user, instance, _room_id, keys) do
    ids = for {:user, id} <- keys, do: id

    with {:ok, users} <- User.fetch_many(instance, ids) do
      users = Map.new(users, &{&1.id, &1})
      {:ok, Enum.map(ids, &Map.get(users, &1))}
    end
  end

  defp read_kind(:pins, instance, _room_id, keys) do
    Enum.reduce_while(Enum.reverse(keys), {:ok, []}, fn {:pins, channel_id}, {:ok, values} ->
      case Store.scan(instance, :pins, Keys.id(channel_id), []) do
        {:ok, rows} -> {:cont, {:ok, [for({<<id::64>>, _at} <- rows, do: id) | values]}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end

  # Of a small guild.
  defp read_kind(:members, instance, room_id, [{:members, :all}]) do
    with {:ok, members, _pages} <-
           MemberPages.next(MemberPages.new(instance, room_id), State.small()),
         do: {:ok, [members]}
  end

  defp many(instance, table, places, default, decode) do
    with {:ok, values} <- Store.get_many(instance, table, places),
         do: decoded(values, default, decode)
  end

  defp decoded([], _default, _decode), do: {:ok, []}

  defp decoded([value | values], default, decode) do
    with {:ok, value} <- if(value, do: decode.(value), else: {:ok, default}),
         {:ok, values} <- decoded(values, default, decode),
         do: {:ok, [value | values]}
  end
end
