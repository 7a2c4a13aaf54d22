defmodule Guildhall.Relay.Event do
  @moduledoc """
  An event on its way from a room to the sessions that may see it.

  The bodies are shared `Guildhall.Outbox` events, encoded once. A session gets `author` if it is a
  session of `author_id` (with the nonce), `content` if it has the MESSAGE_CONTENT intent or its user
  is in `content_for`, else `body`.

  An ephemeral event (typing, presence) tells of a moment: a relay that is behind leaves it out.
  """

  @enforce_keys [:type, :body]
  defstruct [
    :type,
    :body,
    to: :room,
    intents: 0,
    permissions: 0,
    always: [],
    except: [],
    content: nil,
    content_for: [],
    author: nil,
    author_id: nil,
    ephemeral: false
  ]

  @type t :: %__MODULE__{
          type: String.t(),
          body: Guildhall.Outbox.event(),
          # Who: everyone in the room, those who can view a channel, some users' sessions, or those who
          # follow a topic.
          to:
            :room
            | {:channel, pos_integer()}
            | {:users, [pos_integer()]}
            | {:topic, Guildhall.Audience.topic()},
          # A session needs one of these intents; 0: none is needed.
          intents: non_neg_integer(),
          # A session needs one of these guild permissions; 0: none is needed.
          permissions: non_neg_integer(),
          # Users who need no intent.
          always: [pos_integer()],
          except: [pos_integer()],
          content: Guildhall.Outbox.event() | nil,
          content_for: [pos_integer()],
          author: Guildhall.Outbox.event() | nil,
          author_id: pos_integer() | nil,
          ephemeral: boolean()
        }
end
