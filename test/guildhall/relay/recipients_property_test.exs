defmodule Guildhall.Relay.RecipientsPropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise
  import Guildhall.RelayFixture

  alias Guildhall.Model.{Guild, Intents, Overwrite, Rights}
  alias Guildhall.Permissions
  alias Guildhall.Permissions.Reference
  alias Guildhall.Relay.{Audience, Change, Event, Recipients}

  @view Permissions.bit(:view_channel)
  @guilds Intents.bit(:guilds)
  @content Intents.bit(:message_content)

  # Whatever came before, an event reaches the sessions that the permission algorithm, run for each
  # of them on the state of now, lets see it. The model keeps a guild and a list of sessions.
  property "recipients are those of the permission algorithm, run per session" do
    forall commands <- list(command()) do
      guild = start()
      Enum.reduce(commands, {Audience.new(guild), guild, %{}}, &run/2)
    end
  end

  # A change tells each session what it gained and lost, whatever its roles.
  property "a change shows and hides exactly what the algorithm says" do
    forall {arrivals, changes} <- {list(attach()), list(change())} do
      {audience, guild, sessions} =
        Enum.reduce(arrivals, {Audience.new(start()), start(), %{}}, &run/2)

      {_guild, after_sessions} = model = Enum.reduce(changes, {guild, sessions}, &model/2)
      channels = Map.new(10..14, &{&1, {{:created, &1}, {:deleted, &1}}})
      events = for id <- 10..14, do: %Event{type: "E", body: {:updated, id}, to: {:channel, id}}
      {_audience, pushes} = Change.apply(audience, changes, channels, events)

      expected =
        for {session_id, subscriber} <- sessions,
            id <- 10..14,
            told <- told(id, {guild, subscriber}, {elem(model, 0), after_sessions[session_id]}),
            do: {session_id, told}

      assert received(pushes) == Enum.sort(expected)
    end
  end

  defp told(id, {guild, before}, {changed, now}) do
    guilds? = (before.intents &&& @guilds) != 0

    case {sees?(guild, before, id), sees?(changed, now, id)} do
      {false, true} when guilds? -> [{:created, id}]
      {true, false} when guilds? -> [{:deleted, id}]
      {true, true} -> [{:updated, id}]
      _unseen_or_unwanted -> []
    end
  end

  defp run({:event, event}, {audience, guild, sessions}) do
    {audience, pushes} = Recipients.deliver(audience, event)

    expected =
      for {session_id, subscriber} <- sessions, receives?(event, subscriber, guild) do
        {session_id, body(event, subscriber)}
      end

    assert received(pushes) == Enum.sort(expected)
    {audience, guild, sessions}
  end

  defp run({:attach, subscriber}, {audience, guild, sessions}) do
    {audience, _seat} = Audience.attach(audience, subscriber)
    {audience, guild, Map.put(sessions, subscriber.session_id, subscriber)}
  end

  defp run({:detach, session_id}, {audience, guild, sessions}) do
    {Audience.detach(audience, session_id), guild, Map.delete(sessions, session_id)}
  end

  defp run({:change, change}, {audience, guild, sessions}) do
    {guild, sessions} = model(change, {guild, sessions})
    {Audience.change(audience, change), guild, sessions}
  end

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

  # Bodies are plain terms here: only the outboxes of a real push need real events.
  defp received(pushes) do
    Enum.sort(
      for {:push, parts, instead} <- pushes,
          {body, outboxes, seats} <- parts,
          {outbox, {_key, subscriber}} <- Enum.zip(outboxes, seats),
          body = Map.get(Map.new(instead), outbox, body) do
        assert length(outboxes) == length(seats)
        assert subscriber.outbox == outbox
        {subscriber.session_id, body}
      end
    )
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

      {:attach,
       subscriber(user_id, roles, session_id: session_id, intents: intents, outbox: session_id)}
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
          body: :body,
          to: to,
          intents: intents,
          permissions: permissions,
          always: always,
          except: except,
          content: if(content?, do: :content),
          content_for: content_for,
          author: if(author_id, do: :author),
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
