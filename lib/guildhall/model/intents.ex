defmodule Guildhall.Model.Intents do
  @moduledoc """
  Gateway intents: which events a session asked for.

      iex> alias Guildhall.Model.Intents
      iex> Intents.mask("MESSAGE_CREATE", :guild) == Intents.bit(:guild_messages)
      true
      iex> Intents.mask("GUILD_MEMBERS_CHUNK", :guild)
      0

  A session receives an event if it has one of the intents in the event's mask; a mask of 0 needs
  none. MESSAGE_CONTENT brings no event, it decides how much of a message is shown.
  """

  import Bitwise

  @bits [
    guilds: 0,
    guild_members: 1,
    guild_moderation: 2,
    guild_expressions: 3,
    guild_integrations: 4,
    guild_webhooks: 5,
    guild_invites: 6,
    guild_voice_states: 7,
    guild_presences: 8,
    guild_messages: 9,
    guild_message_reactions: 10,
    guild_message_typing: 11,
    direct_messages: 12,
    direct_message_reactions: 13,
    direct_message_typing: 14,
    message_content: 15,
    guild_scheduled_events: 16,
    auto_moderation_configuration: 20,
    auto_moderation_execution: 21,
    guild_message_polls: 24,
    direct_message_polls: 25
  ]

  # What brings an event: the intents in a guild, those in a DM, the events. What is not here
  # (READY, USER_UPDATE, GUILD_MEMBERS_CHUNK, VOICE_SERVER_UPDATE, ...) needs no intent.
  @events [
    {[:guilds], [], ~w(
      GUILD_CREATE GUILD_UPDATE GUILD_DELETE
      GUILD_ROLE_CREATE GUILD_ROLE_UPDATE GUILD_ROLE_DELETE
      CHANNEL_CREATE CHANNEL_UPDATE CHANNEL_DELETE
      THREAD_CREATE THREAD_UPDATE THREAD_DELETE THREAD_LIST_SYNC THREAD_MEMBER_UPDATE
      STAGE_INSTANCE_CREATE STAGE_INSTANCE_UPDATE STAGE_INSTANCE_DELETE
      VOICE_CHANNEL_STATUS_UPDATE VOICE_CHANNEL_START_TIME_UPDATE
    )},
    {[:guilds], [:direct_messages], ~w(CHANNEL_PINS_UPDATE)},
    {[:guilds, :guild_members], [], ~w(THREAD_MEMBERS_UPDATE)},
    {[:guild_members], [], ~w(GUILD_MEMBER_ADD GUILD_MEMBER_UPDATE GUILD_MEMBER_REMOVE)},
    {[:guild_moderation], [], ~w(GUILD_BAN_ADD GUILD_BAN_REMOVE GUILD_AUDIT_LOG_ENTRY_CREATE)},
    {[:guild_expressions], [], ~w(
      GUILD_EMOJIS_UPDATE GUILD_STICKERS_UPDATE GUILD_SOUNDBOARD_SOUND_CREATE
      GUILD_SOUNDBOARD_SOUND_UPDATE GUILD_SOUNDBOARD_SOUND_DELETE GUILD_SOUNDBOARD_SOUNDS_UPDATE
    )},
    {[:guild_integrations], [], ~w(
      GUILD_INTEGRATIONS_UPDATE INTEGRATION_CREATE INTEGRATION_UPDATE INTEGRATION_DELETE
    )},
    {[:guild_webhooks], [], ~w(WEBHOOKS_UPDATE)},
    {[:guild_invites], [], ~w(INVITE_CREATE INVITE_DELETE)},
    {[:guild_voice_states], [], ~w(VOICE_STATE_UPDATE VOICE_CHANNEL_EFFECT_SEND)},
    {[:guild_presences], [], ~w(PRESENCE_UPDATE)},
    {[:guild_messages], [:direct_messages], ~w(
      MESSAGE_CREATE MESSAGE_UPDATE MESSAGE_DELETE MESSAGE_DELETE_BULK
    )},
    {[:guild_message_reactions], [:direct_message_reactions], ~w(
      MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE MESSAGE_REACTION_REMOVE_ALL
      MESSAGE_REACTION_REMOVE_EMOJI
    )},
    {[:guild_message_typing], [:direct_message_typing], ~w(TYPING_START)},
    {[:guild_message_polls], [:direct_message_polls], ~w(
      MESSAGE_POLL_VOTE_ADD MESSAGE_POLL_VOTE_REMOVE
    )},
    {[:guild_scheduled_events], [], ~w(
      GUILD_SCHEDULED_EVENT_CREATE GUILD_SCHEDULED_EVENT_UPDATE GUILD_SCHEDULED_EVENT_DELETE
      GUILD_SCHEDULED_EVENT_USER_ADD GUILD_SCHEDULED_EVENT_USER_REMOVE
    )},
    {[:auto_moderation_configuration], [], ~w(
      AUTO_MODERATION_RULE_CREATE AUTO_MODERATION_RULE_UPDATE AUTO_MODERATION_RULE_DELETE
    )},
    {[:auto_moderation_execution], [], ~w(AUTO_MODERATION_ACTION_EXECUTION)}
  ]

  @privileged [:guild_members, :guild_presences, :message_content]

  mask = fn names -> Enum.reduce(names, 0, &(1 <<< Keyword.fetch!(@bits, &1) ||| &2)) end
  @known mask.(Keyword.keys(@bits))
  @privileged_mask mask.(@privileged)

  names = @bits |> Keyword.keys() |> Enum.reduce(&{:|, [], [&1, &2]})
  @typedoc "An intent's name."
  @type name :: unquote(names)
  @type mask :: non_neg_integer()

  @doc "Returns the bit of an intent."
  @spec bit(name()) :: mask()
  for {name, position} <- @bits, do: def(bit(unquote(name)), do: unquote(1 <<< position))

  @doc "Returns the intents of which one is needed for an event in a guild or in a DM; 0: none is."
  @spec mask(event :: String.t(), :guild | :dm) :: mask()
  for {guild, direct, events} <- @events, event <- events do
    def mask(unquote(event), :guild), do: unquote(mask.(guild))
    def mask(unquote(event), :dm), do: unquote(mask.(direct))
  end

  def mask(_event, place) when place in [:guild, :dm], do: 0

  @doc "Returns every intent there is."
  @spec known() :: mask()
  def known, do: @known

  @doc "Returns the intents that an application must be granted."
  @spec privileged() :: mask()
  def privileged, do: @privileged_mask

  @doc "Returns whether a client may ask for these intents at all (else close code 4013)."
  @spec valid?(term()) :: boolean()
  def valid?(intents), do: is_integer(intents) and intents >= 0 and (intents &&& ~~~@known) == 0

  @doc "Returns the privileged intents asked for but not granted (if any, close code 4014)."
  @spec disallowed(mask(), granted :: mask()) :: mask()
  def disallowed(intents, granted), do: intents &&& @privileged_mask &&& ~~~granted
end
