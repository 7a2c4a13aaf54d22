defmodule Guildhall.Api.Users do
  @moduledoc false

  # The user who asks, and others.

  alias Guildhall.Api.{Call, MessageForm, Room, View}
  alias Guildhall.{Guild, User}
  alias Guildhall.Model.{Form, Limits, Rights}
  alias Guildhall.Permissions

  @update [
    username: [type: :name, length: Limits.username()],
    global_name: [type: :name, length: Limits.global_name(), nullable: true],
    avatar: [type: &MessageForm.none/1, nullable: true],
    banner: [type: &MessageForm.none/1, nullable: true]
  ]
  @page [
    limit: [type: :integer, range: 1..200],
    before: [type: :snowflake],
    after: [type: :snowflake],
    with_counts: [type: :boolean]
  ]
  # A member's copies of its user are written by this many guilds at a time.
  @copies 8

  @spec me(Call.t()) :: Call.result()
  def me(%Call{user: user}), do: {:ok, View.self_user(user)}

  @spec get(Call.t()) :: Call.result()
  def get(%Call{instance: instance, params: %{user_id: id}}) do
    with {:ok, user} <- User.fetch(instance, id), do: {:ok, View.user(user)}
  end

  @spec update(Call.t()) :: Call.result()
  def update(%Call{instance: instance, user: user, body: body}) do
    with {:ok, changes} <- Form.cast(body, @update),
         {:ok, user} <- User.update(instance, user.id, changes),
         {:ok, guild_ids} <- User.guilds(instance, user.id) do
      copy(instance, user, guild_ids)
      {:ok, View.self_user(user)}
    end
  end

  # A guild that cannot write now keeps the old name until the user changes again.
  defp copy(instance, user, guild_ids) do
    guild_ids
    |> Task.async_stream(&Guild.run(instance, &1, :operator, {:update_user, user}),
      max_concurrency: @copies,
      ordered: false,
      timeout: :infinity
    )
    |> Stream.run()
  end

  @spec guilds(Call.t()) :: Call.result()
  def guilds(%Call{instance: instance, user: user} = call) do
    with {:ok, page} <- Form.cast(Call.query(call), @page),
         {:ok, guild_ids} <- User.guilds(instance, user.id) do
      ids = page(guild_ids, page)
      shown = for id <- ids, {:ok, guild} <- [guild(call, id, page)], do: guild
      {:ok, shown}
    end
  end

  # One that was left in between is left out.
  defp guild(%Call{user: user} = call, guild_id, page) do
    call = %{call | params: %{guild_id: guild_id}}

    with {:ok, guild} <- Room.guild(call, {:get}),
         {:ok, member} <- Room.guild(call, {:member, user.id}) do
      permissions = Permissions.base(Rights.new(%{guild | channels: %{}}), Rights.member(member))
      View.partial_guild(call, guild, permissions, page[:with_counts] == true)
    end
  end

  # In the order of their ids; a page before an id is the one that ends there.
  defp page(ids, page) do
    limit = page[:limit] || 200
    ids = ids |> Enum.sort() |> Enum.filter(&(&1 > (page[:after] || 0)))

    case page[:before] do
      nil -> Enum.take(ids, limit)
      before -> ids |> Enum.filter(&(&1 < before)) |> Enum.take(-limit)
    end
  end

  @spec leave(Call.t()) :: Call.result()
  def leave(%Call{user: user} = call) do
    with {:ok, guild} <- Room.guild(call, {:get}) do
      if guild.owner_id == user.id,
        do: {:error, :owner},
        else: call |> Room.guild({:leave}) |> Room.done()
    end
  end

  @spec open_dm(Call.t()) :: Call.result()
  def open_dm(%Call{instance: instance, user: user, body: body} = call) do
    with {:ok, %{recipient_id: id}} <-
           Form.cast(body, recipient_id: [type: :snowflake, required: true]),
         {:ok, channel} <- Guild.open_dm(instance, user.id, id) do
      View.channel(call, channel)
    end
  end
end
