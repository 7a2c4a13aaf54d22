defmodule Guildhall.Guild.Settings do
  @moduledoc false

  # The guild itself: its settings, its owner, its end.

  @behaviour Guildhall.Guild.Concern

  alias Guildhall.Guild.{Authority, Events, Facts, Keys, Plan, State}
  alias Guildhall.Model.{Guild, Member, Row}
  alias Guildhall.Permissions

  @manage Permissions.bit(:manage_guild)
  @fields [
    :name,
    :icon,
    :description,
    :preferred_locale,
    :verification_level,
    :default_message_notifications,
    :explicit_content_filter,
    :afk_channel_id,
    :afk_timeout,
    :system_channel_id,
    :system_channel_flags,
    :rules_channel_id,
    :public_updates_channel_id,
    :premium_progress_bar_enabled,
    :owner_id
  ]
  @channels [:afk_channel_id, :system_channel_id, :rules_channel_id, :public_updates_channel_id]
  @nullable [:icon, :description | @channels]

  @impl true
  def facts(_actor, {:update_guild, %{owner_id: id}}) when is_integer(id), do: [{:member, id}]
  def facts(_actor, _command), do: []

  @impl true
  def keys(_state, %{actor: actor, command: {:update_guild, attrs}}) do
    heir = for id <- [attrs[:owner_id]], id != nil, do: {:member, id}
    {[{:member, actor} | heir], [:guild]}
  end

  def keys(_state, %{actor: actor}), do: {[{:member, actor}], [:guild, :count]}

  @impl true
  def decide(%State{guild: guild} = state, %{command: {:update_guild, attrs}} = request) do
    changes =
      attrs
      |> Map.take(@fields)
      |> Map.filter(fn {field, value} ->
        value != Map.fetch!(guild, field) and (value != nil or field in @nullable)
      end)

    with {:ok, authority} <- Authority.in_guild(state, request, @manage),
         :ok <- channels(state, request, changes),
         :ok <- heir(state, request, authority, attrs[:owner_id]) do
      {:ok, update(state, changes)}
    end
  end

  def decide(%State{guild: guild} = state, %{command: {:delete_guild}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, 0),
         :ok <- owner(guild, authority) do
      {:ok,
       %Plan{
         ops:
           [{:drop, :guilds, Keys.guild(guild.id)}] ++
             for({id, _channel} <- guild.channels, do: {:delete, :channels, Keys.id(id), "room"}),
         reply: {:ok, guild},
         effects: [{:publish, Events.guild_delete(state)}, :stop]
       }}
    end
  end

  # A setting may name only channels that the actor sees.
  defp channels(state, request, changes) do
    ids = for {field, id} when id != nil <- changes, field in @channels, do: id
    Authority.in_channels(state, request, ids, 0)
  end

  defp heir(_state, _request, _authority, nil), do: :ok

  defp heir(state, request, authority, id) do
    with :ok <- owner(state.guild, authority),
         {:ok, %Member{}} <- Facts.fetch(state, request, {:member, id}) do
      :ok
    else
      {:ok, nil} -> {:error, :unknown_member}
      other -> other
    end
  end

  defp owner(_guild, %Authority{actor: :operator}), do: :ok
  defp owner(%Guild{owner_id: id}, %Authority{actor: id}), do: :ok
  defp owner(_guild, _authority), do: {:error, :missing_permissions}

  defp update(%State{guild: guild}, changes) when changes == %{}, do: %Plan{reply: {:ok, guild}}

  defp update(%State{guild: old} = state, changes) do
    guild = Map.merge(old, changes)
    owner = for {:owner_id, id} <- changes, do: {:owner, id}
    # The owner sees everything: the old one may lose channels, the new one gain some.
    shown = if owner == [], do: [], else: Map.values(guild.channels)

    %Plan{
      reply: {:ok, guild},
      ops: [{:put, :guilds, Keys.guild(guild.id), "guild", Row.encode(guild)}],
      changes: [{:settings, changes}],
      effects: [{:change, owner, shown, [Events.guild_update(state, guild)]}]
    }
  end
end
