defmodule Guildhall.Api.Users do
  @moduledoc false

  # The user who asks, and others.

  alias Guildhall.Api.{Call, MessageForm, Room, View}
  alias Guildhall.{Guild, User}
  alias Guildhall.Model.{Form, Limits}

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

  @spec me(Call.t()) :: Call.result()
  def me(%Call{user: user}), do: {:ok, View.self_user(user)}

  @spec get(Call.t()) :: Call.result()
  def get(%Call{instance: instance, params: %{user_id: id}}) do
    with {:ok, user} <- User.fetch(instance, id), do: {:ok, View.user(user)}
  end

  # The account is changed at once, its copies in guilds soon.
  @spec update(Call.t()) :: Call.result()
  def update(%Call{instance: instance, user: user, body: body}) do
    with {:ok, changes} <- Form.cast(body, @update),
         {:ok, user} <- User.update(instance, user.id, changes) do
      :ok = Guild.update_copies(instance)
      {:ok, View.self_user(user)}
    end
  end

  # One that was left in between is left out.
  @spec guilds(Call.t()) :: Call.result()
  def guilds(%Call{instance: instance, user: user} = call) do
    with {:ok, page} <- Form.cast(Call.query(call), @page),
         {:ok, guild_ids} <- User.guilds(instance, user.id),
         {:ok, guilds} <- Guild.summaries(instance, user.id, page(guild_ids, page)) do
      {:ok, Enum.map(guilds, &View.partial_guild(call, &1, page[:with_counts] == true))}
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
