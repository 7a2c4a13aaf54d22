defmodule Guildhall.Relay.Items do
  @moduledoc false

  # Events as `Guildhall.Audience.dispatch/3` takes them.

  alias Guildhall.{Audience, Outbox, Relay}
  alias Guildhall.Audience.Item
  alias Guildhall.Model.Intents
  alias Guildhall.Relay.Event

  @guilds Intents.bit(:guilds)

  @doc "An event for those whom it says."
  @spec event(Event.t()) :: Item.t()
  def event(%Event{} = event) do
    %Item{
      to: event.to,
      body: event.body,
      content: event.content,
      content_for: event.content_for,
      author: event.author,
      author_id: event.author_id,
      intents: event.intents,
      permissions: event.permissions,
      always: event.always,
      except: event.except
    }
  end

  @doc "An event about the guild as a whole, for all who are told of guilds."
  @spec guild(Outbox.event(), Item.place()) :: Item.t()
  def guild(event, to \\ :room), do: %Item{to: to, body: event, intents: @guilds, passive?: true}

  @doc """
  What a change is told with: the channels to those who gained or lost them, then its events, one to a
  channel only to those who saw it before, because others have just been given the whole channel.
  """
  @spec change(Audience.t(), Audience.moves(), Relay.channels(), [Event.t()]) :: [Item.t()]
  def change(audience, moves, channels, events) do
    moved =
      Map.new(Audience.moved(audience, moves), fn {id, gained?, lost?} ->
        {id, {gained?, lost?}}
      end)

    shown =
      for {id, created, deleted} <- channels,
          {gained?, lost?} <- List.wrap(moved[id]),
          {true, kind, event} when event != nil <- [
            {gained?, :gained, created},
            {lost?, :lost, deleted}
          ] do
        guild(event, {kind, moves, id})
      end

    ids = for {id, _created, _deleted} <- channels, into: MapSet.new(), do: id
    shown ++ Enum.map(events, &kept(event(&1), moves, ids))
  end

  defp kept(%Item{to: {:channel, id}} = item, moves, ids) do
    if id in ids, do: %{item | to: {:kept, moves, id}}, else: item
  end

  defp kept(item, _moves, _ids), do: item
end
