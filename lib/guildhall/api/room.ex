defmodule Guildhall.Api.Room do
  @moduledoc false

  # Runs a call's commands in the room that its path names.

  alias Guildhall.Api.Call
  alias Guildhall.Guild
  alias Guildhall.Permissions

  @type answer :: :ok | {:ok, term()} | {:error, term()}

  @spec guild(Call.t(), Guild.command()) :: answer()
  def guild(%Call{params: %{guild_id: guild_id}} = call, command) do
    Guild.run(call.instance, guild_id, actor(call), command)
  end

  @spec channel(Call.t(), Guild.command()) :: answer()
  def channel(%Call{} = call, command) do
    with {:ok, room_id} <- id(call), do: Guild.run(call.instance, room_id, actor(call), command)
  end

  # The room of the call's channel.
  @spec id(Call.t()) :: {:ok, pos_integer()} | {:error, term()}
  def id(%Call{instance: instance, params: %{channel_id: channel_id}}) do
    Guild.room(instance, channel_id)
  end

  # Whether the caller has all these permissions in the guild.
  @spec permit(Call.t(), [Permissions.name()]) :: :ok | {:error, term()}
  def permit(call, names) do
    needed = names |> Enum.map(&Permissions.bit/1) |> Enum.sum()
    with {:ok, _standing} <- guild(call, {:authorize, nil, needed}), do: :ok
  end

  # The answer to a command whose result nobody reads.
  @spec done(answer()) :: :no_content | {:error, term()}
  def done(:ok), do: :no_content
  def done({:ok, _result}), do: :no_content
  def done({:error, reason}), do: {:error, reason}

  defp actor(%Call{user: nil}), do: :operator
  defp actor(%Call{user: user}), do: user.id
end
