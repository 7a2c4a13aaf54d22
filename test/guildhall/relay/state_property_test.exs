defmodule Guildhall.Relay.StatePropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise
  import Guildhall.RelayFixture

  alias Guildhall.Model.{Guild, Intents, Overwrite, Rights}
  alias Guildhall.{Outbox, Permissions}
  alias Guildhall.Permissions.Reference
  alias Guildhall.Relay.{Event, Round, State, View}

  @view Permissions.bit(:view_channel)
  @guilds Intents.bit(:guilds)
  @content Intents.bit(:message_content)
  @room 1

  # Whatever came before, an event reaches the sessions that the permission algorithm, run for each
  # of them on the state of now, lets see it. The model keeps a guild and a list of sessions. Some events
  # are dispatched together, with what changes who gets them in between.
  property "recipients are those of the permission algorithm, run per session" do
    forall rounds <- list(list(command())) do
      Enum.reduce(rounds, {relay(start()), start(), %{}}, &round/2)
    end
  end

  # A change tells each session what it gained and lost, whatever its roles.
  property "a change shows and hides exactly what the algorithm says" do
    forall {arrivals, changes} <- {list(attach()), list(change())} do
      {relay, guild, sessions} = round(arrivals, {relay(start()), start(), %{}})
      {changed, after_sessions} = Enum.reduce(changes, {guild, sessions}, &model/2)
      channels = for id <- 10..14, do: {id, event("created#{id}"), event("deleted#{id}")}

      events =
        for id <- 10..14, do: %Event{type: "E", body: event("updated#{id}"), to: {:channel, id}}

      flush(
        run(
          {:change, self(), @room, changes, channels, events},
          {relay, Round.new(0, false, Guildhall.Outbox.Queue.new())}
        )
      )

      for {session_id, subscriber} <- sessions do
        told =
          for id <- 10..14,
              told <- told(id, {guild, subscriber}, {changed, after_sessions[session_id]}),
              do: told

        assert Enum.sort(read(subscriber)) == Enum.sort(told)
      end
    end
  end

  defp told(id, {guild, before}, {changed, now}) do
    guilds? = (before.intents &&& @guilds) != 0

    case {sees?(guild, before, id), sees?(changed, now, id)} do
      {false, true} when guilds? -> ["created#{id}"]
      {true, false} when guilds? -> ["deleted#{id}"]
      {true, true} -> ["updated#{id}"]
      _unseen_or_unwanted -> []
    end
  end

  defp relay(guild) do
    {relay, _round} =
      run(
        {:open, self(), @room, %View{guild: guild}},
        {State.new(), Round.new(0, false, Guildhall.Outbox.Queue.new())}
      )

    relay
  end

  defp run(command, {relay, round}) do
    {relay, effects} = State.apply(relay, command)
    {relay, Round.perform(round, effects)}
  end

  defp flush({relay, round}) do
    {[], _round} = Round.flush(round)
    State.settle(relay)
  end

  # One round of the relay, after which every outbox holds what the model says.
  defp round(commands, {relay, guild, sessions}) do
    {running, guild, sessions, owed} =
      Enum.reduce(
        commands,
        {{relay, Round.new(0, false, Guildhall.Outbox.Queue.new())}, guild, sessions, []},
        &step/2
      )

    relay = flush(running)
    owed = Enum.group_by(Enum.reverse(owed), &elem(&1, 0), &elem(&1, 1))

    for %{outbox: outbox} = subscriber <- Map.values(sessions) do
      assert read(subscriber) == Map.get(owed, outbox, [])
    end

    {relay, guild, sessions}
  end

  defp step({:event, event}, {running, guild, sessions, owed}) do
    more =
      for {_id, subscriber} <- sessions, receives?(event, subscriber, guild) do
        {subscriber.outbox, body(event, subscriber)}
      end

    {run({:publish, self(), @room, [encoded(event)]}, running), guild, sessions, more ++ owed}
  end

  defp step({:attach, subscriber}, {running, guild, sessions, owed}) do
    subscriber = %{subscriber | outbox: Outbox.new()}
    running = run({:attach, self(), @room, subscriber, []}, running)
    {running, guild, Map.put(sessions, subscriber.session_id, subscriber), owed}
  end

  defp step({:detach, session_id}, {running, guild, sessions, owed}) do
    running = run({:detach, self(), @room, session_id}, running)
    {running, guild, Map.delete(sessions, session_id), owed}
  end

  defp step({:change, change}, {running, guild, sessions, owed}) do
    {guild, sessions} = model(change, {guild, sessions})
    {run({:change, self(), @room, [change], [], []}, running), guild, sessions, owed}
  end

  defp encoded(event) do
    encode = fn name -> name && event(name) end

    %{
      event
      | body: encode.(event.body),
        content: encode.(event.content),
        author: encode.(event.author)
    }
  end

  defp event(data), do: Outbox.event("E", data)

  defp model({:owner, id}, {guild, sessions}), do: {%{guild | owner_id: id}, sessions}

  defp model({:role, role}, {guild, sessions}),
    do: {put_in(guild.roles[role.id], role), sessions}

  defp model({:role_deleted, id}, {guild, sessions}),
    do: {%{guild | roles: Map.delete(guild.roles, id)}, sessions}

  defp model({:channel, channel}, {guild, sessions}),
    do: {put_in(guild.channels[channel.id], channel), sessions}

  defp model({:channel_deleted, id}, {guild, sessions}),
    do: {%{guild | channels: Map.delete(guild.channels, id)}, sessions}

  defp model({:member, member}, {guild, sessions}) do
    changed = fn {session_id, subscriber} ->
      if subscriber.user_id == member.user.id,
        do: {session_id, %{subscriber | member: member}},
        else: {session_id, subscriber}
    end

    {guild, Map.new(sessions, changed)}
  end

  # The definition, as literally as it can be written.
  defp receives?(event, subscriber, guild) do
    %{user_id: user_id, intents: intents, member: member} = subscriber
    base = Reference.base(Reference.new(Rights.describe(guild)), Rights.member(member))

    there? =
      case event.to do
        :room -> true
        {:users, user_ids} -> user_id in user_ids
        {:channel, id} -> sees?(guild, subscriber, id)
      end

    there? and user_id not in event.except and
      (event.intents == 0 or (intents &&& event.intents) != 0 or user_id in event.always) and
      (event.permissions == 0 or (base &&& event.permissions) != 0)
  end

  defp sees?(guild, subscriber, channel_id) do
    rights = Reference.new(Rights.describe(guild))
    member = Rights.member(subscriber.member)
    (Reference.in_channel(rights, channel_id, member) &&& @view) != 0
  end

  defp body(event, subscriber) do
    content? = (subscriber.intents &&& @content) != 0 or subscriber.user_id in event.content_for

    cond do
      event.author != nil and event.author_id == subscriber.user_id -> event.author
      event.content != nil and content? -> event.content
      true -> event.body
    end
  end

  defp start do
    %{guild() | channels: Map.put(guild().channels, 12, channel(12, [], type: 2))}
  end

  # Few users, roles and channels, so that runs meet each other.
  defp command do
    frequency([
      {4, attach()},
      {2, map(session_id(), &{:detach, &1})},
      {3, map(change(), &{:change, &1})},
      {6, map(event(), &{:event, &1})}
    ])
  end

  defp attach do
    map({session_id(), roles(), intents()}, fn {session_id, roles, intents} ->
      user_id = user_of(session_id)

      {:attach, subscriber(user_id, roles, session_id: session_id, intents: intents)}
    end)
  end

  # Two sessions each of four users, who have one set of roles at a time in a real guild; here the
  # later session may come with other roles than the earlier, which must do no harm.
  defp session_id, do: map(range(0, 7), &"s#{&1}")
  defp user_of("s" <> number), do: 90 + div(String.to_integer(number), 2)
  defp user, do: oneof([90, 91, 92, 93, 99])
  defp roles, do: oneof([[], [2], [3], [2, 3]])

  defp intents do
    map({boolean(), boolean(), boolean()}, fn {guilds, content, messages} ->
      for {true, bit} <- [{guilds, @guilds}, {content, @content}, {messages, 512}], reduce: 0 do
        mask -> mask ||| bit
      end
    end)
  end

  defp change do
    oneof([
      map(user(), &{:owner, &1}),
      map({oneof([1, 2, 3]), permissions()}, fn {id, mask} -> {:role, role(id, mask)} end),
      map(oneof([2, 3]), &{:role_deleted, &1}),
      map(channel_id(), &{:channel_deleted, &1}),
      map({user(), roles()}, fn {user_id, roles} -> {:member, member(user_id, roles)} end),
      map({range(10, 12), oneof([0, 2, 4]), list(overwrite())}, fn {id, type, overwrites} ->
        {:channel, channel(id, overwrites, type: type)}
      end),
      # A thread, whose parent may be missing.
      map({oneof([13, 14]), range(10, 12)}, fn {id, parent_id} ->
        {:channel, channel(id, [], type: 11, parent_id: parent_id)}
      end)
    ])
  end

  defp permissions,
    do: oneof([0, @view, Permissions.bit(:administrator), Permissions.bit(:ban_members)])

  defp channel_id, do: range(10, 14)

  defp overwrite do
    map({oneof([1, 2, 3, 90, 91]), oneof([0, @view, 2048]), oneof([0, @view, 2048])}, fn {id,
                                                                                          allow,
                                                                                          deny} ->
      type = if id >= 90, do: :member, else: :role
      %Overwrite{id: id, type: type, allow: allow, deny: deny}
    end)
  end

  defp event do
    map(
      {to(), oneof([0, 0, 1, 512]), oneof([0, 0, 4]), {users(), users(), users()}, boolean(),
       oneof([nil, 90, 91])},
      fn {to, intents, permissions, {always, except, content_for}, content?, author_id} ->
        %Event{
          type: "E",
          body: "body",
          to: to,
          intents: intents,
          permissions: permissions,
          always: always,
          except: except,
          content: if(content?, do: "content"),
          content_for: content_for,
          author: if(author_id, do: "author"),
          author_id: author_id
        }
      end
    )
  end

  defp to, do: oneof([:room, {:users, users()}, {:channel, channel_id()}, {:channel, 11}])
  defp users, do: oneof([[], [], [90], [91, 92], [90, 90]])

  test "a timeout does not take sight away" do
    late = %{member(5) | timeout_until: 1 <<< 60}
    guild = %Guild{} = guild()
    late = Rights.member(late, 0)
    assert (Permissions.in_channel(Rights.new(guild), 10, late) &&& @view) != 0
  end
end
