defmodule Guildhall.Model.Permissions do
  @moduledoc """
  What a member may do in a guild and in a channel, as the protocol documents it.

      iex> alias Guildhall.Model.{Guild, Member, Permissions, Role, User}
      iex> send = Permissions.bit(:send_messages)
      iex> everyone = %Role{id: 1, name: "@everyone", permissions: send}
      iex> guild = %Guild{id: 1, owner_id: 7, roles: %{1 => everyone}}
      iex> Permissions.base(guild, %Member{user: %User{id: 8, username: "ada"}}) == send
      true
      iex> Permissions.base(guild, %Member{user: %User{id: 7, username: "owner"}}) == Permissions.all()
      true

  A mask is computed in stages, each of which is a function here:

    1. `base/2`: the roles together; everything for the owner and for administrators
    2. `overwritten/4`: the channel's overwrites, @everyone's first, then those of the member's
       roles together, then the member's own
    3. `in_channel/4`: both, and what follows from them: without VIEW_CHANNEL there is nothing,
       without SEND_MESSAGES nothing that goes with a message, without CONNECT nothing in a voice
       channel; a thread counts as its parent, with SEND_MESSAGES_IN_THREADS in the place of
       SEND_MESSAGES; a timed out member may only look

  The guild needs its `roles`, and its `channels` for threads. A role that the guild does not have
  gives nothing.
  """

  import Bitwise

  alias Guildhall.Model.{Channel, Guild, Member, Overwrite, Role}

  @bits [
    create_instant_invite: 0,
    kick_members: 1,
    ban_members: 2,
    administrator: 3,
    manage_channels: 4,
    manage_guild: 5,
    add_reactions: 6,
    view_audit_log: 7,
    priority_speaker: 8,
    stream: 9,
    view_channel: 10,
    send_messages: 11,
    send_tts_messages: 12,
    manage_messages: 13,
    embed_links: 14,
    attach_files: 15,
    read_message_history: 16,
    mention_everyone: 17,
    use_external_emojis: 18,
    view_guild_insights: 19,
    connect: 20,
    speak: 21,
    mute_members: 22,
    deafen_members: 23,
    move_members: 24,
    use_vad: 25,
    change_nickname: 26,
    manage_nicknames: 27,
    manage_roles: 28,
    manage_webhooks: 29,
    manage_guild_expressions: 30,
    use_application_commands: 31,
    request_to_speak: 32,
    manage_events: 33,
    manage_threads: 34,
    create_public_threads: 35,
    create_private_threads: 36,
    use_external_stickers: 37,
    send_messages_in_threads: 38,
    use_embedded_activities: 39,
    moderate_members: 40,
    view_creator_monetization_analytics: 41,
    use_soundboard: 42,
    create_guild_expressions: 43,
    create_events: 44,
    use_external_sounds: 45,
    send_voice_messages: 46,
    set_voice_channel_status: 48,
    send_polls: 49,
    use_external_apps: 50,
    pin_messages: 51,
    bypass_slowmode: 52
  ]

  mask = fn names -> Enum.reduce(names, 0, &(1 <<< Keyword.fetch!(@bits, &1) ||| &2)) end

  @all mask.(Keyword.keys(@bits))
  @administrator mask.([:administrator])
  @view mask.([:view_channel])
  @send mask.([:send_messages])
  @send_in_threads mask.([:send_messages_in_threads])
  @connect mask.([:connect])
  @with_a_message mask.([:mention_everyone, :send_tts_messages, :attach_files, :embed_links])
  @in_a_timeout mask.([:view_channel, :read_message_history])

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

  # What a new guild gives everyone.
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

  names = @bits |> Keyword.keys() |> Enum.reduce(&{:|, [], [&1, &2]})
  @typedoc "A permission's name."
  @type name :: unquote(names)
  @type mask :: non_neg_integer()

  @doc "Returns the bit of a permission."
  @spec bit(name()) :: mask()
  for {name, position} <- @bits, do: def(bit(unquote(name)), do: unquote(1 <<< position))

  @doc "Returns every permission there is."
  @spec all() :: mask()
  def all, do: @all

  @doc "Returns what a participant may do in a direct message channel."
  @spec direct() :: mask()
  def direct, do: @direct

  @doc "Returns what the @everyone role of a new guild allows."
  @spec everyone() :: mask()
  def everyone, do: @everyone

  @doc "Returns the member's permissions in the guild, before any channel."
  @spec base(Guild.t(), Member.t()) :: mask()
  def base(%Guild{owner_id: id}, %Member{user: %{id: id}}), do: @all

  def base(%Guild{id: id, roles: roles}, %Member{roles: ids}) do
    case together(ids, roles, permissions(roles, id)) do
      mask when (mask &&& @administrator) != 0 -> @all
      mask -> mask
    end
  end

  defp together([id | ids], roles, mask),
    do: together(ids, roles, mask ||| permissions(roles, id))

  defp together([], _roles, mask), do: mask

  defp permissions(roles, id) do
    case roles do
      %{^id => %Role{permissions: permissions}} -> permissions
      %{} -> 0
    end
  end

  @doc "Applies a channel's overwrites to a member's base permissions."
  @spec overwritten(mask(), Guild.t(), Member.t(), Channel.t()) :: mask()
  def overwritten(base, _guild, _member, %Channel{overwrites: none}) when none == %{}, do: base

  def overwritten(base, guild, member, %Channel{overwrites: overwrites}) do
    base
    |> overwrite(Map.get(overwrites, guild.id))
    |> overwrite_roles(member.roles, guild, overwrites)
    |> overwrite(Map.get(overwrites, member.user.id))
  end

  defp overwrite(mask, nil), do: mask
  defp overwrite(mask, %Overwrite{allow: allow, deny: deny}), do: (mask &&& ~~~deny) ||| allow

  # The @everyone role may stand in a member's list too; its overwrite has been applied.
  defp overwrite_roles(mask, ids, guild, overwrites) do
    {allow, deny} =
      for id <- ids,
          id != guild.id and is_map_key(guild.roles, id),
          %Overwrite{type: :role} = overwrite <- [Map.get(overwrites, id)],
          reduce: {0, 0} do
        {allow, deny} -> {allow ||| overwrite.allow, deny ||| overwrite.deny}
      end

    (mask &&& ~~~deny) ||| allow
  end

  @doc """
  Returns the member's permissions in a channel of the guild at a time (unix ms).

  The parent of a thread is looked up in the guild; a thread without one gives nothing.
  """
  @spec in_channel(Guild.t(), Member.t(), Channel.t(), now :: integer()) :: mask()
  def in_channel(guild, member, channel, now) do
    case base(guild, member) do
      # The owner and administrators: neither overwrites nor a timeout touch them.
      base when (base &&& @administrator) != 0 -> base
      base -> base |> channel(guild, member, channel) |> timeout(member, now)
    end
  end

  defp channel(base, guild, member, %Channel{type: type, parent_id: parent_id})
       when type in 10..12 do
    case guild.channels do
      %{^parent_id => parent} ->
        base |> overwritten(guild, member, parent) |> in_thread() |> implied(0)

      %{} ->
        0
    end
  end

  defp channel(base, guild, member, channel) do
    base |> overwritten(guild, member, channel) |> implied(channel.type)
  end

  defp in_thread(mask) when (mask &&& @send_in_threads) != 0, do: mask ||| @send
  defp in_thread(mask), do: mask &&& ~~~@send

  defp implied(mask, _type) when (mask &&& @view) == 0, do: 0
  defp implied(mask, type) when type in [2, 13] and (mask &&& @connect) == 0, do: @view
  defp implied(mask, _type) when (mask &&& @send) == 0, do: mask &&& ~~~@with_a_message
  defp implied(mask, _type), do: mask

  defp timeout(mask, %Member{timeout_until: nil}, _now), do: mask
  defp timeout(mask, %Member{timeout_until: until}, now) when until <= now, do: mask
  defp timeout(mask, _member, _now), do: mask &&& @in_a_timeout
end
