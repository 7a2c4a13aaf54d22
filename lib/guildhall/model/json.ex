defmodule Guildhall.Model.Json do
  @moduledoc """
  The model as clients see it: maps ready for `Guildhall.Payload.encode/1`.

      iex> alias Guildhall.Model.{Json, User}
      iex> ada = Json.user(%User{id: 7, username: "ada"})
      iex> {ada.id, ada.username, ada.discriminator, ada.global_name}
      {"7", "ada", "0", nil}

  Each object has every field of Discord's documentation: one that may be null there is null when
  there is nothing, one that may be absent is absent, and a list is never null, since client libraries
  fail on anything else. Ids and permissions are strings, times ISO 8601 with an offset.

  What is not in a struct is not in its object either. The caller adds what belongs beside it: a
  guild's channels, a member's guild, the recipients of a direct message channel.
  """

  alias Guildhall.Model.{Application, Ban, Member, Presence, Role, Snowflake, User, VoiceState}
  alias Guildhall.Model.{Channel, Guild, Message, Overwrite}
  alias Guildhall.Model.Json.{MessageObject, PlaceObject, Timestamp}

  @type object :: %{required(atom()) => term()}
  @typedoc "A presence as a session says it, or put together of several."
  @type presence :: Presence.t() | %{status: atom(), activities: [map()], client_status: map()}

  @doc "A user as others see it."
  @spec user(User.t()) :: object()
  def user(%User{} = user) do
    %{
      id: id(user.id),
      username: user.username,
      discriminator: user.discriminator,
      global_name: user.global_name,
      avatar: user.avatar,
      banner: user.banner,
      accent_color: user.accent_color,
      public_flags: user.flags,
      flags: user.flags,
      bot: user.bot,
      avatar_decoration_data: nil,
      collectibles: nil,
      primary_guild: nil,
      clan: nil
    }
  end

  @doc "A user as he sees himself."
  @spec self_user(User.t()) :: object()
  def self_user(%User{} = user) do
    Map.merge(user(user), %{
      verified: true,
      mfa_enabled: false,
      email: nil,
      locale: user.locale,
      premium_type: 0
    })
  end

  @doc "A bot's application, without what only its owner sees."
  @spec application(Application.t()) :: object()
  def application(%Application{} = application) do
    %{
      id: id(application.id),
      name: application.name,
      icon: nil,
      description: application.description,
      type: nil,
      summary: "",
      flags: application.flags,
      flags_new: Integer.to_string(application.flags),
      verify_key: String.duplicate("0", 64),
      bot_public: application.public,
      bot_require_code_grant: false,
      rpc_origins: [],
      tags: [],
      hook: true,
      team: nil
    }
  end

  @doc "A member; with `user: true` (everywhere but in messages) with its user."
  @spec member(Member.t(), user: boolean()) :: object()
  def member(%Member{} = member, options \\ []) do
    object = %{
      nick: member.nick,
      avatar: member.avatar,
      banner: nil,
      roles: Enum.map(member.roles, &id/1),
      joined_at: timestamp(member.joined_at),
      premium_since: timestamp(member.premium_since),
      deaf: member.deaf,
      mute: member.mute,
      pending: member.pending,
      flags: member.flags,
      communication_disabled_until: timestamp(member.timeout_until),
      avatar_decoration_data: nil,
      collectibles: nil
    }

    if options[:user], do: Map.put(object, :user, user(member.user)), else: object
  end

  @doc "A role."
  @spec role(Role.t()) :: object()
  def role(%Role{} = role) do
    %{
      id: id(role.id),
      name: role.name,
      color: role.color,
      colors: %{primary_color: role.color, secondary_color: nil, tertiary_color: nil},
      hoist: role.hoist,
      icon: role.icon,
      unicode_emoji: role.unicode_emoji,
      position: role.position,
      permissions: Integer.to_string(role.permissions),
      managed: role.managed,
      mentionable: role.mentionable,
      flags: role.flags
    }
  end

  @doc "An overwrite of a channel."
  @spec overwrite(Overwrite.t()) :: object()
  defdelegate overwrite(overwrite), to: PlaceObject

  @doc "A channel; of a direct message channel with the users among its recipients whom it is shown to have."
  @spec channel(Channel.t(), recipients :: [User.t()]) :: object()
  def channel(%Channel{} = channel, recipients \\ []) do
    PlaceObject.channel(channel, Enum.map(recipients, &user/1))
  end

  @doc "A guild with its roles; without channels, members and their number."
  @spec guild(Guild.t()) :: object()
  def guild(%Guild{} = guild) do
    roles = guild.roles |> Map.values() |> Enum.sort_by(&{&1.position, &1.id})
    PlaceObject.guild(guild, Enum.map(roles, &role/1))
  end

  @doc """
  A message, with its guild and the author's member if it has them.

  With `strip: true` as those see it who lack MESSAGE_CONTENT.
  """
  @spec message(Message.t(), strip: boolean()) :: object()
  def message(%Message{} = message, options \\ []) do
    object = MessageObject.new(message)
    if options[:strip], do: strip(object), else: object
  end

  @doc "What those who lack MESSAGE_CONTENT see of a message's object."
  @spec strip(object()) :: object()
  defdelegate strip(object), to: MessageObject

  @doc "An emoji of a reaction."
  @spec emoji(Message.emoji()) :: object()
  defdelegate emoji(emoji), to: MessageObject

  @doc "A ban."
  @spec ban(Ban.t()) :: object()
  def ban(%Ban{} = ban), do: %{user: user(ban.user), reason: ban.reason}

  @doc "What others see of a user's presence."
  @spec presence(user_id :: pos_integer(), presence()) :: object()
  def presence(user_id, %Presence{status: status} = presence)
      when status in [:offline, :invisible] do
    presence(user_id, %{status: :offline, activities: presence.activities, client_status: %{}})
  end

  def presence(user_id, %Presence{status: status, client: client} = presence) do
    shown = %{status: status, activities: presence.activities, client_status: %{client => status}}
    presence(user_id, shown)
  end

  def presence(user_id, %{status: status, activities: activities, client_status: clients}) do
    %{user: %{id: id(user_id)}, status: status, activities: activities, client_status: clients}
  end

  @doc "A voice state, without its guild and member."
  @spec voice_state(VoiceState.t()) :: object()
  def voice_state(%VoiceState{} = state) do
    %{
      channel_id: id(state.channel_id),
      user_id: id(state.user_id),
      session_id: state.session_id,
      deaf: state.deaf,
      mute: state.mute,
      self_deaf: state.self_deaf,
      self_mute: state.self_mute,
      self_video: state.self_video,
      self_stream: false,
      suppress: state.suppress,
      request_to_speak_timestamp: nil
    }
  end

  @doc "A time as clients read it, nil for none: `2026-11-24T02:03:04.567000+00:00`."
  @spec timestamp(integer() | nil) :: String.t() | nil
  def timestamp(nil), do: nil

  def timestamp(ms) when is_integer(ms), do: Timestamp.format(ms)

  @doc "An id as clients read it, nil for none."
  @spec id(Snowflake.t() | nil) :: String.t() | nil
  defdelegate id(id), to: Snowflake, as: :to_string
end
