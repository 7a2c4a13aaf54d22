defmodule Guildhall.Guild.Overwrites do
  @moduledoc false

  # Overwrites of a channel: what it allows and denies to single roles and members. Only bits that
  # the actor has himself may change hands.

  @behaviour Guildhall.Guild.Concern

  alias Guildhall.Guild.{Authority, Channels, Plan}
  alias Guildhall.Model.{Form, Guild, Limits, Overwrite}
  alias Guildhall.Permissions

  @limit Limits.channel_overwrites()
  @manage Permissions.bit(:manage_roles)

  @impl true
  def facts(_actor, _command), do: []

  @impl true
  def keys(_state, %{actor: actor}), do: {[{:member, actor}], [:guild]}

  @impl true
  def decide(state, %{command: {:put_overwrite, channel_id, overwrite}} = request) do
    with {:ok, %{channel: channel} = authority} <- manager(state, request, channel_id),
         overwrites = Map.put(channel.overwrites, overwrite.id, overwrite),
         {:ok, plan} <- change(state, authority, channel, overwrites),
         :ok <- role(state.guild, overwrite),
         :ok <- targets(state.guild, [overwrite]) do
      {:ok, plan}
    end
  end

  def decide(state, %{command: {:delete_overwrite, channel_id, id}} = request) do
    with {:ok, %{channel: channel} = authority} <- manager(state, request, channel_id) do
      case Map.pop(channel.overwrites, id) do
        {nil, _overwrites} -> {:error, :unknown_overwrite}
        {_overwrite, overwrites} -> change(state, authority, channel, overwrites)
      end
    end
  end

  @type overwrites :: %{optional(pos_integer()) => Overwrite.t()}

  @doc "Whether the actor may put these overwrites in the place of those."
  @spec allowed(Authority.t(), overwrites(), overwrites()) ::
          :ok | {:error, Guildhall.Guild.reason()}
  def allowed(_authority, same, same), do: :ok

  def allowed(_authority, _old, new) when map_size(new) > @limit do
    {:error, Form.error("permission_overwrites", "BASE_TYPE_MAX_LENGTH", "Too many overwrites")}
  end

  def allowed(authority, old, new) do
    changes =
      for id <- Enum.uniq(Map.keys(old) ++ Map.keys(new)),
          change <- Authority.overwrite_changes(Map.get(old, id), Map.get(new, id)),
          do: change

    Authority.own_bits(authority, changes)
  end

  defp manager(state, request, channel_id) do
    Authority.in_channel(state, request, channel_id, @manage)
  end

  @doc "Whether none of the overwrites takes a role for a member, which would end the role's overwrite."
  @spec targets(Guild.t(), [Overwrite.t()]) :: :ok | {:error, :unknown_member}
  def targets(%Guild{roles: roles}, overwrites) do
    if Enum.any?(overwrites, &(&1.type == :member and is_map_key(roles, &1.id))),
      do: {:error, :unknown_member},
      else: :ok
  end

  defp role(guild, %Overwrite{type: :role, id: id}) do
    with {:ok, _role} <- Authority.role(guild, id), do: :ok
  end

  defp role(_guild, %Overwrite{type: :member}), do: :ok

  defp change(_state, _authority, %{overwrites: same}, same), do: {:ok, %Plan{}}

  defp change(state, authority, channel, overwrites) do
    with :ok <- allowed(authority, channel.overwrites, overwrites) do
      {:ok, Channels.changed(state, [%{channel | overwrites: overwrites}])}
    end
  end
end
