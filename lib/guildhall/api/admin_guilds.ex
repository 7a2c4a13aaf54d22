defmodule Guildhall.Api.AdminGuilds do
  @moduledoc false

  # Guilds, founded and filled by the operator. A guild that cannot be made as asked is not made.

  alias Guildhall.Api.{Call, Channels, Members, Roles, Room, View}
  alias Guildhall.Guild
  alias Guildhall.Model.{Form, Limits}

  @create [
    name: [type: :name, length: Limits.guild_name(), required: true],
    owner_id: [type: :snowflake, required: true],
    description: [type: :string, length: Limits.guild_description(), nullable: true],
    roles: [type: {:list, &Roles.form/1}, length: 0..(Limits.roles() - 1)],
    channels: [type: {:list, &Channels.form/1}, length: 0..(Limits.channels() - 2)],
    members: [type: {:list, :snowflake}, length: 0..1_000]
  ]

  @spec create(Call.t()) :: Call.result()
  def create(%Call{instance: instance, body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, @create),
         {parts, attrs} = Map.split(attrs, [:roles, :channels, :members]),
         {:ok, guild} <- Guild.create(instance, attrs) do
      call = %{call | params: %{guild_id: guild.id}}

      case fill(call, parts, guild.owner_id) do
        :ok ->
          with {:ok, guild} <- Room.guild(call, {:get}),
               {:ok, shown} <- View.guild(call, guild, false),
               do:
                 {:created,
                  Map.put(shown, :channels, View.guild_channels(Map.values(guild.channels)))}

        {:error, reason} ->
          with :ok <- Room.guild(call, {:delete_guild}), do: {:error, reason}
      end
    end
  end

  defp fill(call, parts, owner_id) do
    roles = for attrs <- parts[:roles] || [], do: {:create_role, attrs}
    channels = for attrs <- parts[:channels] || [], do: {:create_channel, attrs}
    members = for id <- parts[:members] || [], id != owner_id, do: {:add_member, id, %{}}

    Enum.reduce_while(roles ++ channels ++ members, :ok, fn command, :ok ->
      case Room.guild(call, command) do
        {:ok, _made} -> {:cont, :ok}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end

  @spec delete(Call.t()) :: Call.result()
  def delete(call), do: call |> Room.guild({:delete_guild}) |> Room.done()

  @spec add_member(Call.t()) :: Call.result()
  def add_member(%Call{params: %{user_id: user_id}, body: body} = call) do
    with {:ok, attrs} <- Members.form(body) do
      call |> Room.guild({:add_member, user_id, attrs}) |> Members.added()
    end
  end
end
