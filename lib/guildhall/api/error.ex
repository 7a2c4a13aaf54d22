defmodule Guildhall.Api.Error do
  @moduledoc false

  # Every reason for which a request is refused, a row each: status, code and message as Discord
  # has them. `{:invalid, tree}` is a form error; `{:slowmode, ms}` and `{:throttled, ms}` say
  # when to come back.

  alias Guildhall.Model.Limits

  @errors [
    {:unauthorized, 401, 0, "401: Unauthorized"},
    {:unknown_route, 404, 0, "404: Not Found"},
    {:method_not_allowed, 405, 0, "405: Method Not Allowed"},
    {:unknown_application, 404, 10_002, "Unknown Application"},
    {:unknown_channel, 404, 10_003, "Unknown Channel"},
    {:unknown_guild, 404, 10_004, "Unknown Guild"},
    {:unknown_member, 404, 10_007, "Unknown Member"},
    {:unknown_message, 404, 10_008, "Unknown Message"},
    {:unknown_overwrite, 404, 10_009, "Unknown Overwrite"},
    {:unknown_role, 404, 10_011, "Unknown Role"},
    {:unknown_user, 404, 10_013, "Unknown User"},
    {:unknown_emoji, 404, 10_014, "Unknown Emoji"},
    {:unknown_ban, 404, 10_026, "Unknown Ban"},
    {:unknown_command, 404, 10_063, "Unknown application command"},
    {:not_for_bots, 403, 20_001, "Bots cannot use this endpoint"},
    {:bots_only, 403, 20_002, "Only bots can use this endpoint"},
    {:not_authorized, 403, 20_012,
     "You are not authorized to perform this action on this application"},
    {:slowmode, 429, 20_016, "This action cannot be performed due to slowmode rate limit."},
    {:throttled, 429, 0, "You are being rate limited."},
    {:guild_limit, 400, 30_001, "Maximum number of guilds reached"},
    {:pin_limit, 400, 30_003, "Maximum number of pins reached for the channel"},
    {:command_limit, 400, 30_032,
     "Maximum number of application commands reached (#{Limits.commands()})"},
    {:overwrite_limit, 400, 30_060,
     "Maximum number of channel permission overwrites reached (#{Limits.channel_overwrites()})"},
    {:role_limit, 400, 30_005, "Maximum number of guild roles reached (#{Limits.roles()})"},
    {:reaction_limit, 400, 30_010, "Maximum number of reactions reached (#{Limits.reactions()})"},
    {:channel_limit, 400, 30_013,
     "Maximum number of guild channels reached (#{Limits.channels()})"},
    {:too_large, 413, 40_005, "Request entity too large"},
    {:banned, 403, 40_007, "The user is banned from this guild."},
    {:not_in_voice, 400, 40_032, "Target user is not connected to voice."},
    {:missing_access, 403, 50_001, "Missing Access"},
    {:direct_channel, 403, 50_003, "Cannot execute action on a DM channel"},
    {:cannot_edit_other, 403, 50_005, "Cannot edit a message authored by another user"},
    {:empty_message, 400, 50_006, "Cannot send an empty message"},
    {:cannot_message_user, 403, 50_007, "Cannot send messages to this user"},
    {:non_text_channel, 400, 50_008, "Cannot send messages in a non-text channel"},
    {:missing_permissions, 403, 50_013, "Missing Permissions"},
    {:bulk_count, 400, 50_016,
     "Provided too few or too many messages to delete. Must provide at least 2 and at most 100 messages to delete."},
    {:system_message, 403, 50_021, "Cannot execute action on a system message"},
    {:channel_type, 400, 50_024, "Cannot execute action on this channel type"},
    {:invalid_token, 400, 50_014, "Invalid authentication token provided"},
    {:invalid_role, 400, 50_028, "Invalid Role"},
    {:invalid_recipient, 400, 50_033, "Invalid Recipient(s)"},
    {:too_old, 400, 50_034, "A message provided was too old to bulk delete"},
    {:invalid, 400, 50_035, "Invalid Form Body"},
    {:unknown_version, 400, 50_041, "Invalid API version provided"},
    {:invalid_json, 400, 50_109, "The request body contains invalid JSON."},
    {:owner, 400, 50_055, "Invalid Guild"},
    {:bulk_ban_failed, 400, 500_000, "Failed to ban users"},
    {:overloaded, 503, 130_000, "API resource is currently overloaded. Try again a little later"},
    {:storage_full, 503, 0, "503: Storage Full"},
    {:unavailable, 503, 0, "503: Service Unavailable"},
    {:corrupt, 503, 0, "503: Service Unavailable"}
  ]

  @type reason ::
          atom() | {:invalid, map()} | {:slowmode | :throttled, pos_integer()} | {atom(), term()}

  @spec all() :: [{atom(), 400..599, non_neg_integer(), String.t()}]
  def all, do: @errors

  # What the reason is counted as.
  @spec name(reason()) :: atom()
  def name({name, _details}), do: name
  def name(name) when is_atom(name), do: name

  # The status and the body.
  @spec render(reason()) :: {400..599, map()}
  def render({:invalid, tree}),
    do: with({status, body} <- row(:invalid), do: {status, Map.put(body, :errors, tree)})

  def render({name, wait}) when name in [:slowmode, :throttled] do
    {status, body} = row(name)
    {status, Map.merge(body, %{retry_after: wait / 1_000, global: false})}
  end

  def render({:method_not_allowed, _methods}), do: row(:method_not_allowed)
  def render(reason) when is_atom(reason), do: row(reason)

  for {name, status, code, message} <- @errors do
    defp row(unquote(name)) do
      {unquote(status), %{code: unquote(code), message: unquote(message)}}
    end
  end
end
