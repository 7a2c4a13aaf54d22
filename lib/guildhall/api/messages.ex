defmodule Guildhall.Api.Messages do
  @moduledoc false

  # Messages of a channel, and who is typing one.

  alias Guildhall.Api.{Call, MessageForm, Room, View}
  alias Guildhall.Guild
  alias Guildhall.Model.Form

  @page [
    limit: [type: :integer, range: 1..100],
    before: [type: :snowflake],
    after: [type: :snowflake],
    around: [type: :snowflake]
  ]
  @bulk 2..100
  @ids [type: {:list, :snowflake}, required: true]

  @spec list(Call.t()) :: Call.result()
  def list(%Call{instance: instance, user: user, params: %{channel_id: channel_id}} = call) do
    with {:ok, bounds} <- Form.cast(Call.query(call), @page),
         {:ok, room_id} <- Room.id(call),
         bounds = Keyword.new(bounds),
         {:ok, messages} <- Guild.messages(instance, room_id, channel_id, user.id, bounds) do
      {:ok, View.messages(call, messages)}
    end
  end

  @spec get(Call.t()) :: Call.result()
  def get(call), do: with({:ok, message} <- message(call), do: {:ok, View.message(call, message)})

  @spec create(Call.t()) :: Call.result()
  def create(%Call{params: %{channel_id: channel_id}} = call) do
    with {:ok, attrs} <- MessageForm.create(call),
         {:ok, message} <- Room.channel(call, {:create_message, channel_id, attrs}) do
      {:ok, View.message(call, message)}
    end
  end

  @spec edit(Call.t()) :: Call.result()
  def edit(%Call{params: %{channel_id: channel_id, message_id: id}} = call) do
    with {:ok, old} <- message(call),
         {:ok, attrs} <- MessageForm.edit(call, old.attachments),
         {:ok, message} <- Room.channel(call, {:edit_message, channel_id, id, attrs}) do
      {:ok, View.message(call, %{message | reactions: old.reactions})}
    end
  end

  @spec delete(Call.t()) :: Call.result()
  def delete(%Call{params: %{channel_id: channel_id, message_id: id}} = call) do
    call |> Room.channel({:delete_message, channel_id, id}) |> Room.done()
  end

  @spec delete_many(Call.t()) :: Call.result()
  def delete_many(%Call{params: %{channel_id: channel_id}, body: body} = call) do
    with :ok <- bulk(body["messages"]),
         {:ok, %{messages: ids}} <- Form.cast(body, messages: @ids) do
      call |> Room.channel({:delete_messages, channel_id, ids}) |> Room.done()
    end
  end

  # The room counts each of them once; what is too many it need not see.
  defp bulk(ids) when is_list(ids) and length(ids) not in @bulk, do: {:error, :bulk_count}
  defp bulk(_ids), do: :ok

  @spec typing(Call.t()) :: Call.result()
  def typing(%Call{params: %{channel_id: channel_id}} = call) do
    call |> Room.channel({:typing, channel_id}) |> Room.done()
  end

  defp message(%Call{params: %{channel_id: channel_id, message_id: id}} = call) do
    with {:ok, room_id} <- Room.id(call) do
      Guild.message(call.instance, room_id, {channel_id, id}, call.user.id)
    end
  end
end
