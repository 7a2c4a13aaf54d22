defmodule Guildhall.Guild.Audience do
  @moduledoc false

  # The sessions that are attached to a room, and the relays that have them. A relay is told of the
  # room before its first session, and gets events as long as it has one.

  alias Guildhall.Relay.Subscriber

  defstruct sessions: %{}, users: %{}, relays: %{}

  @type session_id :: String.t()
  @type user_id :: pos_integer()
  @type t :: %__MODULE__{
          sessions: %{optional(session_id()) => {user_id(), relay :: pid(), session :: pid()}},
          users: %{optional(user_id()) => [session_id()]},
          relays: %{optional(pid()) => sessions :: non_neg_integer()}
        }

  @spec attached?(t(), session_id()) :: boolean()
  def attached?(%__MODULE__{sessions: sessions}, session_id), do: is_map_key(sessions, session_id)

  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{sessions: sessions}), do: map_size(sessions)

  @spec relays(t()) :: [pid()]
  def relays(%__MODULE__{relays: relays}), do: for({relay, count} <- relays, count > 0, do: relay)

  @doc "Whether the relay has been told of the room."
  @spec open?(t(), pid()) :: boolean()
  def open?(%__MODULE__{relays: relays}, relay), do: is_map_key(relays, relay)

  @spec put(t(), Subscriber.t()) :: t()
  def put(%__MODULE__{} = audience, %Subscriber{session_id: id, user_id: user_id} = subscriber) do
    %{relay: relay, pid: pid} = subscriber

    %{
      audience
      | sessions: Map.put(audience.sessions, id, {user_id, relay, pid}),
        users: Map.update(audience.users, user_id, [id], &[id | &1]),
        relays: Map.update(audience.relays, relay, 1, &(&1 + 1))
    }
  end

  @doc "Takes a session out. Says whether it was its user's last one."
  @spec delete(t(), session_id()) :: {:last | :one, user_id(), t()} | :none
  def delete(%__MODULE__{} = audience, session_id) do
    case Map.pop(audience.sessions, session_id) do
      {nil, _sessions} ->
        :none

      {{user_id, relay, _pid}, sessions} ->
        relays = Map.update!(audience.relays, relay, &(&1 - 1))
        audience = %{audience | sessions: sessions, relays: relays}

        case List.delete(audience.users[user_id], session_id) do
          [] -> {:last, user_id, %{audience | users: Map.delete(audience.users, user_id)}}
          rest -> {:one, user_id, %{audience | users: Map.put(audience.users, user_id, rest)}}
        end
    end
  end

  @doc "The sessions of a user."
  @spec sessions(t(), user_id()) :: [session_id()]
  def sessions(%__MODULE__{users: users}, user_id), do: Map.get(users, user_id, [])

  @doc "The processes of all sessions."
  @spec pids(t()) :: [pid()]
  def pids(%__MODULE__{sessions: sessions}),
    do: for({_id, {_user, _relay, pid}} <- sessions, do: pid)

  @doc "The sessions that are with a relay."
  @spec of_relay(t(), pid()) :: [session_id()]
  def of_relay(%__MODULE__{sessions: sessions}, relay) do
    for {id, {_user_id, ^relay, _pid}} <- sessions, do: id
  end

  @doc "Forgets a relay that died; its sessions must have been taken out."
  @spec forget(t(), pid()) :: t()
  def forget(%__MODULE__{} = audience, relay) do
    %{audience | relays: Map.delete(audience.relays, relay)}
  end
end
