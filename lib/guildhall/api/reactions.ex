defmodule Guildhall.Api.Reactions do
  @moduledoc false

  # Reactions to messages. The emoji of a path is its characters, or `name:id` of a custom one.

  alias Guildhall.Api.{Call, Room, View}
  alias Guildhall.Guild
  alias Guildhall.Model.{Form, Snowflake}

  @page [limit: [type: :integer, range: 1..100], after: [type: :snowflake]]

  @spec add(Call.t()) :: Call.result()
  def add(call), do: run(call, &{:add_reaction, &1, &2, &3})

  @spec remove_own(Call.t()) :: Call.result()
  def remove_own(%Call{user: user} = call),
    do: run(call, &{:remove_reaction, &1, &2, &3, user.id})

  @spec remove(Call.t()) :: Call.result()
  def remove(%Call{params: params} = call) do
    run(call, &{:remove_reaction, &1, &2, &3, params.user_id})
  end

  @spec clear(Call.t()) :: Call.result()
  def clear(call), do: run(call, &{:clear_reactions, &1, &2, &3})

  @spec clear_all(Call.t()) :: Call.result()
  def clear_all(%Call{params: %{channel_id: channel_id, message_id: message_id}} = call) do
    call |> Room.channel({:clear_reactions, channel_id, message_id, nil}) |> Room.done()
  end

  @spec list(Call.t()) :: Call.result()
  def list(%Call{instance: instance, user: user, params: params} = call) do
    with {:ok, page} <- Form.cast(Call.query(call), @page),
         {:ok, emoji} <- emoji(params.emoji_name),
         {:ok, room_id} <- Room.id(call),
         whose = {params.channel_id, params.message_id, emoji},
         {:ok, users} <- Guild.reactors(instance, room_id, whose, user.id, Keyword.new(page)) do
      {:ok, Enum.map(users, &View.user/1)}
    end
  end

  defp run(%Call{params: params} = call, command) do
    with {:ok, emoji} <- emoji(params.emoji_name) do
      command = command.(params.channel_id, params.message_id, emoji)
      call |> Room.channel(command) |> Room.done()
    end
  end

  defp emoji(text) do
    with [name, digits] <- String.split(text, ":"), {:ok, id} <- Snowflake.parse(digits) do
      {:ok, %{id: id, name: name}}
    else
      [_characters] -> {:ok, %{id: nil, name: text}}
      _malformed -> {:error, :unknown_emoji}
    end
  end
end
