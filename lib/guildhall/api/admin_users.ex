defmodule Guildhall.Api.AdminUsers do
  @moduledoc false

  # People and bots, made by the operator. A token is shown to nobody else.

  alias Guildhall.Api.{Call, View}
  alias Guildhall.Model.{Form, Intents, Limits}
  alias Guildhall.User

  @intents %{
    "guild_members" => Intents.bit(:guild_members),
    "guild_presences" => Intents.bit(:guild_presences),
    "message_content" => Intents.bit(:message_content)
  }
  @user [
    username: [type: :name, length: Limits.username(), required: true],
    global_name: [type: :name, length: Limits.global_name(), nullable: true]
  ]
  @bot @user ++
         [
           owner_id: [type: :snowflake],
           description: [type: :string, length: 0..400],
           public: [type: :boolean],
           intents: [type: {:list, {:in, @intents}}, length: 0..3]
         ]

  @spec create(Call.t()) :: Call.result()
  def create(%Call{instance: instance, body: body}) do
    with {:ok, attrs} <- Form.cast(body, @user),
         {:ok, user} <- User.create(instance, attrs),
         {:ok, token} <- User.token(instance, user.id) do
      {:created, %{user: View.user(user), token: token}}
    end
  end

  @spec create_bot(Call.t()) :: Call.result()
  def create_bot(%Call{instance: instance, body: body}) do
    with {:ok, attrs} <- Form.cast(body, @bot),
         intents = attrs |> Map.get(:intents, []) |> Enum.uniq() |> Enum.sum(),
         {:ok, user, application} <-
           User.create_bot(instance, Map.put(attrs, :intents, intents)),
         {:ok, token} <- User.token(instance, user.id) do
      {:created,
       %{
         user: View.user(user),
         application: View.basic_application(application),
         intents: intents(application),
         token: token
       }}
    end
  end

  @spec get(Call.t()) :: Call.result()
  def get(%Call{instance: instance, params: %{user_id: id}}) do
    with {:ok, user} <- User.fetch(instance, id),
         {:ok, guild_ids} <- User.guilds(instance, id) do
      {:ok, %{user: View.user(user), guilds: View.ids(guild_ids)}}
    end
  end

  @spec token(Call.t()) :: Call.result()
  def token(%Call{instance: instance, params: %{user_id: id}}) do
    with {:ok, token} <- User.token(instance, id), do: {:ok, %{token: token}}
  end

  # The next token is another one.
  @spec revoke(Call.t()) :: Call.result()
  def revoke(%Call{instance: instance, params: %{user_id: id}}) do
    with :ok <- User.revoke(instance, id), do: :no_content
  end

  defp intents(application) do
    for {name, bit} <- @intents, Intents.disallowed(bit, application.intents) == 0, do: name
  end
end
