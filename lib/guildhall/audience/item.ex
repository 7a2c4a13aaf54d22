defmodule Guildhall.Audience.Item do
  @moduledoc """
  An event and whom it is for.

  A session gets it that is where it goes, has one of its intents and one of its permissions, and is
  not passive. The few users whom it names are exceptions:

    * `to` - where it goes: `:room`, `{:channel, id}` for those who see a channel, `{:users, ids}`,
      `{:topic, name}` for those who follow it, or `{:gained | :lost | :kept, moves, channel_id}` for those
      for whom a change made this of a channel (see `Guildhall.Audience.change/3`)
    * `intents` - a session needs one of these; 0: none is needed
    * `permissions` - its roles need one of these, channels apart; 0: none is needed
    * `always` - users whose sessions need no intent, and get it although they are passive
    * `except` - users who do not get it
    * `body` - what a session gets for which nothing else is said
    * `content` - if not nil, what those get who have the intent MESSAGE_CONTENT (bit 15), and the
      users of `content_for`
    * `author` - if not nil, what the sessions of the user `author_id` get
    * `passive?` - whether passive sessions get it too; those of `{:users, ids}` and
      `{:topic, name}` do anyway
    * `shard` - if not nil, the only shard it goes to

  Each list of users is a list of ids or packed (see `Guildhall.Audience`), all together of at most
  2,000.
  """

  defstruct [
    :body,
    to: :room,
    content: nil,
    content_for: [],
    author: nil,
    author_id: nil,
    intents: 0,
    permissions: 0,
    always: [],
    except: [],
    passive?: false,
    shard: nil
  ]

  @type ids :: [non_neg_integer()] | binary()
  @type place ::
          :room
          | {:channel, non_neg_integer()}
          | {:users, ids()}
          | {:topic, Guildhall.Audience.topic()}
          | {:gained | :lost | :kept, Guildhall.Audience.moves(), channel_id :: non_neg_integer()}

  @type t :: %__MODULE__{
          to: place(),
          body: Guildhall.Outbox.event() | nil,
          content: Guildhall.Outbox.event() | nil,
          content_for: ids(),
          author: Guildhall.Outbox.event() | nil,
          author_id: non_neg_integer() | nil,
          intents: non_neg_integer(),
          permissions: non_neg_integer(),
          always: ids(),
          except: ids(),
          passive?: boolean(),
          shard: non_neg_integer() | nil
        }
end
