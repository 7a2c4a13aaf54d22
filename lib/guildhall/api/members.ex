defmodule Guildhall.Api.Members do
  @moduledoc false

  # Members of a guild.
  #
  # A bot adds a person with the person's consent, which is what Discord's `access_token` says; here
  # it is the person's own token.

  alias Guildhall.Api.{Call, Room, View}
  alias Guildhall.{Guild, User}
  alias Guildhall.Model.{Form, Intents, Limits}

  @page [limit: [type: :integer, range: 1..1_000], after: [type: :snowflake]]
  @search [
    query: [type: :string, length: 1..100, required: true],
    limit: [type: :integer, range: 1..1_000]
  ]
  @nick [type: :name, length: Limits.nick(), nullable: true]
  @join [
    nick: @nick,
    roles: [type: {:list, :snowflake}, length: 0..Limits.roles()],
    mute: [type: :boolean],
    deaf: [type: :boolean]
  ]
  @add [access_token: [type: :string, length: 1..255, required: true]] ++ @join
  @update [
    nick: @nick,
    roles: [type: {:list, :snowflake}, length: 0..Limits.roles(), nullable: true],
    mute: [type: :boolean, nullable: true],
    deaf: [type: :boolean, nullable: true],
    channel_id: [type: :snowflake, nullable: true],
    timeout_until: [type: :timestamp, key: "communication_disabled_until", nullable: true],
    flags: [type: :integer, range: 0..0x7FFF_FFFF, nullable: true]
  ]

  @spec list(Call.t()) :: Call.result()
  def list(%Call{instance: instance, params: %{guild_id: guild_id}} = call) do
    with {:ok, page} <- Form.cast(Call.query(call), @page),
         :ok <- enumerable(call),
         {:ok, _guild} <- Room.guild(call, {:get}),
         page = [after: page[:after] || 0, limit: page[:limit] || 1],
         {:ok, members} <- Guild.members(instance, guild_id, page) do
      {:ok, Enum.map(members, &View.member/1)}
    end
  end

  @spec search(Call.t()) :: Call.result()
  def search(%Call{instance: instance, params: %{guild_id: guild_id}} = call) do
    with {:ok, search} <- Form.cast(Call.query(call), @search),
         {:ok, _guild} <- Room.guild(call, {:get}),
         limit = search[:limit] || 1,
         {:ok, members} <- Guild.search_members(instance, guild_id, search.query, limit) do
      {:ok, Enum.map(members, &View.member/1)}
    end
  end

  @spec get(Call.t()) :: Call.result()
  def get(%Call{params: %{user_id: user_id}} = call), do: member(call, {:member, user_id})

  @spec get_own(Call.t()) :: Call.result()
  def get_own(%Call{user: user} = call), do: member(call, {:member, user.id})

  @spec add(Call.t()) :: Call.result()
  def add(%Call{params: %{user_id: user_id}, body: body} = call) do
    with {:ok, %{access_token: token} = attrs} <- Form.cast(body, @add),
         :ok <- consent(call, token, user_id) do
      command = {:add_member, user_id, Map.delete(attrs, :access_token)}
      call |> Room.guild(command) |> added()
    end
  end

  # What a member can be added with, and the answer to adding one.
  @spec form(term()) :: {:ok, map()} | {:error, {:invalid, Form.tree()}}
  def form(body), do: Form.cast(body, @join)

  @spec added(Room.answer()) :: Call.result()
  def added({:ok, :exists}), do: :no_content
  def added({:ok, member}), do: {:created, View.member(member)}
  def added({:error, reason}), do: {:error, reason}

  @spec update(Call.t()) :: Call.result()
  def update(%Call{params: %{user_id: user_id}, body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, @update) do
      member(call, {:update_member, user_id, attrs})
    end
  end

  @spec update_own(Call.t()) :: Call.result()
  def update_own(%Call{user: user, body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, nick: @nick) do
      member(call, {:update_member, user.id, attrs})
    end
  end

  @spec remove(Call.t()) :: Call.result()
  def remove(%Call{params: %{user_id: user_id}} = call) do
    call |> Room.guild({:remove_member, user_id}) |> Room.done()
  end

  @spec add_role(Call.t()) :: Call.result()
  def add_role(%Call{params: %{user_id: user_id, role_id: role_id}} = call) do
    call |> Room.guild({:add_role, user_id, role_id}) |> Room.done()
  end

  @spec remove_role(Call.t()) :: Call.result()
  def remove_role(%Call{params: %{user_id: user_id, role_id: role_id}} = call) do
    call |> Room.guild({:remove_role, user_id, role_id}) |> Room.done()
  end

  defp member(call, command) do
    with {:ok, member} <- Room.guild(call, command), do: {:ok, View.member(member)}
  end

  defp consent(%Call{instance: instance}, token, user_id) do
    case User.authenticate(instance, token) do
      {:ok, %{id: ^user_id, bot: false}} -> :ok
      _other -> {:error, :invalid_token}
    end
  end

  # All members of a guild are for bots that were granted the intent.
  defp enumerable(%Call{instance: instance, user: %{bot: true} = user}) do
    with {:ok, application} <- User.application(instance, user.id) do
      if Intents.disallowed(Intents.bit(:guild_members), application.intents) == 0,
        do: :ok,
        else: {:error, :missing_access}
    end
  end

  defp enumerable(_call), do: :ok
end
