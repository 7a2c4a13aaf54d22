defmodule Guildhall.Model.Json.PlaceObject do
  @moduledoc false

  # Guilds and channels as objects. Which fields a channel has depends on its type.

  import Guildhall.Model.Json, only: [id: 1, timestamp: 1]

  alias Guildhall.Model.{Channel, Guild, Overwrite}

  @direct [1, 3]
  @category 4
  @voice [2, 13]
  @forum [15, 16]

  @spec overwrite(Overwrite.t()) :: map()
  def overwrite(%Overwrite{} = overwrite) do
    %{
      id: id(overwrite.id),
      type: if(overwrite.type == :role, do: 0, else: 1),
      allow: Integer.to_string(overwrite.allow),
      deny: Integer.to_string(overwrite.deny)
    }
  end

  @spec channel(Channel.t(), recipients :: [map()]) :: map()
  def channel(%Channel{type: type} = channel, recipients) when type in @direct do
    channel |> last() |> Map.merge(%{recipients: recipients, flags: channel.flags})
  end

  def channel(%Channel{type: @category} = channel, _recipients), do: placed(channel)

  def channel(%Channel{type: type} = channel, _recipients) do
    channel
    |> placed()
    |> Map.merge(last(channel))
    |> Map.merge(%{topic: channel.topic, rate_limit_per_user: channel.rate_limit_per_user})
    |> Map.merge(special(type, channel))
  end

  defp last(channel) do
    %{
      id: id(channel.id),
      type: channel.type,
      last_message_id: id(channel.last_message_id),
      last_pin_timestamp: timestamp(channel.last_pin_at)
    }
  end

  defp placed(channel) do
    %{
      id: id(channel.id),
      type: channel.type,
      guild_id: id(channel.guild_id),
      name: channel.name,
      position: channel.position,
      parent_id: id(channel.parent_id),
      nsfw: channel.nsfw,
      flags: channel.flags,
      permission_overwrites: for({_id, overwrite} <- channel.overwrites, do: overwrite(overwrite))
    }
  end

  defp special(type, channel) when type in @voice do
    %{
      bitrate: channel.bitrate || 64_000,
      user_limit: channel.user_limit || 0,
      rtc_region: channel.rtc_region,
      video_quality_mode: 1
    }
  end

  defp special(type, channel) when type in @forum do
    %{
      available_tags: [],
      default_reaction_emoji: nil,
      default_sort_order: nil,
      default_forum_layout: 0,
      default_auto_archive_duration: channel.default_auto_archive_duration || 1_440,
      default_thread_rate_limit_per_user: channel.default_thread_rate_limit_per_user
    }
  end

  defp special(_type, channel) do
    %{
      default_auto_archive_duration: channel.default_auto_archive_duration || 1_440,
      default_thread_rate_limit_per_user: channel.default_thread_rate_limit_per_user
    }
  end

  @spec guild(Guild.t(), roles :: [map()]) :: map()
  def guild(%Guild{} = guild, roles) do
    Map.merge(constants(), %{
      id: id(guild.id),
      name: guild.name,
      owner_id: id(guild.owner_id),
      icon: guild.icon,
      description: guild.description,
      preferred_locale: guild.preferred_locale,
      verification_level: guild.verification_level,
      default_message_notifications: guild.default_message_notifications,
      explicit_content_filter: guild.explicit_content_filter,
      afk_channel_id: id(guild.afk_channel_id),
      afk_timeout: guild.afk_timeout,
      system_channel_id: id(guild.system_channel_id),
      system_channel_flags: guild.system_channel_flags,
      rules_channel_id: id(guild.rules_channel_id),
      public_updates_channel_id: id(guild.public_updates_channel_id),
      nsfw_level: guild.nsfw_level,
      nsfw: guild.nsfw_level in [1, 3],
      mfa_level: guild.mfa_level,
      premium_progress_bar_enabled: guild.premium_progress_bar_enabled,
      features: guild.features,
      roles: roles
    })
  end

  # What guilds here do not have, as the documentation says it is then.
  defp constants do
    %{
      icon_hash: nil,
      splash: nil,
      discovery_splash: nil,
      home_header: nil,
      banner: nil,
      region: "automatic",
      widget_enabled: false,
      widget_channel_id: nil,
      emojis: [],
      stickers: [],
      application_id: nil,
      max_presences: nil,
      max_members: 50_000_000,
      max_video_channel_users: 25,
      max_stage_video_channel_users: 50,
      vanity_url_code: nil,
      premium_tier: 0,
      premium_subscription_count: 0,
      safety_alerts_channel_id: nil,
      incidents_data: nil
    }
  end
end
