defmodule Guildhall.Model.Rights do
  @moduledoc """
  What `Guildhall.Permissions` is told of a guild and its members.

      iex> alias Guildhall.Model.{Guild, Member, Rights, Role, User}
      iex> alias Guildhall.Permissions
      iex> everyone = %Role{id: 1, name: "@everyone", permissions: Permissions.bit(:connect)}
      iex> rights = Rights.new(%Guild{id: 1, owner_id: 7, roles: %{1 => everyone}})
      iex> Permissions.base(rights, Rights.member(%Member{user: %User{id: 8, username: "ada"}}))
      1_048_576

  The room of a guild compiles it when it starts, and follows with `change/2`.
  """

  alias Guildhall.Model.{Channel, Guild, Member, Overwrite, Role}
  alias Guildhall.Permissions

  @typedoc "A change that may decide what somebody may do."
  @type change ::
          {:owner, user_id :: pos_integer()}
          | {:role, Role.t()}
          | {:role_deleted, pos_integer()}
          | {:channel, Channel.t()}
          | {:channel_deleted, pos_integer()}

  mask = fn names -> Enum.sum(Enum.map(names, &Permissions.bit/1)) end

  @direct mask.([
            :view_channel,
            :send_messages,
            :send_tts_messages,
            :send_voice_messages,
            :send_polls,
            :add_reactions,
            :embed_links,
            :attach_files,
            :read_message_history,
            :mention_everyone,
            :use_external_emojis,
            :use_external_stickers,
            :use_application_commands,
            :use_external_apps,
            :pin_messages
          ])

  @everyone mask.([
              :create_instant_invite,
              :add_reactions,
              :stream,
              :view_channel,
              :send_messages,
              :embed_links,
              :attach_files,
              :read_message_history,
              :mention_everyone,
              :use_external_emojis,
              :connect,
              :speak,
              :use_vad,
              :change_nickname,
              :use_application_commands,
              :request_to_speak,
              :create_public_threads,
              :create_private_threads,
              :use_external_stickers,
              :send_messages_in_threads,
              :use_embedded_activities,
              :use_soundboard,
              :use_external_sounds,
              :send_voice_messages,
              :send_polls,
              :use_external_apps
            ])

  @doc "Returns what a participant may do in a direct message channel."
  @spec direct() :: Permissions.mask()
  def direct, do: @direct

  @doc "Returns what the @everyone role of a new guild allows."
  @spec everyone() :: Permissions.mask()
  def everyone, do: @everyone

  @doc "Compiles a guild."
  @spec new(Guild.t()) :: Permissions.t()
  def new(guild) do
    # The limits of a guild keep it far below that of its memory.
    {:ok, rights} = guild |> describe() |> Permissions.new()
    rights
  end

  @doc "Returns a guild as `Permissions.new/1` takes it."
  @spec describe(Guild.t()) :: keyword()
  def describe(%Guild{id: id, owner_id: owner_id, roles: roles, channels: channels}) do
    [
      id: id,
      owner_id: owner_id,
      roles: for({id, role} <- roles, do: {id, role.permissions}),
      channels: for({_id, channel} <- channels, do: channel(channel))
    ]
  end

  @doc "Returns a member as he stands at a time (unix ms); without one, as if he were not timed out."
  @spec member(Member.t(), now :: integer() | nil) :: Permissions.member()
  def member(%Member{user: %{id: id}, roles: roles, timeout_until: until}, now \\ nil) do
    {id, roles, now != nil and until != nil and until > now}
  end

  @doc "Returns the channels that the member sees. A timeout leaves everyone his sight."
  @spec visible(Permissions.t(), Member.t()) :: [pos_integer()]
  def visible(rights, member), do: Permissions.visible_channels(rights, member(member))

  @doc "Follows a change of the guild."
  @spec change(Permissions.t(), change()) :: Permissions.t()
  def change(rights, change) do
    {:ok, rights} = Permissions.change(rights, [describe_change(change)])
    rights
  end

  @doc "Returns a change as `Permissions.change/2` takes it."
  @spec describe_change(change()) :: Permissions.change()
  def describe_change({:role, role}), do: {:role, role.id, role.permissions}
  def describe_change({:channel, channel}), do: {:channel, channel(channel)}
  def describe_change({kind, id}), do: {kind, id}

  defp channel(%Channel{id: id, overwrites: overwrites} = channel) do
    overwrites =
      for {id, %Overwrite{type: type, allow: allow, deny: deny}} <- overwrites,
          do: {id, type, allow, deny}

    {id, kind(channel), overwrites}
  end

  # No channel has the id 0, so a thread without a parent gives nothing.
  defp kind(%Channel{type: type, parent_id: parent_id}) when type in 10..12,
    do: {:thread, parent_id || 0}

  defp kind(%Channel{type: type}) when type in [2, 13], do: :voice
  defp kind(_channel), do: :text
end
