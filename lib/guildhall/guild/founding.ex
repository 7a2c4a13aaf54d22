defmodule Guildhall.Guild.Founding do
  @moduledoc false

  # New rooms. They are written whole before anybody can know of them, in one batch, so no process is
  # needed for it.

  alias Guildhall.Guild.{Bounds, Directory, Keys}
  alias Guildhall.Model.{Channel, Guild, Member, Rights, Role, Row}
  alias Guildhall.{Store, User}

  @type id :: pos_integer()

  @spec guild(Guildhall.Instance.t(), map()) :: Guildhall.Guild.result(Guild.t())
  def guild(instance, %{owner_id: owner_id} = attrs) do
    with :ok <- Bounds.found(attrs),
         {:ok, owner} <- User.fetch(instance, owner_id),
         {:ok, ids} <- Store.next_ids(instance, 3),
         guild = new(ids, attrs),
         member = %Member{user: owner, joined_at: System.system_time(:millisecond)},
         :ok <- Store.write(instance, room_ops(guild) ++ owner_ops(guild, member)) do
      :ok = User.notify(instance, owner_id, {:joined, guild.id, :guild})
      {:ok, guild}
    end
  end

  defp new([id, text_id, voice_id], attrs) do
    text = %Channel{id: text_id, type: 0, guild_id: id, name: "general"}

    voice = %Channel{
      id: voice_id,
      type: 2,
      guild_id: id,
      name: "General",
      position: 1,
      bitrate: 64_000,
      user_limit: 0
    }

    fields = [:name, :owner_id, :icon, :description, :preferred_locale, :features]

    %Guild{id: id, system_channel_id: text_id}
    |> Map.merge(Map.take(attrs, fields))
    |> Map.merge(%{
      member_count: 1,
      roles: %{id => %Role{id: id, name: "@everyone", permissions: Rights.everyone()}},
      channels: Map.new([text, voice], &{&1.id, &1})
    })
  end

  defp owner_ops(guild, member) do
    Directory.put_ops(guild.id, nil, member) ++
      [Directory.count_op(guild.id, 1)] ++ User.member_ops(member.user.id, guild.id, :join)
  end

  defp room_ops(%Guild{id: id} = guild) do
    partition = Keys.guild(id)

    [{:put, :guilds, partition, "guild", Row.encode(guild)}] ++
      for(
        {role_id, role} <- guild.roles,
        do: {:put, :guilds, partition, Keys.role(role_id), Row.encode(role)}
      ) ++
      Enum.flat_map(guild.channels, fn {channel_id, channel} ->
        [
          {:put, :guilds, partition, Keys.channel(channel_id), Row.encode(channel)},
          {:put, :channels, Keys.id(channel_id), "room", <<1, id::64>>}
        ]
      end)
  end

  @doc "The direct message channel of two users. Both may ask for it at the same time."
  @spec direct(Guildhall.Instance.t(), id(), id()) :: Guildhall.Guild.result(Channel.t())
  def direct(_instance, user_id, user_id), do: {:error, :invalid_recipient}

  def direct(instance, user_id, recipient_id) do
    case Store.get(instance, :user_channels, Keys.id(user_id), direct_key(recipient_id)) do
      {:ok, <<channel_id::64>>} -> channel(instance, channel_id)
      :none -> open(instance, user_id, recipient_id)
      {:error, reason} -> {:error, reason}
    end
  end

  defp channel(instance, id) do
    case Store.get(instance, :guilds, Keys.guild(id), Keys.channel(id)) do
      {:ok, row} -> Row.decode(row)
      :none -> {:error, :unknown_channel}
      {:error, reason} -> {:error, reason}
    end
  end

  defp open(instance, user_id, recipient_id) do
    with {:ok, [_user, _recipient]} <- both(instance, user_id, recipient_id),
         {:ok, id} <- Store.next_id(instance),
         channel = %Channel{id: id, type: 1, recipients: [user_id, recipient_id]},
         room = %Guild{id: id, kind: :dm, channels: %{id => channel}},
         :ok <- Store.write(instance, room_ops(room) ++ index_ops(channel)) do
      for user_id <- channel.recipients,
          do: :ok = User.notify(instance, user_id, {:joined, id, :dm})

      {:ok, channel}
    else
      {:ok, users} when is_list(users) -> {:error, :unknown_user}
      # The other one opened it in between.
      {:error, :conflict} -> direct(instance, user_id, recipient_id)
      {:error, reason} -> {:error, reason}
    end
  end

  defp both(instance, user_id, recipient_id) do
    User.fetch_many(instance, [user_id, recipient_id])
  end

  defp index_ops(%Channel{id: id, recipients: [one, other]}) do
    [
      {:put_new, :user_channels, Keys.id(one), direct_key(other), <<id::64>>},
      {:put_new, :user_channels, Keys.id(other), direct_key(one), <<id::64>>}
    ]
  end

  defp direct_key(user_id), do: <<"dm", user_id::64>>
end
