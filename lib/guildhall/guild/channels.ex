defmodule Guildhall.Guild.Channels do
  @moduledoc false

  # Channels of a guild: made, changed, sorted, deleted. The actor must be able to manage every channel
  # that changes by it, and the category that a channel is put into.

  @behaviour Guildhall.Guild.Concern

  alias Guildhall.Guild.{Authority, Bounds, Events, Keys, Overwrites, Plan, Request, State}
  alias Guildhall.Model.{Channel, Form, Guild, Limits, Row}
  alias Guildhall.Permissions

  @limit Limits.channels()
  @children Limits.category_children()
  @types [0, 2, 4, 5, 13, 15, 16]
  @category 4
  @voice [2, 13]
  # What an update may turn into what: text and announcement channels into each other.
  @convertible [0, 5]

  @manage Permissions.bit(:manage_channels)
  @manage_roles Permissions.bit(:manage_roles)

  @fields [
    :name,
    :type,
    :topic,
    :position,
    :parent_id,
    :nsfw,
    :rate_limit_per_user,
    :bitrate,
    :user_limit,
    :rtc_region,
    :default_auto_archive_duration,
    :default_thread_rate_limit_per_user,
    :flags
  ]

  @impl true
  def facts(_actor, _command), do: []

  @impl true
  def keys(_state, %{actor: actor}), do: {[{:member, actor}], [:guild]}

  @impl true
  def decide(%State{guild: guild} = state, %{command: {:create_channel, attrs}} = request) do
    with {:ok, authority} <- Authority.in_guild(state, request, @manage),
         :ok <- room(guild),
         :ok <- parent(state, request, attrs[:parent_id]),
         channel = new(guild, request, attrs),
         :ok <- fits(guild, channel),
         :ok <- Overwrites.allowed(authority, %{}, given(attrs)),
         :ok <- Overwrites.targets(guild, Map.values(given(attrs))) do
      {:ok,
       %Plan{
         reply: {:ok, channel},
         ops: [put(state, channel), locate(state, channel)],
         changes: [{:channel, channel}],
         effects: [{:change, [{:channel, channel}], [channel], []}]
       }}
    end
  end

  def decide(%State{guild: guild} = state, %{command: {:update_channel, id, attrs}} = request) do
    with {:ok, authority} <- Authority.in_channel(state, request, id, @manage),
         old = authority.channel,
         channel = update(old, attrs),
         :ok <-
           if(moved?(old, channel), do: parent(state, request, channel.parent_id), else: :ok),
         :ok <- convertible(old, channel),
         :ok <- fits(guild, channel),
         :ok <- overwritable(authority, old, channel),
         :ok <- Overwrites.targets(guild, Map.values(given(attrs))) do
      plan = changed(state, [channel])
      {:ok, %{plan | reply: {:ok, channel}}}
    end
  end

  def decide(%State{guild: guild} = state, %{command: {:delete_channel, id}} = request) do
    children = for {_id, %{parent_id: ^id} = child} <- guild.channels, do: child

    with {:ok, %{channel: channel}} <- Authority.in_channel(state, request, id, @manage),
         :ok <- Authority.in_channels(state, request, Enum.map(children, & &1.id), @manage) do
      orphans = for child <- children, do: %{child | parent_id: nil}
      {:ok, state |> changed(orphans) |> delete(state, channel) |> unassign(state, id)}
    end
  end

  def decide(state, %{command: {:move_channels, moves}} = request) do
    with {:ok, _authority} <- Authority.in_guild(state, request, @manage),
         :ok <- Bounds.list(moves, @limit),
         {:ok, channels} <- moved(state, request, moves) do
      {:ok, changed(state, channels)}
    end
  end

  @doc "The plan that writes channels anew and tells everyone."
  @spec changed(State.t(), [Channel.t()]) :: Plan.t()
  def changed(_state, []), do: %Plan{}

  def changed(state, channels) do
    changes = for channel <- channels, do: {:channel, channel}
    events = for channel <- channels, do: Events.channel_update(channel)
    shown = Enum.filter(channels, &visibility?(state.guild.channels[&1.id], &1))

    %Plan{
      ops: Enum.map(channels, &put(state, &1)),
      changes: changes,
      effects: [{:change, for(channel <- shown, do: {:channel, channel}), shown, events}]
    }
  end

  # A relay works out who sees a channel only if that may have changed.
  defp visibility?(old, new), do: old.overwrites != new.overwrites or old.type != new.type

  @doc "The operation that stores a channel."
  @spec put(State.t(), Channel.t()) :: Guildhall.Store.op()
  def put(state, channel) do
    {:put, :guilds, Keys.guild(state.id), Keys.channel(channel.id), Row.encode(channel)}
  end

  defp locate(state, channel) do
    {:put, :channels, Keys.id(channel.id), "room", <<1, state.id::64>>}
  end

  defp room(%Guild{channels: channels}) when map_size(channels) < @limit, do: :ok
  defp room(_guild), do: {:error, :channel_limit}

  defp new(guild, %Request{id: id}, attrs) do
    type = attrs[:type] || 0
    parent = Map.get(guild.channels, attrs[:parent_id])
    inherited = if parent, do: parent.overwrites, else: %{}
    last = for {_id, channel} <- guild.channels, do: channel.position

    attrs
    |> Map.take(@fields)
    |> Enum.reject(fn {_field, value} -> value == nil end)
    |> Enum.into(%{position: Enum.max(last, fn -> -1 end) + 1})
    |> then(&struct(%Channel{id: id, type: type, guild_id: guild.id}, &1))
    |> Map.put(:overwrites, if(given(attrs) == %{}, do: inherited, else: given(attrs)))
    |> voice_defaults()
  end

  defp voice_defaults(%Channel{type: type} = channel) when type in @voice do
    %{channel | bitrate: channel.bitrate || 64_000, user_limit: channel.user_limit || 0}
  end

  defp voice_defaults(channel), do: channel

  defp update(channel, attrs) do
    channel = struct(channel, Map.take(attrs, @fields))

    channel =
      if is_map_key(attrs, :overwrites), do: %{channel | overwrites: given(attrs)}, else: channel

    %{
      channel
      | position: channel.position || 0,
        nsfw: channel.nsfw || false,
        rate_limit_per_user: channel.rate_limit_per_user || 0,
        default_thread_rate_limit_per_user: channel.default_thread_rate_limit_per_user || 0,
        flags: channel.flags || 0
    }
  end

  defp given(attrs), do: Map.new(attrs[:overwrites] || [], &{&1.id, &1})

  defp moved?(old, channel), do: old.parent_id != channel.parent_id

  # A parent that there is not is refused by `fits/2`.
  defp parent(%State{guild: guild} = state, request, id) when is_map_key(guild.channels, id) do
    Authority.in_channels(state, request, [id], @manage)
  end

  defp parent(_state, _request, _none), do: :ok

  defp convertible(%{type: type}, %{type: type}), do: :ok
  defp convertible(%{type: a}, %{type: b}) when a in @convertible and b in @convertible, do: :ok
  defp convertible(_old, _new), do: {:error, :channel_type}

  defp fits(_guild, %Channel{type: type}) when type not in @types, do: {:error, :channel_type}
  defp fits(_guild, %Channel{parent_id: nil}), do: :ok

  defp fits(_guild, %Channel{type: @category}),
    do:
      {:error, Form.error("parent_id", "CHANNEL_PARENT_INVALID", "Not a category, or a full one")}

  defp fits(guild, %Channel{id: id, parent_id: parent_id}) do
    siblings =
      Enum.count(guild.channels, fn {_id, c} -> c.parent_id == parent_id and c.id != id end)

    case guild.channels do
      %{^parent_id => %{type: @category}} when siblings < @children ->
        :ok

      %{} ->
        {:error,
         Form.error("parent_id", "CHANNEL_PARENT_INVALID", "Not a category, or a full one")}
    end
  end

  defp overwritable(_authority, %{overwrites: same}, %{overwrites: same}), do: :ok

  defp overwritable(authority, old, new) do
    with {:ok, _authority} <- Authority.allow(authority, @manage_roles) do
      Overwrites.allowed(authority, old.overwrites, new.overwrites)
    end
  end

  defp delete(%Plan{} = plan, state, %Channel{id: id} = channel) do
    %{
      plan
      | reply: {:ok, channel},
        ops: [
          {:delete, :guilds, Keys.guild(state.id), Keys.channel(id)},
          {:delete, :channels, Keys.id(id), "room"} | plan.ops
        ],
        changes: [{:channel_deleted, id} | plan.changes],
        effects:
          [{:voice, {:vacate, id}}, {:change, [{:channel_deleted, id}], [channel], []}] ++
            plan.effects
    }
  end

  # Settings that name the channel lose it.
  defp unassign(plan, %State{guild: guild} = state, id) do
    fields = [:afk_channel_id, :system_channel_id, :rules_channel_id, :public_updates_channel_id]

    case for(field <- fields, Map.fetch!(guild, field) == id, into: %{}, do: {field, nil}) do
      none when none == %{} ->
        plan

      changes ->
        guild = Map.merge(guild, changes)

        %{
          plan
          | ops: [{:put, :guilds, Keys.guild(guild.id), "guild", Row.encode(guild)} | plan.ops],
            changes: [{:settings, changes} | plan.changes],
            effects: plan.effects ++ [publish: Events.guild_update(state, guild)]
        }
    end
  end

  # The moves are made one after the other, but what the actor may do is asked of the guild as it is
  # before all of them: no move gives a right for the next one. A client sends the positions of all
  # channels that it sees, so a channel that stays as it is must only be visible.
  defp moved(%State{guild: guild} = state, request, moves) do
    Enum.reduce_while(moves, {:ok, guild, [], 0}, fn move, {:ok, guild, channels, work} ->
      with {:ok, authority} <- Authority.in_channel(state, request, move.id, 0),
           old = Map.fetch!(guild.channels, move.id),
           channel = move(guild, old, move),
           work = work + copied(old, channel),
           :ok <- Bounds.copied(work),
           :ok <- movable(state, request, authority, {guild, old, channel}) do
        guild = %{guild | channels: Map.put(guild.channels, channel.id, channel)}
        {:cont, {:ok, guild, if(channel == old, do: channels, else: [channel | channels]), work}}
      else
        missing -> {:halt, missing}
      end
    end)
    |> case do
      {:ok, _guild, channels, _work} -> {:ok, channels |> Enum.reverse() |> last_of_each()}
      missing -> missing
    end
  end

  # How many overwrites are compared with those of the category.
  defp copied(%{overwrites: same}, %{overwrites: same}), do: 0
  defp copied(old, new), do: map_size(old.overwrites) + map_size(new.overwrites)

  defp movable(_state, _request, _authority, {_guild, same, same}), do: :ok

  defp movable(state, request, authority, {guild, old, channel}) do
    copied? = old.overwrites != channel.overwrites
    target = if copied? or moved?(old, channel), do: channel.parent_id

    with {:ok, authority} <- Authority.allow(authority, @manage),
         :ok <- parent(state, request, target),
         :ok <- fits(guild, channel) do
      overwritable(authority, old, channel)
    end
  end

  defp last_of_each(channels),
    do: channels |> Enum.reverse() |> Enum.uniq_by(& &1.id) |> Enum.reverse()

  defp move(guild, channel, move) do
    channel = %{channel | position: Map.get(move, :position) || channel.position}

    case move do
      %{parent_id: parent_id, lock_permissions: true}
      when is_map_key(guild.channels, parent_id) ->
        %{channel | parent_id: parent_id, overwrites: guild.channels[parent_id].overwrites}

      %{parent_id: parent_id} ->
        %{channel | parent_id: parent_id}

      %{} ->
        channel
    end
  end
end
