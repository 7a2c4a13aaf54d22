defmodule Guildhall.Guild.Event do
  @moduledoc false

  # What happened, before it is encoded: who may see it, and its variants as data.
  #
  # `content` is the whole event, `body` the one without what MESSAGE_CONTENT guards (nil: they are
  # the same), `author` the one for the author's own sessions.

  @enforce_keys [:type, :content]
  defstruct [
    :type,
    :content,
    body: nil,
    author: nil,
    author_id: nil,
    content_for: [],
    to: :room,
    permissions: 0,
    always: [],
    except: []
  ]

  @type t :: %__MODULE__{
          type: String.t(),
          content: term(),
          body: term() | nil,
          author: term() | nil,
          author_id: pos_integer() | nil,
          content_for: [pos_integer()],
          to: :room | {:channel, pos_integer()} | {:users, [pos_integer()]},
          permissions: non_neg_integer(),
          always: [pos_integer()],
          except: [pos_integer()]
        }
end
