defmodule Guildhall.Api.Guilds do
  @moduledoc false

  # Guilds: what their members read and set. What guilds do not have yet (invites, webhooks, threads,
  # emoji, ...) is listed as what it is, empty.

  alias Guildhall.Api.{Call, MessageForm, Room, View}
  alias Guildhall.Model.{Form, Limits}

  @channel [type: :snowflake, nullable: true]
  @update [
    name: [type: :name, length: Limits.guild_name()],
    description: [type: :string, length: Limits.guild_description(), nullable: true],
    preferred_locale: [type: :string, length: Limits.guild_locale()],
    verification_level: [type: :integer, range: 0..4],
    default_message_notifications: [type: :integer, range: 0..1],
    explicit_content_filter: [type: :integer, range: 0..2],
    afk_channel_id: @channel,
    afk_timeout: [type: {:in, [60, 300, 900, 1_800, 3_600]}],
    system_channel_id: @channel,
    system_channel_flags: [type: :integer, range: 0..0xFF],
    rules_channel_id: @channel,
    public_updates_channel_id: @channel,
    premium_progress_bar_enabled: [type: :boolean],
    owner_id: [type: :snowflake],
    icon: [type: &MessageForm.none/1, nullable: true]
  ]

  @spec get(Call.t()) :: Call.result()
  def get(call) do
    with {:ok, query} <- Form.cast(Call.query(call), with_counts: [type: :boolean]),
         {:ok, guild} <- Room.guild(call, {:get}) do
      View.guild(call, guild, query[:with_counts] == true)
    end
  end

  @spec update(Call.t()) :: Call.result()
  def update(%Call{body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, @update),
         {:ok, guild} <- Room.guild(call, {:update_guild, attrs}) do
      View.guild(call, guild, false)
    end
  end

  @spec none(Call.t()) :: Call.result()
  def none(call), do: with({:ok, _guild} <- Room.guild(call, {:get}), do: {:ok, []})

  # Nothing, but shown only to those who may manage it.
  @spec no_invites(Call.t()) :: Call.result()
  def no_invites(call), do: with(:ok <- Room.permit(call, [:manage_guild]), do: {:ok, []})

  @spec no_webhooks(Call.t()) :: Call.result()
  def no_webhooks(call), do: with(:ok <- Room.permit(call, [:manage_webhooks]), do: {:ok, []})

  @spec no_threads(Call.t()) :: Call.result()
  def no_threads(call) do
    with {:ok, _guild} <- Room.guild(call, {:get}),
         do: {:ok, %{threads: [], members: [], has_more: false}}
  end
end
