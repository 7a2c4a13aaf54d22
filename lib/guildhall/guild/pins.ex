defmodule Guildhall.Guild.Pins do
  @moduledoc false

  # Pinned messages of a channel.

  @behaviour Guildhall.Guild.Concern

  alias Guildhall.Guild.{Authority, Events, Facts, Keys, Plan, Rows, State}
  alias Guildhall.Model.{Limits, Message, Row}
  alias Guildhall.Permissions

  @limit Limits.pins()
  @pin Permissions.bit(:pin_messages)

  @impl true
  def facts(_actor, {_pin, channel_id, id}) do
    [{:message, channel_id, id}, {:pins, channel_id}]
  end

  # The channel's row says when the last message was pinned.
  @impl true
  def keys(_state, %{actor: actor, command: {_pin, channel_id, id}}) do
    {[{:member, actor}], [:guild, {:message, id}, {:pins, channel_id}]}
  end

  @impl true
  def decide(state, %{command: {pin, channel_id, id}} = request) do
    with {:ok, %{channel: channel}} <- Authority.in_channel(state, request, channel_id, @pin),
         {:ok, [message, pins]} <-
           Facts.fetch_all(state, request, [{:message, channel_id, id}, {:pins, channel_id}]) do
      change(state, {pin, channel, message, pins}, request.now)
    end
  end

  defp change(_state, {_pin, _channel, nil, _pins}, _now), do: {:error, :unknown_message}
  defp change(_state, {:pin, _channel, %{pinned: true}, _pins}, _now), do: {:ok, %Plan{}}
  defp change(_state, {:unpin, _channel, %{pinned: false}, _pins}, _now), do: {:ok, %Plan{}}

  defp change(_state, {:pin, _channel, _message, pins}, _now) when length(pins) >= @limit do
    {:error, :pin_limit}
  end

  defp change(state, {:pin, channel, message, pins}, now) do
    op = {:put, :pins, Keys.id(channel.id), Keys.id(message.id), Rows.encode_number(now)}
    channel = %{channel | last_pin_at: now}
    {:ok, plan(state, channel, %{message | pinned: true}, [message.id | pins], op)}
  end

  defp change(state, {:unpin, channel, message, pins}, _now) do
    op = {:delete, :pins, Keys.id(channel.id), Keys.id(message.id)}
    {:ok, plan(state, channel, %{message | pinned: false}, List.delete(pins, message.id), op)}
  end

  defp plan(%State{} = state, channel, %Message{} = message, pins, op) do
    partition = Keys.messages(channel.id, message.id)

    %Plan{
      ops: [
        op,
        {:put, :messages, partition, Keys.id(message.id), Row.encode(message)},
        {:put, :guilds, Keys.guild(state.id), Keys.channel(channel.id), Row.encode(channel)}
      ],
      changes: [
        {:row, {:message, channel.id, message.id}, message},
        {:row, {:pins, channel.id}, pins},
        {:channel, channel}
      ],
      effects: [
        publish: Events.message_update(state, message),
        publish: Events.pins_update(state, channel)
      ]
    }
  end
end
