defmodule Guildhall.Guild.Reception do
  @moduledoc false

  # What sessions want of a room: to be attached, to say how their user is, to be in a voice channel.
  # Works in the room's process, on the struct of `Guildhall.Guild.Server`.

  alias Guildhall.Guild.{
    Audience,
    Bounds,
    Execution,
    Facts,
    MemberPages,
    Request,
    Roster,
    Server,
    Sessions,
    Snapshot,
    State,
    Talk,
    Watching
  }

  alias Guildhall.Model.{Member, Presence}
  alias Guildhall.Relay.Subscriber
  alias Guildhall.User

  @type command ::
          {:attach, Subscriber.t(), Presence.t(), large_threshold :: pos_integer(), Request.t()}
          | {:presence, user_id :: pos_integer(), session_id :: String.t(), Presence.t()}
          | {:voice, user_id :: pos_integer(), session_id :: String.t(), map()}
          | {:watch, user_id :: pos_integer(), session_id :: String.t(), map()}

  @spec handle(Server.t(), command()) :: Server.t()
  def handle(server, {:attach, subscriber, presence, threshold, request}) do
    with {:ok, member} <- member(server, Server.state(server).guild, subscriber, request),
         :ok <- served(Server.state(server)) do
      attach(server, %{subscriber | member: member}, presence, threshold)
    else
      {:error, reason} ->
        refuse(server, {:attach, subscriber, presence, threshold, request}, reason)
        server
    end
  end

  def handle(server, {:presence, user_id, session_id, presence}) do
    Execution.update(server, &Sessions.present(&1, user_id, session_id, presence))
  end

  def handle(server, {:voice, user_id, session_id, attrs}) do
    now = System.system_time(:millisecond)

    if Audience.attached?(Server.state(server).audience, session_id),
      do: Execution.update(server, &Talk.set(&1, user_id, session_id, attrs, now)),
      else: server
  end

  def handle(server, {:watch, user_id, session_id, channels}) do
    Watching.watch(server, session_id, user_id, channels)
  end

  @doc "Tells a session that it is not attached."
  @spec refuse(Server.t(), command(), atom()) :: :ok
  def refuse(server, {:attach, subscriber, _presence, _threshold, _request}, reason) do
    send(subscriber.pid, {Guildhall.Guild, :refused, server.room_id, reason})
    :ok
  end

  def refuse(_server, _command, _reason), do: :ok

  @doc "Takes out the sessions of a relay that crashed which have not come back with another one."
  @spec lose(Server.t(), relay :: pid()) :: Server.t()
  def lose(server, relay) do
    lost = Audience.of_relay(Server.state(server).audience, relay)

    Execution.update(server, fn state ->
      {state, effects} = Sessions.detach(state, lost)
      {%{state | audience: Audience.forget(state.audience, relay)}, effects}
    end)
  end

  defp member(_server, %{kind: :dm, channels: channels}, subscriber, _request) do
    [channel] = Map.values(channels)
    if subscriber.user_id in channel.recipients, do: {:ok, nil}, else: {:error, :unknown_channel}
  end

  # The session's process read the row; what it read may be too old, which is rare.
  defp member(server, _guild, subscriber, request) do
    key = {:member, subscriber.user_id}

    with {:need, keys} <- Facts.fetch(Server.state(server), request, key),
         {:ok, facts} <- Facts.read(server.instance, server.room_id, keys) do
      found(server, Map.fetch!(facts, key))
    else
      {:ok, member} -> found(server, member)
      {:error, reason} -> {:error, reason}
    end
  end

  # Its members can make it smaller over REST; sessions ask again.
  defp served(state), do: if(Bounds.served?(state), do: :ok, else: {:error, :too_large})

  defp found(_server, nil), do: {:error, :unknown_guild}
  defp found(server, %Member{} = member), do: {:ok, State.known(Server.state(server), member)}

  defp attach(server, subscriber, presence, threshold) do
    unless Audience.open?(Server.state(server).audience, subscriber.relay),
      do: Process.monitor(subscriber.relay)

    server
    |> prepare(subscriber, threshold)
    |> Execution.update(&Sessions.attach(&1, subscriber, presence, threshold))
    |> Execution.came(subscriber.pid)
  end

  # What a snapshot shows and only the store knows is read for the first who is shown it.
  defp prepare(server, subscriber, threshold) do
    case Server.state(server) do
      %{guild: %{kind: :dm}} = state -> Server.put_state(server, %{state | users: users(server)})
      state -> Server.put_state(server, complete(server, state, subscriber, threshold))
    end
  end

  defp users(server) do
    [%{recipients: user_ids}] = Map.values(Server.state(server).guild.channels)
    read!(User.fetch_many(server.instance, user_ids))
  end

  defp complete(server, state, subscriber, threshold) do
    if Snapshot.all_members?(state, subscriber, threshold) and not state.roster.complete do
      pages = MemberPages.new(server.instance, server.room_id)
      members = read!(MemberPages.next(pages, State.small()))
      %{state | roster: Roster.complete(state.roster, Enum.map(members, &State.known(state, &1)))}
    else
      state
    end
  end

  defp read!({:ok, value}), do: value
  defp read!({:ok, value, _cursor}), do: value
  # A room that can not read is of no use.
  defp read!({:error, reason}), do: exit({:shutdown, reason})
end
