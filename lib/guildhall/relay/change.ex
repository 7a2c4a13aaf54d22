defmodule Guildhall.Relay.Change do
  @moduledoc false

  # What a change of roles, overwrites, members or channels means to the sessions: for whom a
  # channel appears, for whom it goes, and who gets the events of the change.

  alias Guildhall.Relay
  alias Guildhall.Model.Intents
  alias Guildhall.Relay.{Audience, Event, Recipients, Sight, View}

  @typep sessions :: %{optional(Relay.session_id()) => true}

  @guilds Intents.bit(:guilds)

  @spec apply(Audience.t(), [View.change()], Relay.channels(), [Event.t()]) ::
          {Audience.t(), [Recipients.push()]}
  def apply(before, changes, channels, events) do
    audience = Enum.reduce(changes, before, &Audience.change(&2, &1))
    moves = moves(before, audience, changes, Map.keys(channels))

    shown =
      for {channel_id, {gained, lost}} <- in_order(moves, audience),
          {created, deleted} = Map.fetch!(channels, channel_id),
          {event, sessions} <- [{created, gained}, {deleted, lost}],
          event != nil and sessions != %{} do
        push(audience, event, sessions)
      end

    Enum.reduce(events, {audience, shown}, fn event, {audience, pushes} ->
      {audience, more} = Recipients.deliver(audience, event, newcomers(event, moves))
      {audience, pushes ++ more}
    end)
  end

  # A category comes before what is in it.
  defp in_order(moves, audience) do
    Enum.sort_by(moves, fn {channel_id, _move} ->
      case audience.guild.channels do
        %{^channel_id => channel} -> {channel.type != 4, channel.position, channel_id}
        %{} -> {true, 0, channel_id}
      end
    end)
  end

  defp push(audience, event, sessions) do
    seats = for {session_id, true} <- sessions, do: Audience.seat(audience, session_id)
    Recipients.push(event, seats, @guilds)
  end

  # They have just been given the whole channel.
  defp newcomers(%Event{to: {:channel, channel_id}}, moves) do
    case moves do
      %{^channel_id => {gained, _lost}} -> gained
      %{} -> %{}
    end
  end

  defp newcomers(_event, _moves), do: %{}

  # Channels of the same classes before and after move alike, and are compared once.
  defp moves(before, audience, changes, channel_ids) do
    affected = affected(changes)

    {moves, _memo} =
      Enum.map_reduce(channel_ids, %{}, fn channel_id, memo ->
        places = {Sight.place(before.guild, channel_id), Sight.place(audience.guild, channel_id)}
        {move, memo} = move(before, audience, affected, places, memo)
        {{channel_id, move}, memo}
      end)

    Map.new(moves)
  end

  defp move(before, audience, affected, {old, new}, memo) do
    classes = {class(old), class(new)}

    case memo do
      %{^classes => move} ->
        {move, memo}

      %{} ->
        move = compare(before, audience, affected, old, new, classes)
        {move, Map.put(memo, classes, move)}
    end
  end

  defp class(nil), do: nil
  defp class(place), do: Sight.class(place)

  defp compare(_before, _audience, :nobody, _old, _new, {class, class}), do: {%{}, %{}}

  # A channel that has another class now may have moved for anyone.
  defp compare(before, audience, affected, old, new, {class, other}) do
    affected = if class == other, do: affected, else: :everyone
    saw = viewers(before, affected, old)
    sees = viewers(audience, affected, new)
    {Map.drop(sees, Map.keys(saw)), Map.drop(saw, Map.keys(sees))}
  end

  @spec viewers(Audience.t(), term(), Sight.place() | nil) :: sessions()
  defp viewers(_audience, _affected, nil), do: %{}

  defp viewers(audience, affected, place) do
    {viewers, _memo} =
      Enum.reduce(seats(audience, affected), {%{}, %{}}, fn {_key, subscriber}, {viewers, memo} ->
        {sees?, memo} = Sight.allowed?(audience.guild, subscriber.member, place, 0, memo)
        {if(sees?, do: Map.put(viewers, subscriber.session_id, true), else: viewers), memo}
      end)

    viewers
  end

  defp seats(audience, {:users, user_ids}),
    do: Enum.flat_map(user_ids, &Audience.seats(audience, &1))

  defp seats(audience, _all), do: Audience.seats(audience)

  # Whose sight may change, apart from what the overwrites of the channels themselves do.
  defp affected(changes) do
    changes
    |> Enum.reject(fn change -> elem(change, 0) in [:channel, :channel_deleted] end)
    |> Enum.reduce(:nobody, fn
      {:member, _member}, :everyone -> :everyone
      {:member, member}, :nobody -> {:users, [member.user.id]}
      {:member, member}, {:users, user_ids} -> {:users, [member.user.id | user_ids]}
      _change, _affected -> :everyone
    end)
  end
end
