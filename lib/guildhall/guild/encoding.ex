defmodule Guildhall.Guild.Encoding do
  @moduledoc false

  # Events as relays take them: each variant encoded once, however many receive it.

  alias Guildhall.Guild.{Event, Snapshot, State}
  alias Guildhall.Model.{Channel, Intents}
  alias Guildhall.{Outbox, Payload, Relay}

  @ephemeral ~w(TYPING_START PRESENCE_UPDATE)

  @doc "The intents of which a session needs one to get the event; 0 if some get it without."
  @spec intents(State.t(), Event.t()) :: non_neg_integer()
  def intents(%State{guild: %{kind: kind}}, %Event{always: [], type: type}),
    do: Intents.mask(type, kind)

  def intents(_state, _event), do: 0

  @spec event(State.t(), Event.t()) :: Relay.Event.t()
  def event(%State{} = state, %Event{content: {:channel, channel}} = event) do
    event(state, %{event | content: {:json, Snapshot.channel(state, channel.id)}})
  end

  def event(%State{guild: %{kind: kind}} = state, %Event{type: type} = event) do
    content = body(state, event)
    body = event.body && encode(state, type, event.body)

    %Relay.Event{
      type: type,
      to: event.to,
      intents: Intents.mask(type, kind),
      permissions: event.permissions,
      always: event.always,
      except: event.except,
      body: body || content,
      content: body && content,
      content_for: event.content_for,
      author: event.author && encode(state, type, event.author),
      author_id: event.author_id,
      ephemeral: type in @ephemeral
    }
  end

  @doc "The whole event, for someone who may see all of it."
  @spec body(State.t(), Event.t()) :: Outbox.event()
  def body(state, %Event{type: type, content: content}), do: encode(state, type, content)

  @doc """
  What those see for whom a channel appears, and those for whom it vanishes. It was given to
  `Snapshot.encode/2`.
  """
  @spec channel_pair(State.t(), Channel.t()) ::
          {channel_id :: pos_integer(), Outbox.event(), Outbox.event()}
  def channel_pair(state, channel) do
    json = {:json, Snapshot.channel(state, channel.id)}
    {channel.id, encode(state, "CHANNEL_CREATE", json), encode(state, "CHANNEL_DELETE", json)}
  end

  defp encode(state, type, {:json, json}), do: Outbox.event(type, json, source(state, type))

  defp encode(state, type, data),
    do: Outbox.event(type, Payload.encode!(data), source(state, type))

  # A full outbox that drops a room's events sends its GUILD_DELETE, so these events must not be dropped.
  defp source(_state, "GUILD_DELETE"), do: 0
  defp source(%State{id: id}, _type), do: id
end
