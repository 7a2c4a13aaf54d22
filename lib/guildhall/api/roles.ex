defmodule Guildhall.Api.Roles do
  @moduledoc false

  # Roles of a guild.

  alias Guildhall.Api.{Call, MessageForm, Room, View}
  alias Guildhall.Model.{Form, Limits}

  @color [type: :integer, range: 0..0xFFFFFF]
  @role [
    name: [type: :name, length: Limits.role_name()],
    permissions: [type: :permissions],
    color: @color,
    colors: [type: {:form, [primary_color: [required: true] ++ @color]}],
    hoist: [type: :boolean],
    icon: [type: &MessageForm.none/1, nullable: true],
    unicode_emoji: [type: :string, length: Limits.role_emoji(), nullable: true],
    mentionable: [type: :boolean]
  ]
  @move [
    id: [type: :snowflake, required: true],
    position: [type: :integer, range: Limits.position(), nullable: true]
  ]

  @spec list(Call.t()) :: Call.result()
  def list(call) do
    with {:ok, guild} <- Room.guild(call, {:get}), do: {:ok, View.roles(Map.values(guild.roles))}
  end

  @spec get(Call.t()) :: Call.result()
  def get(%Call{params: %{role_id: id}} = call) do
    with {:ok, guild} <- Room.guild(call, {:get}) do
      case guild.roles do
        %{^id => role} -> {:ok, View.role(role)}
        %{} -> {:error, :unknown_role}
      end
    end
  end

  @spec create(Call.t()) :: Call.result()
  def create(call) do
    with {:ok, attrs} <- attrs(call),
         {:ok, role} <- Room.guild(call, {:create_role, attrs}) do
      {:ok, View.role(role)}
    end
  end

  @spec update(Call.t()) :: Call.result()
  def update(%Call{params: %{role_id: id}} = call) do
    with {:ok, attrs} <- attrs(call),
         {:ok, role} <- Room.guild(call, {:update_role, id, attrs}) do
      {:ok, View.role(role)}
    end
  end

  @spec move(Call.t()) :: Call.result()
  def move(%Call{body: body} = call) do
    with {:ok, moves} <-
           Form.cast_value(body, {:list, {:form, @move}}, length: 0..Limits.roles()),
         {:ok, roles} <- Room.guild(call, {:move_roles, moves}) do
      {:ok, View.roles(roles)}
    end
  end

  @spec delete(Call.t()) :: Call.result()
  def delete(%Call{params: %{role_id: id}} = call) do
    call |> Room.guild({:delete_role, id}) |> Room.done()
  end

  defp attrs(%Call{body: body}) do
    with {:error, tree} <- form(body), do: {:error, {:invalid, tree}}
  end

  # The newer `colors` may hold a gradient, of which the first is the role's colour.
  @spec form(term()) :: {:ok, map()} | {:error, Form.tree()}
  def form(body) do
    case Form.cast(body, @role) do
      {:ok, %{colors: %{primary_color: color}} = attrs} ->
        {:ok, attrs |> Map.delete(:colors) |> Map.put(:color, color)}

      {:ok, attrs} ->
        {:ok, attrs}

      {:error, {:invalid, tree}} ->
        {:error, tree}
    end
  end
end
