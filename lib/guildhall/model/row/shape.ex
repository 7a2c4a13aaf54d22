defmodule Guildhall.Model.Row.Shape do
  @moduledoc false

  # Which fields of each struct a row holds, in which order, and what each of them is.
  #
  # [format] Append; never reorder, never rename a tag, never change what a field is.

  alias Guildhall.Model.{Application, Ban, Channel, Guild, Member, Message, Overwrite, Role, User}

  @id :integer
  @maybe_id {:maybe, :integer}
  @maybe_text {:maybe, :text}

  # The struct, its tag, how many fields the first release wrote, and the fields.
  @shapes [
    {User, :user, 10,
     [
       id: @id,
       username: :text,
       discriminator: :text,
       global_name: @maybe_text,
       avatar: @maybe_text,
       banner: @maybe_text,
       accent_color: @maybe_id,
       bot: :boolean,
       flags: :integer,
       locale: :text
     ]},
    {Application, :application, 7,
     [
       id: @id,
       name: :text,
       owner_id: @maybe_id,
       description: :text,
       public: :boolean,
       intents: :integer,
       flags: :integer
     ]},
    {Guild, :guild, 20,
     [
       id: @id,
       kind: {:one_of, [:guild, :dm]},
       name: @maybe_text,
       owner_id: @maybe_id,
       icon: @maybe_text,
       description: @maybe_text,
       preferred_locale: :text,
       verification_level: :integer,
       default_message_notifications: :integer,
       explicit_content_filter: :integer,
       afk_channel_id: @maybe_id,
       afk_timeout: :integer,
       system_channel_id: @maybe_id,
       system_channel_flags: :integer,
       rules_channel_id: @maybe_id,
       public_updates_channel_id: @maybe_id,
       nsfw_level: :integer,
       mfa_level: :integer,
       premium_progress_bar_enabled: :boolean,
       features: {:list, :text}
     ]},
    {Role, :role, 11,
     [
       id: @id,
       name: :text,
       color: :integer,
       hoist: :boolean,
       icon: @maybe_text,
       unicode_emoji: @maybe_text,
       position: :integer,
       permissions: :integer,
       managed: :boolean,
       mentionable: :boolean,
       flags: :integer
     ]},
    {Overwrite, :overwrite, 4,
     [id: @id, type: {:one_of, [:role, :member]}, allow: :integer, deny: :integer]},
    {Channel, :channel, 17,
     [
       id: @id,
       type: :integer,
       guild_id: @maybe_id,
       name: @maybe_text,
       topic: @maybe_text,
       position: :integer,
       parent_id: @maybe_id,
       nsfw: :boolean,
       rate_limit_per_user: :integer,
       bitrate: @maybe_id,
       user_limit: @maybe_id,
       overwrites: {:by_id, Overwrite},
       recipients: {:list, :integer},
       owner_id: @maybe_id,
       last_message_id: @maybe_id,
       last_pin_at: @maybe_id,
       flags: :integer,
       rtc_region: @maybe_text,
       default_auto_archive_duration: @maybe_id,
       default_thread_rate_limit_per_user: :integer
     ]},
    {Member, :member, 11,
     [
       user: {:row, User},
       nick: @maybe_text,
       avatar: @maybe_text,
       roles: {:list, :integer},
       joined_at: :integer,
       premium_since: @maybe_id,
       deaf: :boolean,
       mute: :boolean,
       pending: :boolean,
       flags: :integer,
       timeout_until: @maybe_id
     ]},
    {Ban, :ban, 2, [user: {:row, User}, reason: @maybe_text]},
    {Message, :message, 22,
     [
       id: @id,
       channel_id: @id,
       author: {:row, User},
       guild_id: @maybe_id,
       type: :integer,
       content: :text,
       edited_at: @maybe_id,
       tts: :boolean,
       mention_everyone: :boolean,
       mentions: :mentions,
       mention_roles: {:list, :integer},
       attachments: {:list, :plain},
       embeds: {:list, :plain},
       components: {:list, :plain},
       sticker_ids: {:list, :integer},
       pinned: :boolean,
       flags: :integer,
       reference: {:maybe, :link},
       webhook_id: @maybe_id,
       stream: :integer,
       epoch: :integer,
       index: :integer
     ]}
  ]

  @type kind ::
          :integer
          | :text
          | :boolean
          | :plain
          | :mentions
          | :link
          | {:maybe | :list, kind()}
          | {:one_of, [atom()]}
          | {:row | :by_id, module()}
  @type t :: {module(), tag :: atom(), first :: pos_integer(), [{field :: atom(), kind()}]}

  @spec all() :: [t()]
  def all, do: @shapes
end
