defmodule Guildhall.Guild.Audience do
  @moduledoc false

  # The sessions that are attached to a room, and the relays that have them. A relay is told of the
  # room before its first session, and of an event as long as it has a session with an intent for it:
  # few have the intent for presences, and there are more of these than of anything else.

  import Bitwise

  alias Guildhall.Relay.Subscriber
  alias Guildhall.Table

  defstruct sessions: Table.new(), users: Table.new(), relays: %{}

  @type session_id :: String.t()
  @type user_id :: pos_integer()
  @type intents :: non_neg_integer()
  @type t :: %__MODULE__{
          # session_id() => {user_id(), relay :: pid(), session :: pid(), intents()}
          sessions: Table.t(),
          # user_id() => [session_id()]
          users: Table.t(),
          relays: %{optional(pid()) => %{optional(intents()) => sessions :: pos_integer()}}
        }

  @spec attached?(t(), session_id()) :: boolean()
  def attached?(%__MODULE__{sessions: sessions}, session_id),
    do: Table.has_key?(sessions, session_id)

  @doc "The relay and the process of a session."
  @spec fetch(t(), session_id()) :: {:ok, {relay :: pid(), session :: pid()}} | :error
  def fetch(%__MODULE__{sessions: sessions}, session_id) do
    with {:ok, {_user_id, relay, pid, _intents}} <- Table.fetch(sessions, session_id),
         do: {:ok, {relay, pid}}
  end

  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{sessions: sessions}), do: Table.size(sessions)

  @doc "The relays that have sessions."
  @spec relays(t()) :: [pid()]
  def relays(%__MODULE__{relays: relays}),
    do: for({relay, sessions} <- relays, sessions != %{}, do: relay)

  @doc "The relays that have sessions with one of the intents; 0 is for events that need none."
  @spec relays(t(), intents()) :: [pid()]
  def relays(audience, 0), do: relays(audience)

  def relays(%__MODULE__{relays: relays}, mask) do
    for {relay, sessions} <- relays,
        Enum.any?(sessions, fn {intents, _count} -> (intents &&& mask) != 0 end),
        do: relay
  end

  @doc "How many sessions have one of the intents."
  @spec count(t(), intents()) :: non_neg_integer()
  def count(%__MODULE__{relays: relays}, mask) do
    for {_relay, sessions} <- relays,
        {intents, count} <- sessions,
        (intents &&& mask) != 0,
        reduce: 0,
        do: (sum -> sum + count)
  end

  @doc "Whether the relay has been told of the room."
  @spec open?(t(), pid()) :: boolean()
  def open?(%__MODULE__{relays: relays}, relay), do: is_map_key(relays, relay)

  @spec put(t(), Subscriber.t()) :: t()
  def put(%__MODULE__{} = audience, %Subscriber{session_id: id, user_id: user_id} = subscriber) do
    %{relay: relay, pid: pid, intents: intents} = subscriber
    served = audience.relays |> Map.get(relay, %{}) |> Map.update(intents, 1, &(&1 + 1))

    %{
      audience
      | sessions: Table.put(audience.sessions, id, {user_id, relay, pid, intents}),
        users: Table.put(audience.users, user_id, [id | sessions(audience, user_id)]),
        relays: Map.put(audience.relays, relay, served)
    }
  end

  @doc "Takes a session out. Says whether it was its user's last one."
  @spec delete(t(), session_id()) :: {:last | :one, user_id(), t()} | :none
  def delete(%__MODULE__{} = audience, session_id) do
    case Table.pop(audience.sessions, session_id) do
      {nil, _sessions} ->
        :none

      {{user_id, relay, _pid, intents}, sessions} ->
        relays = Map.update!(audience.relays, relay, &without(&1, intents))
        audience = %{audience | sessions: sessions, relays: relays}

        case audience |> sessions(user_id) |> List.delete(session_id) do
          [] -> {:last, user_id, %{audience | users: Table.delete(audience.users, user_id)}}
          rest -> {:one, user_id, %{audience | users: Table.put(audience.users, user_id, rest)}}
        end
    end
  end

  defp without(served, intents) do
    case served do
      %{^intents => 1} -> Map.delete(served, intents)
      %{^intents => count} -> %{served | intents => count - 1}
    end
  end

  @doc "The sessions of a user."
  @spec sessions(t(), user_id()) :: [session_id()]
  def sessions(%__MODULE__{users: users}, user_id), do: Table.get(users, user_id, [])

  @doc "The processes of all sessions."
  @spec pids(t()) :: [pid()]
  def pids(%__MODULE__{sessions: sessions}),
    do: for({_user, _relay, pid, _intents} <- Table.values(sessions), do: pid)

  @doc "The sessions that are with a relay."
  @spec of_relay(t(), pid()) :: [session_id()]
  def of_relay(%__MODULE__{sessions: sessions}, relay) do
    for {id, {_user_id, ^relay, _pid, _intents}} <- Table.to_list(sessions), do: id
  end

  @doc "Writes down what changed; see `Guildhall.Table`."
  @spec settle(t()) :: t()
  def settle(%__MODULE__{sessions: sessions, users: users} = audience) do
    %{audience | sessions: Table.settle(sessions), users: Table.settle(users)}
  end

  @doc "Forgets a relay that died; its sessions must have been taken out."
  @spec forget(t(), pid()) :: t()
  def forget(%__MODULE__{} = audience, relay) do
    %{audience | relays: Map.delete(audience.relays, relay)}
  end
end
