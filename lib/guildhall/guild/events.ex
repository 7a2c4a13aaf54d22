defmodule Guildhall.Guild.Events do
  @moduledoc false

  # What is told of what happened: who may see it, in which variants, and as what data.

  alias Guildhall.Guild.{Authority, Event, Posts, State}

  alias Guildhall.Model.{Channel, Guild, Json, Member, Message, Role, User, VoiceState}
  alias Guildhall.Permissions

  @bans Permissions.bit(:ban_members)

  @doc "A new message. Only the author's own sessions learn its nonce."
  @spec message_create(State.t(), Message.t()) :: Event.t()
  def message_create(state, %Message{nonce: nil} = message) do
    message_event(state, "MESSAGE_CREATE", message)
  end

  def message_create(state, %Message{nonce: nonce} = message) do
    event = message_event(state, "MESSAGE_CREATE", %{message | nonce: nil})
    author = Map.put(event.content, :nonce, nonce)
    %{event | author: author, author_id: message.author.id}
  end

  @spec message_update(State.t(), Message.t()) :: Event.t()
  def message_update(state, message) do
    message_event(state, "MESSAGE_UPDATE", %{message | nonce: nil})
  end

  # The object is dear, so it is built once and its variants are made of it. Without MESSAGE_CONTENT
  # one still sees one's own messages, and those that mention one.
  defp message_event(%State{guild: %{kind: kind}}, type, message) do
    content = Json.message(message)

    %Event{
      type: type,
      to: {:channel, message.channel_id},
      content: content,
      body: if(kind == :guild, do: Json.strip(content)),
      content_for: [message.author.id | for({user, _member} <- message.mentions, do: user.id)]
    }
  end

  @spec message_delete(State.t(), pos_integer(), pos_integer()) :: Event.t()
  def message_delete(state, channel_id, message_id) do
    data = place(state, %{id: id(message_id), channel_id: id(channel_id)})
    %Event{type: "MESSAGE_DELETE", to: {:channel, channel_id}, content: data}
  end

  @spec message_delete_bulk(State.t(), pos_integer(), [pos_integer()]) :: Event.t()
  def message_delete_bulk(state, channel_id, ids) do
    data = place(state, %{ids: Enum.map(ids, &id/1), channel_id: id(channel_id)})
    %Event{type: "MESSAGE_DELETE_BULK", to: {:channel, channel_id}, content: data}
  end

  @spec typing(State.t(), Authority.t(), now :: integer()) :: Event.t()
  def typing(state, %Authority{channel: channel, user: user, member: member}, now) do
    data = %{channel_id: id(channel.id), user_id: id(user.id), timestamp: div(now, 1_000)}
    data = state |> place(data) |> with_member(member)
    %Event{type: "TYPING_START", to: {:channel, channel.id}, content: data}
  end

  @spec reaction_added(State.t(), Authority.t(), Message.t(), Message.emoji()) :: Event.t()
  def reaction_added(state, %Authority{member: member} = authority, message, emoji) do
    data =
      state
      |> reaction(message, emoji)
      |> Map.merge(%{
        user_id: id(authority.actor),
        message_author_id: id(message.author.id),
        burst: false,
        type: 0
      })
      |> with_member(member)

    %Event{type: "MESSAGE_REACTION_ADD", to: {:channel, message.channel_id}, content: data}
  end

  @spec reaction_removed(State.t(), Message.t(), Message.emoji(), pos_integer()) :: Event.t()
  def reaction_removed(state, message, emoji, user_id) do
    data = reaction(state, message, emoji)
    data = Map.merge(data, %{user_id: id(user_id), burst: false, type: 0})
    %Event{type: "MESSAGE_REACTION_REMOVE", to: {:channel, message.channel_id}, content: data}
  end

  @spec reactions_cleared(State.t(), Message.t()) :: Event.t()
  def reactions_cleared(state, message) do
    data = place(state, %{channel_id: id(message.channel_id), message_id: id(message.id)})
    %Event{type: "MESSAGE_REACTION_REMOVE_ALL", to: {:channel, message.channel_id}, content: data}
  end

  @spec emoji_cleared(State.t(), Message.t(), Message.emoji()) :: Event.t()
  def emoji_cleared(state, message, emoji) do
    data = reaction(state, message, emoji)

    %Event{
      type: "MESSAGE_REACTION_REMOVE_EMOJI",
      to: {:channel, message.channel_id},
      content: data
    }
  end

  defp reaction(state, message, emoji) do
    place(state, %{
      channel_id: id(message.channel_id),
      message_id: id(message.id),
      emoji: Json.emoji(emoji)
    })
  end

  @spec pins_update(State.t(), Channel.t()) :: Event.t()
  def pins_update(state, channel) do
    data = %{channel_id: id(channel.id), last_pin_timestamp: Json.timestamp(channel.last_pin_at)}
    %Event{type: "CHANNEL_PINS_UPDATE", to: {:channel, channel.id}, content: place(state, data)}
  end

  @doc "A direct message channel, as one of its users sees it."
  @spec direct_create(State.t(), Channel.t(), [User.t()]) :: Event.t()
  def direct_create(state, channel, others) do
    data = Json.channel(%{channel | last_message_id: Posts.last(state.posts, channel.id)}, others)
    %Event{type: "CHANNEL_CREATE", content: data}
  end

  @doc "A changed channel; it is encoded with the others that a change shows."
  @spec channel_update(Channel.t()) :: Event.t()
  def channel_update(channel) do
    %Event{type: "CHANNEL_UPDATE", to: {:channel, channel.id}, content: {:channel, channel}}
  end

  @spec guild_update(State.t(), Guild.t()) :: Event.t()
  def guild_update(_state, guild), do: %Event{type: "GUILD_UPDATE", content: Json.guild(guild)}

  @doc "The guild is gone for those who get this: they were removed, or it was deleted."
  @spec guild_delete(State.t()) :: Event.t()
  def guild_delete(state) do
    %Event{type: "GUILD_DELETE", content: %{id: id(state.id), unavailable: false}}
  end

  @spec role_create(State.t(), Role.t()) :: Event.t()
  def role_create(state, role), do: role_event(state, "GUILD_ROLE_CREATE", role)

  @spec role_update(State.t(), Role.t()) :: Event.t()
  def role_update(state, role), do: role_event(state, "GUILD_ROLE_UPDATE", role)

  defp role_event(state, type, role) do
    %Event{type: type, content: place(state, %{role: Json.role(role)})}
  end

  @spec role_delete(State.t(), pos_integer()) :: Event.t()
  def role_delete(state, role_id) do
    %Event{type: "GUILD_ROLE_DELETE", content: place(state, %{role_id: id(role_id)})}
  end

  @spec member_add(State.t(), Member.t()) :: Event.t()
  def member_add(state, member) do
    %Event{type: "GUILD_MEMBER_ADD", content: place(state, Json.member(member, user: true))}
  end

  @doc "A changed member. The member himself is told whatever his intents."
  @spec member_update(State.t(), Member.t()) :: Event.t()
  def member_update(state, member) do
    data = place(state, Json.member(member, user: true))
    %Event{type: "GUILD_MEMBER_UPDATE", content: data, always: [member.user.id]}
  end

  @spec member_remove(State.t(), User.t()) :: Event.t()
  def member_remove(state, user) do
    %Event{type: "GUILD_MEMBER_REMOVE", content: place(state, %{user: Json.user(user)})}
  end

  @spec ban_add(State.t(), User.t()) :: Event.t()
  def ban_add(state, user), do: ban_event(state, "GUILD_BAN_ADD", user)

  @spec ban_remove(State.t(), User.t()) :: Event.t()
  def ban_remove(state, user), do: ban_event(state, "GUILD_BAN_REMOVE", user)

  defp ban_event(state, type, user) do
    %Event{type: type, content: place(state, %{user: Json.user(user)}), permissions: @bans}
  end

  @spec presence_update(State.t(), pos_integer(), map()) :: Event.t()
  def presence_update(state, user_id, presence) do
    %Event{type: "PRESENCE_UPDATE", content: place(state, Json.presence(user_id, presence))}
  end

  @spec voice_update(State.t(), pos_integer(), VoiceState.t(), Member.t() | nil) :: Event.t()
  def voice_update(state, channel_id, voice, member) do
    data = state |> place(Json.voice_state(voice)) |> with_member(member)
    to = {:channel, channel_id}
    %Event{type: "VOICE_STATE_UPDATE", to: to, content: data, always: [voice.user_id]}
  end

  @doc "Where the media of a voice channel would be. There are none, so there is no endpoint."
  @spec voice_server(State.t(), pos_integer()) :: Event.t()
  def voice_server(state, user_id) do
    data = place(state, %{token: "none", endpoint: nil})
    %Event{type: "VOICE_SERVER_UPDATE", to: {:users, [user_id]}, content: data}
  end

  defp with_member(data, nil), do: data
  defp with_member(data, member), do: Map.put(data, :member, Json.member(member, user: true))

  defp place(%State{guild: %{kind: :dm}}, data), do: data
  defp place(%State{id: guild_id}, data), do: Map.put(data, :guild_id, id(guild_id))

  defp id(id), do: Json.id(id)
end
