defmodule Guildhall.Gateway.Close do
  @moduledoc false

  # The close-code table: why a connection is closed, as its client hears it.
  #
  # Clients differ in what they do with a code. 4000 is what every client resumes on, so it is used
  # for what may happen to a good one. 4001, 4003 and 4005 stop some for good, and are for their
  # bugs alone. 4007 is never used: three libraries would resume with the same sequence for ever, so
  # a sequence that cannot be resumed is answered with op 9.

  @reasons [
    # The server's doing; the session is still there.
    heartbeat_missed: {4000, "No heartbeat."},
    taken_over: {4000, "Session resumed on another connection."},
    drained: {4000, "Reconnect."},
    going_away: {1001, "The node stops."},
    # The server's doing; the session is not there, so a RESUME is answered with op 9.
    overflow: {4000, "Read too slowly."},
    overloaded: {4000, "Try again later."},
    # The client's doing.
    protocol_error: {1002, "Protocol error."},
    unknown_opcode: {4001, "Unknown opcode."},
    decode_error: {4002, "Error while decoding payload."},
    not_authenticated: {4003, "Not authenticated."},
    authentication_failed: {4004, "Authentication failed."},
    revoked: {4004, "Authentication failed."},
    already_authenticated: {4005, "Already authenticated."},
    rate_limited: {4008, "Rate limited."},
    too_many_sessions: {4008, "Too many sessions."},
    identify_timeout: {4009, "Session timed out."},
    invalid_shard: {4010, "Invalid shard."},
    sharding_required: {4011, "Sharding required."},
    invalid_version: {4012, "Invalid API version."},
    invalid_intents: {4013, "Invalid intent(s)."},
    disallowed_intents: {4014, "Disallowed intent(s)."}
  ]

  @type code :: 1001..1002 | 4000..4014

  @spec code(reason :: atom()) :: {code(), text :: String.t()}
  for {reason, close} <- @reasons do
    def code(unquote(reason)), do: unquote(close)
  end

  @spec reasons() :: [atom()]
  def reasons, do: unquote(Keyword.keys(@reasons))
end
