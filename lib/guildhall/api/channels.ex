defmodule Guildhall.Api.Channels do
  @moduledoc false

  # Channels of a guild, and direct message channels where one exists.

  alias Guildhall.Api.{Call, OverwriteForm, Room, View}
  alias Guildhall.Model.{Form, Limits}
  alias Guildhall.Permissions

  @shared [
    topic: [type: :string, length: Limits.channel_topic(), nullable: true],
    position: [type: :integer, range: Limits.position(), nullable: true],
    parent_id: [type: :snowflake, nullable: true],
    nsfw: [type: :boolean, nullable: true],
    rate_limit_per_user: [type: :integer, range: Limits.slowmode(), nullable: true],
    bitrate: [type: :integer, range: Limits.bitrate(), nullable: true],
    user_limit: [type: :integer, range: Limits.user_limit(), nullable: true],
    overwrites: [key: "permission_overwrites"] ++ OverwriteForm.list()
  ]
  @types {:in, [0, 2, 4, 5, 13, 15, 16]}
  @name [type: :name, length: Limits.channel_name()]

  @create [name: [required: true] ++ @name, type: [type: @types]] ++ @shared
  @update [name: @name, type: [type: @types], flags: [type: :integer, range: 0..0x7FFF_FFFF]] ++
            @shared
  @move [
    id: [type: :snowflake, required: true],
    position: [type: :integer, range: Limits.position(), nullable: true],
    parent_id: [type: :snowflake, nullable: true],
    lock_permissions: [type: :boolean]
  ]

  @spec get(Call.t()) :: Call.result()
  def get(%Call{params: %{channel_id: id}} = call) do
    with {:ok, channel} <- Room.channel(call, {:channel, id}), do: View.channel(call, channel)
  end

  @spec list(Call.t()) :: Call.result()
  def list(call) do
    with {:ok, channels} <- Room.guild(call, {:channels}) do
      {:ok, View.guild_channels(channels)}
    end
  end

  @spec create(Call.t()) :: Call.result()
  def create(%Call{body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, @create),
         {:ok, channel} <- Room.guild(call, {:create_channel, attrs}) do
      {:created, View.guild_channel(channel)}
    end
  end

  @spec update(Call.t()) :: Call.result()
  def update(%Call{params: %{channel_id: id}, body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, @update),
         {:ok, channel} <- Room.channel(call, {:update_channel, id, attrs}) do
      {:ok, View.guild_channel(channel)}
    end
  end

  @spec move(Call.t()) :: Call.result()
  def move(%Call{body: body} = call) do
    with {:ok, moves} <-
           Form.cast_value(body, {:list, {:form, @move}}, length: 0..Limits.channels()) do
      call |> Room.guild({:move_channels, moves}) |> Room.done()
    end
  end

  @spec delete(Call.t()) :: Call.result()
  def delete(%Call{params: %{channel_id: id}} = call) do
    with {:ok, channel} <- Room.channel(call, {:delete_channel, id}) do
      View.channel(call, channel)
    end
  end

  # There are neither invites nor webhooks, which those may know who would manage them.
  @spec no_invites(Call.t()) :: Call.result()
  def no_invites(call), do: none(call, :manage_channels)

  @spec no_webhooks(Call.t()) :: Call.result()
  def no_webhooks(call), do: none(call, :manage_webhooks)

  defp none(%Call{params: %{channel_id: id}} = call, permission) do
    command = {:authorize, id, Permissions.bit(permission)}
    with {:ok, _allowed} <- Room.channel(call, command), do: {:ok, []}
  end

  # A channel to be made, as part of a larger form.
  @spec form(term()) :: {:ok, map()} | {:error, Form.tree()}
  def form(body) do
    with {:error, {:invalid, tree}} <- Form.cast(body, @create), do: {:error, tree}
  end
end
