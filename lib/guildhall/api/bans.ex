defmodule Guildhall.Api.Bans do
  @moduledoc false

  # Who may not come back to a guild. The reason is the header that audit logs show.

  alias Guildhall.Api.{Call, Room, View}
  alias Guildhall.Guild
  alias Guildhall.Model.{Form, Limits}

  @page [
    limit: [type: :integer, range: 1..1_000],
    before: [type: :snowflake],
    after: [type: :snowflake]
  ]
  @week 604_800
  @put [
    delete_message_seconds: [type: :integer, range: 0..@week],
    delete_message_days: [type: :integer, range: 0..7]
  ]
  @bulk [
    user_ids: [type: {:list, :snowflake}, length: Limits.bulk_ban(), required: true],
    delete_message_seconds: [type: :integer, range: 0..@week]
  ]

  @spec list(Call.t()) :: Call.result()
  def list(%Call{instance: instance, user: user, params: %{guild_id: guild_id}} = call) do
    with {:ok, page} <- Form.cast(Call.query(call), @page),
         {:ok, bans} <- Guild.bans(instance, guild_id, user.id, Keyword.new(page)) do
      {:ok, Enum.map(bans, &View.ban/1)}
    end
  end

  @spec get(Call.t()) :: Call.result()
  def get(%Call{instance: instance, user: user, params: %{guild_id: guild_id} = params}) do
    with {:ok, ban} <- Guild.ban(instance, guild_id, user.id, params.user_id) do
      {:ok, View.ban(ban)}
    end
  end

  @spec put(Call.t()) :: Call.result()
  def put(%Call{params: %{user_id: user_id}, body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, @put) do
      seconds = attrs[:delete_message_seconds] || (attrs[:delete_message_days] || 0) * 86_400
      call |> ban(user_id, seconds) |> Room.done()
    end
  end

  @spec put_many(Call.t()) :: Call.result()
  def put_many(%Call{body: body} = call) do
    with {:ok, attrs} <- Form.cast(body, @bulk),
         :ok <- Room.permit(call, [:ban_members, :manage_guild]) do
      seconds = attrs[:delete_message_seconds] || 0

      {banned, failed} =
        attrs.user_ids |> Enum.uniq() |> Enum.split_with(&banned?(ban(call, &1, seconds)))

      case banned do
        [] -> {:error, :bulk_ban_failed}
        _some -> {:ok, %{banned_users: View.ids(banned), failed_users: View.ids(failed)}}
      end
    end
  end

  @spec delete(Call.t()) :: Call.result()
  def delete(%Call{params: %{user_id: user_id}} = call) do
    call |> Room.guild({:unban, user_id}) |> Room.done()
  end

  defp ban(call, user_id, seconds) do
    attrs = %{reason: Call.audit_reason(call), delete_message_seconds: seconds}
    Room.guild(call, {:ban, user_id, attrs})
  end

  defp banned?({:error, _reason}), do: false
  defp banned?(_done), do: true
end
