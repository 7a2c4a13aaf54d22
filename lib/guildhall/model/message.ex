defmodule Guildhall.Model.Message do
  @moduledoc """
  A message as stored: a whole row, written anew by an edit.

  `stream`, `epoch` and `index` say where its room placed it: a successor of the room learns from
  them what was acknowledged. `member` is the author's member row as it was when the message was
  sent or read (not stored); `mentions` are the mentioned users, with their members where the
  room had them. `reactions` are summaries, filled in by reads. `nonce` lives as long as the answer.
  """

  alias Guildhall.Model.{Member, User}

  @enforce_keys [:id, :channel_id, :author]
  defstruct [
    :id,
    :channel_id,
    :author,
    guild_id: nil,
    member: nil,
    type: 0,
    content: "",
    edited_at: nil,
    tts: false,
    mention_everyone: false,
    mentions: [],
    mention_roles: [],
    attachments: [],
    embeds: [],
    components: [],
    sticker_ids: [],
    pinned: false,
    flags: 0,
    reference: nil,
    referenced: nil,
    webhook_id: nil,
    reactions: [],
    nonce: nil,
    stream: 0,
    epoch: 0,
    index: 0
  ]

  @typedoc "A summary: how many used the emoji, and whether the viewer did."
  @type reaction :: %{emoji: emoji(), count: non_neg_integer(), me: boolean()}
  @typedoc "A unicode emoji has no id."
  @type emoji :: %{id: pos_integer() | nil, name: String.t()}
  @typedoc "What the message answers (type 0) or forwards (type 1)."
  @type link :: %{
          type: 0 | 1,
          message_id: pos_integer() | nil,
          channel_id: pos_integer(),
          guild_id: pos_integer() | nil
        }
  @typedoc "Metadata of an attachment, with the wire's keys as atoms."
  @type attachment :: %{optional(atom()) => term()}

  @type t :: %__MODULE__{
          id: pos_integer(),
          channel_id: pos_integer(),
          author: User.t(),
          guild_id: pos_integer() | nil,
          member: Member.t() | nil,
          type: non_neg_integer(),
          content: String.t(),
          edited_at: integer() | nil,
          tts: boolean(),
          mention_everyone: boolean(),
          mentions: [{User.t(), Member.t() | nil}],
          mention_roles: [pos_integer()],
          attachments: [attachment()],
          embeds: [map()],
          components: [map()],
          sticker_ids: [pos_integer()],
          pinned: boolean(),
          flags: non_neg_integer(),
          reference: link() | nil,
          referenced: t() | :deleted | nil,
          webhook_id: pos_integer() | nil,
          reactions: [reaction()],
          nonce: String.t() | integer() | nil,
          stream: non_neg_integer(),
          epoch: non_neg_integer(),
          index: non_neg_integer()
        }
end
