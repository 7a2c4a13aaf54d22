defmodule Guildhall.Guild.Bounds do
  @moduledoc false

  # Checks what a command would write against `Guildhall.Model.Limits`, before anything is written. Forms
  # have checked most of it; callers from Elixir and the operator have no form.
  #
  # A guild may shrink at any time. One that an older release stored larger than the limits may do
  # nothing else, as far as its size goes.

  alias Guildhall.Guild.{Plan, State}
  alias Guildhall.Model.{Ban, Channel, Form, Guild, GuildSize, Limits, Member, Message}

  @structural [:settings, :role, :role_deleted, :channel, :channel_deleted]

  # Half of what the store takes at once.
  @most_written 8_388_608

  @channel [
    name: {:string, length: Limits.channel_name()},
    topic: {:string, length: Limits.channel_topic()},
    position: {:integer, range: Limits.position()},
    rate_limit_per_user: {:integer, range: Limits.slowmode()},
    bitrate: {:integer, range: Limits.bitrate()},
    user_limit: {:integer, range: Limits.user_limit()}
  ]
  @role [
    name: {:string, length: Limits.role_name()},
    unicode_emoji: {:string, length: Limits.role_emoji()},
    position: {:integer, range: Limits.position()},
    permissions: {:permissions, []}
  ]
  @guild [
    name: {:string, length: Limits.guild_name()},
    description: {:string, length: Limits.guild_description()},
    preferred_locale: {:string, length: Limits.guild_locale()}
  ]
  @overwrite [id: {:permissions, []}, allow: {:permissions, []}, deny: {:permissions, []}]

  @doc "Whether a command may be carried out as it was decided."
  @spec check(State.t(), Plan.t()) :: :ok | {:error, {:invalid, Form.tree()}}
  def check(%State{} = state, %Plan{changes: changes} = plan) do
    with :ok <- each(changes, &value(state, &1)) do
      if Enum.any?(changes, &structural?/1), do: size(state, plan), else: :ok
    end
  end

  @doc "Whether a guild may be founded with these attributes."
  @spec found(map()) :: :ok | {:error, {:invalid, Form.tree()}}
  def found(attrs), do: fields(attrs, @guild)

  @doc "Whether a guild can be shown to sessions at all; otherwise it can only be made smaller."
  @spec served?(State.t()) :: boolean()
  def served?(%State{size: nil}), do: true

  def served?(%State{size: %GuildSize{bytes: bytes, overwrites: overwrites}}) do
    bytes <= Limits.served_bytes() and overwrites <= 2 * Limits.guild_overwrites()
  end

  @doc "Whether the guild would have this size, or is becoming smaller."
  @spec fits(before :: GuildSize.t(), GuildSize.t()) :: :ok | {:error, {:invalid, Form.tree()}}
  def fits(%GuildSize{} = before, %GuildSize{} = size) do
    cond do
      size.bytes > max(Limits.guild_bytes(), before.bytes) ->
        large("The guild would be larger than #{Limits.guild_bytes()} bytes.")

      size.overwrites > max(Limits.guild_overwrites(), before.overwrites) ->
        large("The guild would have more than #{Limits.guild_overwrites()} overwrites.")

      true ->
        :ok
    end
  end

  @doc "Whether one command may compare so many overwrites. A guild's are removed and put once."
  @spec copied(non_neg_integer()) :: :ok | {:error, {:invalid, Form.tree()}}
  def copied(overwrites) do
    if overwrites <= 2 * Limits.guild_overwrites(),
      do: :ok,
      else: large("This change would copy more than #{2 * Limits.guild_overwrites()} overwrites.")
  end

  @doc "Whether a list that a command brings is as long as it may be."
  @spec list(list(), most :: pos_integer()) :: :ok | {:error, {:invalid, Form.tree()}}
  def list(list, most) do
    if length(list) <= most,
      do: :ok,
      else: {:error, Form.error("BASE_TYPE_MAX_LENGTH", "Must be #{most} or fewer in length.")}
  end

  @doc "Whether the state of a guild that GUILD_CREATE shows without members is changed."
  @spec structural?(State.change()) :: boolean()
  def structural?(change), do: elem(change, 0) in @structural

  defp size(%State{size: nil}, _plan), do: :ok

  defp size(%State{size: before, guild: guild}, %Plan{changes: changes} = plan) do
    after_all =
      for change <- changes, structural?(change), reduce: before do
        size -> GuildSize.change(size, guild, change)
      end

    with :ok <- fits(before, after_all),
         :ok <- written(plan),
         do: events(before, after_all, plan)
  end

  # Only a guild that was stored larger than the limits has that much to write at once.
  defp written(plan) do
    if Plan.bytes(plan) <= @most_written,
      do: :ok,
      else: large("This change would write more than #{@most_written} bytes.")
  end

  # A session is told of each channel and role of a command once, so that in a guild within the limits
  # the events of a command are, too.
  defp events(%GuildSize{bytes: before}, %GuildSize{bytes: bytes}, plan) do
    if before <= Limits.guild_bytes() or bytes < before or told(plan) <= Limits.guild_bytes(),
      do: :ok,
      else: large("The events of this change would be larger than #{Limits.guild_bytes()} bytes.")
  end

  @doc "The bytes of the channels and roles that a plan tells sessions of."
  @spec told(Plan.t()) :: non_neg_integer()
  def told(%Plan{effects: effects, changes: changes}) do
    shown =
      for {:change, _changes, channels, _events} <- effects, channel <- channels, do: channel

    changed = for {kind, struct} <- changes, kind in [:channel, :role], do: struct
    (shown ++ changed) |> Enum.uniq_by(& &1.id) |> Enum.map(&GuildSize.bytes/1) |> Enum.sum()
  end

  defp large(message), do: {:error, Form.error("GUILD_SIZE_MAX", message)}

  defp value(_state, {:posted, message}), do: message(message)

  defp value(_state, {:row, {:message, _channel, _id}, %Message{} = message}),
    do: message(message)

  defp value(_state, {:row, {:ban, _id}, %Ban{} = ban}), do: ban(ban)
  defp value(_state, {:member, member}), do: member(member)
  defp value(_state, {:settings, changes}), do: fields(changes, @guild)
  defp value(_state, {:role, role}), do: fields(role, @role)

  # The channel of a direct message has no fields of its own.
  defp value(%State{guild: %Guild{kind: :dm}}, {:channel, _channel}), do: :ok

  defp value(%State{guild: guild}, {:channel, %Channel{} = channel}) do
    case guild.channels[channel.id] do
      # A pin, or a channel that has lost its category.
      %Channel{overwrites: same} = old when same == channel.overwrites -> changed(old, channel)
      _old -> with :ok <- fields(channel, @channel), do: overwrites(channel)
    end
  end

  defp value(_state, _change), do: :ok

  defp changed(old, channel) do
    fields(
      channel,
      for({field, _type} = rule <- @channel, differs?(field, old, channel), do: rule)
    )
  end

  defp differs?(field, old, new), do: Map.fetch!(old, field) != Map.fetch!(new, field)

  defp overwrites(%Channel{overwrites: overwrites}) do
    if map_size(overwrites) > Limits.channel_overwrites() do
      long("permission_overwrites", 0..Limits.channel_overwrites())
    else
      each(overwrites, fn {_id, overwrite} -> fields(overwrite, @overwrite) end)
    end
  end

  defp member(%Member{nick: nick, roles: roles, user: user}) do
    with :ok <- text("nick", nick, Limits.nick()),
         :ok <- text("username", user.username, 0..Limits.username().last),
         :ok <- text("global_name", user.global_name, 0..Limits.global_name().last) do
      if length(roles) <= Limits.roles(), do: :ok, else: long("roles", 0..Limits.roles())
    end
  end

  defp ban(%Ban{reason: reason}), do: text("reason", reason, Limits.ban_reason())

  defp message(%Message{content: content, embeds: embeds, attachments: attachments} = message) do
    with :ok <- text("content", content, Limits.content()),
         :ok <- list("embeds", embeds, Limits.embeds()),
         :ok <- list("attachments", attachments, Limits.attachments()) do
      if embeds == [] and attachments == [], do: :ok, else: message_bytes(message)
    end
  end

  # The form checks the parts of embeds and attachments.
  defp message_bytes(message) do
    if :erlang.external_size(message) <= Limits.message_bytes(),
      do: :ok,
      else: {:error, Form.error("MESSAGE_SIZE_MAX", "The message is too large.")}
  end

  defp list(_field, list, most) when list == [] or length(list) <= most, do: :ok
  defp list(field, _list, most), do: long(field, 0..most)

  # There are no more characters than bytes.
  defp text(_field, nil, _range), do: :ok
  defp text(_field, text, 0..most//_step) when byte_size(text) <= most, do: :ok
  defp text(field, text, range), do: field(field, text, {:string, length: range})

  defp long(field, _first..last//_step) do
    {:error, Form.error(field, "BASE_TYPE_MAX_LENGTH", "Must be #{last} or fewer in length.")}
  end

  defp fields(struct, rules) do
    each(rules, fn {field, type} ->
      case struct do
        %{^field => value} when value != nil -> field(Atom.to_string(field), value, type)
        %{} -> :ok
      end
    end)
  end

  defp field(name, value, {type, options}) do
    case Form.cast_value(value, type, options) do
      {:ok, _value} -> :ok
      {:error, {:invalid, tree}} -> {:error, {:invalid, %{name => tree}}}
    end
  end

  defp each(things, check) do
    Enum.find_value(things, :ok, fn thing -> with :ok <- check.(thing), do: nil end)
  end
end
