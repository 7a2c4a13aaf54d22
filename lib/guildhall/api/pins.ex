defmodule Guildhall.Api.Pins do
  @moduledoc false

  # Pinned messages of a channel, newest pin first: the page of the current API, and the older list.

  alias Guildhall.Api.{Call, Room, View}
  alias Guildhall.Guild
  alias Guildhall.Model.{Form, Json}

  @page [limit: [type: :integer, range: 1..50], before: [type: :timestamp]]

  @spec list(Call.t()) :: Call.result()
  def list(call) do
    with {:ok, page} <- Form.cast(Call.query(call), @page),
         {:ok, pins} <- pins(call) do
      limit = page[:limit] || 50
      older = for {at, _message} = pin <- pins, at < (page[:before] || :infinity), do: pin
      {shown, rest} = Enum.split(older, limit)
      {:ok, %{items: items(call, shown), has_more: rest != []}}
    end
  end

  @spec list_all(Call.t()) :: Call.result()
  def list_all(call) do
    with {:ok, pins} <- pins(call) do
      {:ok, View.messages(call, for({_at, message} <- Enum.take(pins, 50), do: message))}
    end
  end

  @spec add(Call.t()) :: Call.result()
  def add(%Call{params: %{channel_id: channel_id, message_id: id}} = call) do
    call |> Room.channel({:pin, channel_id, id}) |> Room.done()
  end

  @spec remove(Call.t()) :: Call.result()
  def remove(%Call{params: %{channel_id: channel_id, message_id: id}} = call) do
    call |> Room.channel({:unpin, channel_id, id}) |> Room.done()
  end

  defp items(call, pins) do
    {times, messages} = Enum.unzip(pins)

    for {at, message} <- Enum.zip(times, View.messages(call, messages)) do
      %{pinned_at: Json.timestamp(at), message: message}
    end
  end

  defp pins(%Call{instance: instance, user: user, params: %{channel_id: channel_id}} = call) do
    with {:ok, room_id} <- Room.id(call) do
      Guild.pins(instance, room_id, channel_id, user.id)
    end
  end
end
