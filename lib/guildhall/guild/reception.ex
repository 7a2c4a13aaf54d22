defmodule Guildhall.Guild.Reception do
  @moduledoc false

  # What sessions want of a room: to be attached, to say how their user is, to be in a voice channel.
  # Works in the room's process, on the struct of `Guildhall.Guild.Server`.
  #
  # Sessions are attached in turns (`Guildhall.Guild.Attaching`). Rows that the room lacks for one are
  # read in the background, for all that wait at once.

  alias Guildhall.Guild.{
    Attaching,
    Audience,
    Bounds,
    Execution,
    Facts,
    Gate,
    Recent,
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

  @type attach ::
          {:attach, Subscriber.t(), Presence.t(), large_threshold :: pos_integer(), Request.t()}
  @type command ::
          attach()
          | {:presence, user_id :: pos_integer(), session_id :: String.t(), Presence.t()}
          | {:voice, user_id :: pos_integer(), session_id :: String.t(), map()}
          | {:watch, user_id :: pos_integer(), session_id :: String.t(), map()}

  @doc "Takes in what a session wants."
  @spec handle(Server.t(), command()) :: Server.t()
  def handle(%{attaching: attaching} = server, {:attach, subscriber, _, _, _} = command) do
    {put, attaching} = Attaching.put(attaching, subscriber.session_id, command)
    if put == :replaced, do: Gate.serve(server.gate, :attach)
    plan(%{server | attaching: attaching})
  end

  def handle(server, command) do
    Gate.serve(server.gate, :signal)
    signal(server, command)
  end

  # A session says how its user is as soon as it asks to be attached.
  defp signal(server, {:presence, user_id, session_id, presence}) do
    server = %{server | attaching: Attaching.present(server.attaching, session_id, presence)}
    Execution.update(server, &Sessions.present(&1, user_id, session_id, presence))
  end

  defp signal(server, {:voice, user_id, session_id, attrs}) do
    now = System.system_time(:millisecond)

    if Audience.attached?(Server.state(server).audience, session_id),
      do: Execution.update(server, &Talk.set(&1, user_id, session_id, attrs, now)),
      else: server
  end

  defp signal(server, {:watch, user_id, session_id, channels}) do
    Watching.watch(server, session_id, user_id, channels)
  end

  # The next turn comes after what is in the mailbox.
  defp plan(%{attaching: %Attaching{due?: true}} = server), do: server

  defp plan(%{attaching: attaching} = server) do
    if :queue.is_empty(attaching.turn) do
      server
    else
      send(self(), :turn)
      %{server | attaching: %{attaching | due?: true}}
    end
  end

  @doc "Attaches sessions whose turn it is."
  @spec turn(Server.t()) :: Server.t()
  def turn(%{attaching: attaching} = server) do
    now = now()
    server = attach_until(server, now + Attaching.length(attaching, now))
    plan(%{server | attaching: %{server.attaching | due?: false, rested_at: now()}})
  end

  defp attach_until(server, time) do
    with {:ok, session_id, command, attaching} <- Attaching.next(server.attaching) do
      server = try_attach(%{server | attaching: attaching}, session_id, command)
      if now() < time, do: attach_until(server, time), else: server
    else
      :none -> server
    end
  end

  defp try_attach(server, session_id, {:attach, subscriber, presence, threshold, request}) do
    state = Server.state(server)

    with {:ok, member} <- member(state, subscriber, request),
         :ok <- served(state),
         subscriber = %{subscriber | member: member},
         {:ok, state} <- complete(state, subscriber, threshold, request) do
      server
      |> Server.put_state(state)
      |> attach(subscriber, presence, threshold)
      |> done(session_id)
    else
      :lack -> lack(server, session_id)
      {:error, reason} -> refused(server, session_id, reason)
    end
  end

  defp done(server, session_id) do
    Gate.serve(server.gate, :attach)
    %{server | attaching: Attaching.done(server.attaching, session_id)}
  end

  defp refused(server, session_id, reason) do
    {command, _tries} = Map.fetch!(server.attaching.entries, session_id)
    refuse(server, command, reason)
    done(server, session_id)
  end

  @doc "Tells a session that it is not attached."
  @spec refuse(Server.t(), command(), atom()) :: :ok
  def refuse(server, {:attach, subscriber, _presence, _threshold, _request}, reason) do
    send(subscriber.pid, {Guildhall.Guild, :refused, server.room_id, reason})
    :ok
  end

  def refuse(_server, _command, _reason), do: :ok

  @doc "Tells every session that waits that it is not attached."
  @spec refuse_all(Server.t(), atom()) :: Server.t()
  def refuse_all(server, reason) do
    for {session_id, _command} <- Attaching.all(server.attaching), reduce: server do
      server -> refused(server, session_id, reason)
    end
  end

  defp lack(server, session_id) do
    case Attaching.lack(server.attaching, session_id) do
      {:ok, attaching} -> read(%{server | attaching: attaching})
      :error -> refused(server, session_id, :unavailable)
    end
  end

  # One read at a time, for all that wait.
  defp read(server) do
    reading? = Enum.any?(server.background, &match?({_reference, {:rows, _ids, _stamp}}, &1))

    case Attaching.take_lacking(server.attaching) do
      {[_one | _more] = sessions, attaching} when not reading? ->
        keys = for {_id, command} <- sessions, key <- keys(server, command), uniq: true, do: key
        ids = for {id, _command} <- sessions, do: id
        {instance, room_id} = {server.instance, server.room_id}
        tag = {:rows, ids, server.room.pipeline.released}
        read = fn -> Facts.read(instance, room_id, keys) end
        Server.background(%{server | attaching: attaching}, tag, read)

      _none_or_later ->
        server
    end
  end

  # Everything that the session's attaching is decided on, so that it is of one time.
  defp keys(server, {:attach, subscriber, _presence, threshold, _request}) do
    case Server.state(server) do
      %{guild: %{kind: :dm}} = state ->
        for id <- recipients(state), do: {:user, id}

      state ->
        members = if all_members?(state, subscriber, threshold), do: [{:members, :all}], else: []
        [{:member, subscriber.user_id} | members]
    end
  end

  @doc "Takes in the rows that were read for sessions."
  @spec rows(
          Server.t(),
          [String.t()],
          stamp :: non_neg_integer(),
          {:ok, Facts.t()} | {:error, term()}
        ) ::
          Server.t()
  def rows(server, session_ids, stamp, {:ok, facts}) do
    equip = fn {:attach, subscriber, presence, threshold, request} ->
      {:attach, subscriber, presence, threshold, %{request | facts: facts, stamp: stamp}}
    end

    attaching = Attaching.back(server.attaching, session_ids, equip)
    %{server | attaching: attaching} |> read() |> plan()
  end

  def rows(server, session_ids, _stamp, {:error, reason}) do
    session_ids |> Enum.reduce(server, &refused(&2, &1, reason)) |> read()
  end

  @doc "Takes out the sessions of a relay that crashed which have not come back with another one."
  @spec lose(Server.t(), relay :: pid()) :: Server.t()
  def lose(server, relay) do
    lost = Audience.of_relay(Server.state(server).audience, relay)

    Execution.update(server, fn state ->
      {state, effects} = Sessions.detach(state, lost)
      {%{state | audience: Audience.forget(state.audience, relay)}, effects}
    end)
  end

  defp member(%{guild: %{kind: :dm}} = state, subscriber, _request) do
    if subscriber.user_id in recipients(state), do: {:ok, nil}, else: {:error, :unknown_channel}
  end

  # The session's process read the row; what it read may be too old, which is rare.
  defp member(state, subscriber, request) do
    case Facts.fetch(state, request, {:member, subscriber.user_id}) do
      {:ok, nil} -> {:error, :unknown_guild}
      {:ok, %Member{} = member} -> {:ok, State.known(state, member)}
      {:need, _keys} -> :lack
    end
  end

  # Its members can make it smaller over REST; sessions ask again.
  defp served(state), do: if(Bounds.served?(state), do: :ok, else: {:error, :too_large})

  defp recipients(%{guild: %{channels: channels}}) do
    [%{recipients: user_ids}] = Map.values(channels)
    user_ids
  end

  # Rows that a snapshot shows and that are only in the store.
  defp complete(%{guild: %{kind: :dm}} = state, _subscriber, _threshold, request) do
    case Facts.fetch_all(state, request, for(id <- recipients(state), do: {:user, id})) do
      {:ok, users} -> {:ok, %{state | users: Enum.reject(users, &is_nil/1)}}
      {:need, _keys} -> :lack
    end
  end

  defp complete(state, subscriber, threshold, request) do
    if all_members?(state, subscriber, threshold),
      do: complete_roster(state, request),
      else: {:ok, state}
  end

  defp all_members?(%{roster: %{complete: complete?}} = state, subscriber, threshold) do
    not complete? and Snapshot.all_members?(state, subscriber, threshold)
  end

  # Members that have changed since they were read are as the room knows them.
  defp complete_roster(state, request) do
    case Facts.fetch(state, request, {:members, :all}) do
      {:ok, read} ->
        members =
          for {{:member, id}, member} <- Recent.all(state.recent),
              into: Map.new(read, &{&1.user.id, &1}) do
            {id, member}
          end

        members = for {_id, %Member{} = member} <- members, do: State.known(state, member)
        {:ok, %{state | roster: Roster.complete(state.roster, members)}}

      {:need, _keys} ->
        :lack
    end
  end

  defp attach(server, subscriber, presence, threshold) do
    unless Audience.open?(Server.state(server).audience, subscriber.relay),
      do: Process.monitor(subscriber.relay)

    server
    |> Execution.update(&Sessions.attach(&1, subscriber, presence, threshold))
    |> Execution.came(subscriber.pid)
  end

  defp now, do: System.monotonic_time(:microsecond)
end
