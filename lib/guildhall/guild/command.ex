defmodule Guildhall.Guild.Command do
  @moduledoc false

  # Which concern a command belongs to.

  alias Guildhall.Guild.{
    Bans,
    Bounds,
    Channels,
    Concern,
    Editing,
    Facts,
    Members,
    Overwrites,
    Pins,
    Posting,
    Reactions,
    Reading,
    Request,
    Roles,
    Settings,
    State
  }

  @concerns %{
    Reading => [:get, :channel, :channels, :member, :authorize, :presences, :counts],
    Posting => [:create_message, :typing],
    Editing => [:edit_message, :delete_message, :delete_messages],
    Pins => [:pin, :unpin],
    Reactions => [:add_reaction, :remove_reaction, :clear_reactions],
    Settings => [:update_guild, :delete_guild],
    Channels => [:create_channel, :update_channel, :delete_channel, :move_channels],
    Overwrites => [:put_overwrite, :delete_overwrite],
    Roles => [:create_role, :update_role, :delete_role, :move_roles],
    Members => [
      :add_member,
      :update_member,
      :remove_member,
      :add_role,
      :remove_role,
      :leave,
      :update_user
    ],
    Bans => [:ban, :unban]
  }

  @concern_of for {concern, names} <- @concerns, name <- names, into: %{}, do: {name, concern}
  @creators [:create_message, :create_channel, :create_role, :add_member, :add_reaction]

  @doc """
  Rows that the command will probably be decided on.

  Who acts in a guild is mostly known to its room; who acts in a direct message channel, whose room
  has its id, is not.
  """
  @spec facts(room_id :: pos_integer(), Guildhall.Guild.actor(), Guildhall.Guild.command()) ::
          [Facts.key()]
  def facts(room_id, actor, command) do
    acting = if direct?(room_id, command) and actor != :operator, do: [{:user, actor}], else: []
    acting ++ Enum.reject(concern(command).facts(actor, command), &(elem(&1, 1) == :operator))
  end

  @spec keys(State.t(), Request.t()) :: Concern.keys()
  def keys(state, %Request{command: command} = request), do: concern(command).keys(state, request)

  @spec decide(State.t(), Request.t()) :: Concern.decision()
  def decide(state, %Request{command: command} = request) do
    with {:ok, plan} <- concern(command).decide(state, request),
         :ok <- Bounds.check(state, plan),
         do: {:ok, plan}
  end

  @doc "Whether the command needs a fresh id."
  @spec creates?(Guildhall.Guild.command()) :: boolean()
  def creates?(command), do: elem(command, 0) in @creators

  defp direct?(room_id, command), do: tuple_size(command) > 1 and elem(command, 1) == room_id

  defp concern(command), do: Map.fetch!(@concern_of, elem(command, 0))
end
