defmodule Guildhall.Guild.Posting do
  @moduledoc false

  # New messages, and who is typing one.

  @behaviour Guildhall.Guild.Concern

  import Bitwise

  alias Guildhall.Guild.{Addressees, Authority, Events, Facts, Keys, Plan, Posts, State}
  alias Guildhall.Model.{Form, Message, Row, User}
  alias Guildhall.Permissions

  @send Permissions.bit(:send_messages)
  @history Permissions.bit(:read_message_history)
  @bypass Permissions.bit(:bypass_slowmode) ||| Permissions.bit(:manage_messages) |||
            Permissions.bit(:manage_channels)

  # Announcement, text, voice, stage and direct message channels hold messages.
  @text [0, 1, 2, 5, 13]
  @reply 19
  @join 7
  @repliable [0, @join, @reply]
  # SUPPRESS_EMBEDS and SUPPRESS_NOTIFICATIONS are the sender's to set.
  @flags 1 <<< 2 ||| 1 <<< 12

  @impl true
  def facts(_actor, {:typing, _channel_id}), do: []

  def facts(_actor, {:create_message, _channel_id, attrs}) do
    replied =
      for %{type: 0, message_id: id, channel_id: channel_id} <- [attrs[:message_reference]],
          do: {:message, channel_id, id}

    replied ++ Addressees.facts(attrs[:content] || "")
  end

  @impl true
  def keys(_state, %{actor: actor, command: {:typing, _channel_id}}) do
    {[:guild, {:member, actor}], []}
  end

  def keys(state, %{actor: actor, command: {:create_message, channel_id, attrs}}) do
    writes = slow_key(state, channel_id, actor) ++ nonce_key(channel_id, actor, attrs)
    {[:guild, {:member, actor}], writes}
  end

  # Of two messages of one author, the later one is decided when the first is durable.
  defp slow_key(%State{guild: guild}, channel_id, actor) do
    case guild.channels do
      %{^channel_id => %{rate_limit_per_user: rate}} when rate > 0 -> [{:slow, channel_id, actor}]
      %{} -> []
    end
  end

  defp nonce_key(channel_id, actor, %{enforce_nonce: true, nonce: nonce}) when nonce != nil do
    [{:nonce, channel_id, actor, nonce}]
  end

  defp nonce_key(_channel_id, _actor, _attrs), do: []

  @impl true
  def decide(state, %{command: {:typing, channel_id}} = request) do
    with {:ok, authority} <- postable(state, request, channel_id) do
      {:ok, %Plan{effects: [publish: Events.typing(state, authority, request.now)]}}
    end
  end

  def decide(state, %{command: {:create_message, channel_id, attrs}} = request) do
    with {:ok, authority} <- postable(state, request, channel_id),
         :new <- repeated(state, request, channel_id, attrs),
         :ok <- complete(attrs),
         {:ok, _authority} <- Authority.allow(authority, implied(attrs)),
         :ok <- slow(state, authority, request),
         {:ok, referenced} <- referenced(state, request, authority, attrs),
         draft = draft(state, request, authority, attrs, referenced),
         {:ok, message} <- Addressees.resolve(state, request, authority, draft, attrs) do
      {:ok, plan(state, authority, message, attrs)}
    end
  end

  @doc "The plan of a message that says that a member joined; an empty one if nobody wants it."
  @spec joined(State.t(), Guildhall.Guild.Request.t(), Guildhall.Model.Member.t()) :: Plan.t()
  def joined(%State{guild: guild} = state, request, member) do
    case Map.get(guild.channels, guild.system_channel_id) do
      %{type: 0} = channel when (guild.system_channel_flags &&& 1) == 0 ->
        blank = blank(state, request, channel.id, member.user)
        message = %{blank | member: member, type: @join}
        %{stored(state, message) | effects: [publish: Events.message_create(state, message)]}

      _nowhere ->
        %Plan{}
    end
  end

  @doc "Whether messages can be in a channel of this type."
  @spec text?(non_neg_integer()) :: boolean()
  def text?(type), do: type in @text

  @doc "The permissions that the parts of a message need."
  @spec implied(map()) :: Permissions.mask()
  def implied(attrs) do
    if(attrs[:tts], do: Permissions.bit(:send_tts_messages), else: 0) |||
      if(attrs[:embeds] in [nil, []], do: 0, else: Permissions.bit(:embed_links)) |||
      if attrs[:attachments] in [nil, []], do: 0, else: Permissions.bit(:attach_files)
  end

  @doc "Whether there is anything in the message."
  @spec complete(map()) :: :ok | {:error, :empty_message}
  def complete(attrs) do
    parts = [:embeds, :attachments, :components, :sticker_ids]
    text? = String.trim(Map.get(attrs, :content) || "") != ""

    if text? or Enum.any?(parts, &(Map.get(attrs, &1) not in [nil, []])),
      do: :ok,
      else: {:error, :empty_message}
  end

  defp postable(state, request, channel_id) do
    with {:ok, channel} <- Authority.channel(state.guild, channel_id),
         {:ok, %Authority{user: %User{}} = authority} <-
           Authority.in_channel(state, request, channel_id, @send) do
      if text?(channel.type), do: {:ok, authority}, else: {:error, :non_text_channel}
    else
      # The operator is nobody who could write.
      {:ok, %Authority{}} -> {:error, :missing_access}
      other -> other
    end
  end

  defp repeated(state, request, channel_id, attrs) do
    with [{:nonce, _channel, _actor, nonce}] <- nonce_key(channel_id, request.actor, attrs),
         key = {channel_id, request.actor, nonce},
         {:ok, message} <- Posts.fetch_nonce(state.posts, key, request.now) do
      Plan.answer(message)
    else
      _new -> :new
    end
  end

  defp slow(state, %Authority{channel: channel} = authority, request) do
    wait =
      Posts.wait(state.posts, channel.id, request.actor, channel.rate_limit_per_user, request.now)

    if wait == 0 or (authority.permissions &&& @bypass) != 0,
      do: :ok,
      else: {:error, {:slowmode, wait}}
  end

  defp referenced(_state, _request, _authority, %{message_reference: %{type: 1}}) do
    unknown_reference("MESSAGE_REFERENCE_TYPE_INVALID", "Messages can not be forwarded here")
  end

  defp referenced(state, request, authority, %{message_reference: %{message_id: id}} = attrs) do
    lenient? = attrs.message_reference[:fail_if_not_exists] == false

    with {:ok, _authority} <- Authority.allow(authority, @history),
         {:ok, message} <- Facts.fetch(state, request, {:message, authority.channel.id, id}) do
      case message do
        %Message{type: type} when type in @repliable -> {:ok, message}
        %Message{} -> {:error, :system_message}
        nil when lenient? -> {:ok, nil}
        nil -> unknown_reference("MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
      end
    end
  end

  defp referenced(_state, _request, _authority, _attrs), do: {:ok, nil}

  defp unknown_reference(code, message) do
    {:error, Form.error("message_reference", code, message)}
  end

  defp draft(state, request, authority, attrs, referenced) do
    %{
      blank(state, request, authority.channel.id, authority.user)
      | member: authority.member,
        type: if(referenced, do: @reply, else: 0),
        content: attrs[:content] || "",
        tts: attrs[:tts] == true,
        embeds: attrs[:embeds] || [],
        attachments: attrs[:attachments] || [],
        components: attrs[:components] || [],
        sticker_ids: attrs[:sticker_ids] || [],
        flags: (attrs[:flags] || 0) &&& @flags,
        nonce: attrs[:nonce],
        referenced: referenced,
        reference: referenced && link(state, referenced)
    }
  end

  defp blank(state, request, channel_id, author) do
    %Message{
      id: request.id,
      channel_id: channel_id,
      author: author,
      guild_id: guild_id(state),
      epoch: state.epoch || 0,
      index: request.index
    }
  end

  defp link(state, referenced) do
    %{
      type: 0,
      message_id: referenced.id,
      channel_id: referenced.channel_id,
      guild_id: guild_id(state)
    }
  end

  defp guild_id(%State{guild: %{kind: :dm}}), do: nil
  defp guild_id(%State{id: id}), do: id

  defp plan(state, authority, message, attrs) do
    plan = stored(state, message)

    slow =
      if authority.channel.rate_limit_per_user > 0,
        do: [{:slow, message.channel_id, message.author.id}],
        else: []

    nonces =
      for {:nonce, channel_id, user_id, nonce} <-
            nonce_key(message.channel_id, message.author.id, attrs),
          do: {:nonce, {channel_id, user_id, nonce}, message}

    %{
      plan
      | reply: {:ok, message},
        changes: plan.changes ++ slow ++ nonces,
        effects: [publish: Events.message_create(state, message)]
    }
  end

  defp stored(state, %Message{id: id, channel_id: channel_id} = message) do
    index =
      if Posts.indexed?(state.posts, channel_id, id),
        do: [],
        else: [{:put, :message_buckets, Keys.id(channel_id), <<Keys.message_bucket(id)::32>>, ""}]

    row = {:put, :messages, Keys.messages(channel_id, id), Keys.id(id), Row.encode(message)}
    %Plan{ops: index ++ [row], changes: [{:posted, message}]}
  end
end
