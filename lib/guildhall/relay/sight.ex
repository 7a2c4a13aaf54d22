defmodule Guildhall.Relay.Sight do
  @moduledoc false

  # Who may see what: the permission algorithm, asked once per set of roles instead of once per
  # session.
  #
  # Time plays no part: a timeout never takes VIEW_CHANNEL away, so nothing has to be looked at
  # again when one ends.

  import Bitwise

  alias Guildhall.Model.{Channel, Guild, Member, Rights}
  alias Guildhall.Permissions

  @view Permissions.bit(:view_channel)

  @typedoc "The room as a whole, or one of its channels."
  @type place :: :room | Channel.t()

  @typedoc "What channels that everyone sees alike have in common."
  @type class :: :room | :orphan | [{id :: pos_integer(), :role | :member, mask(), mask()}]

  @typep mask :: non_neg_integer()
  @type memo :: %{optional([pos_integer()]) => boolean()}

  @doc "The place whose overwrites count for a channel: a thread's are its parent's."
  @spec place(Guild.t(), channel_id :: pos_integer()) :: Channel.t() | nil
  def place(%Guild{channels: channels}, channel_id) do
    case channels do
      %{^channel_id => %Channel{type: type, parent_id: parent_id} = channel}
      when type in 10..12 ->
        Map.get(channels, parent_id, channel)

      %{^channel_id => channel} ->
        channel

      %{} ->
        nil
    end
  end

  @doc "Equal for channels that the same members see, whatever their roles."
  @spec class(place()) :: class()
  def class(:room), do: :room
  def class(%Channel{type: type}) when type in 10..12, do: :orphan

  def class(%Channel{overwrites: overwrites}) do
    Enum.sort(
      for {id, %{type: type, allow: allow, deny: deny}} <- overwrites,
          ((allow ||| deny) &&& @view) != 0 do
        {id, type, allow &&& @view, deny &&& @view}
      end
    )
  end

  @doc "Whether a member sees the place and has one of the guild permissions (0: none is needed)."
  @spec allowed?(Guild.t(), Member.t() | nil, place(), mask()) :: boolean()
  def allowed?(%Guild{kind: :dm}, _member, _place, permissions), do: permissions == 0
  def allowed?(_guild, nil, _place, _permissions), do: false

  def allowed?(guild, member, place, permissions) do
    holds?(guild, member, permissions) and sees?(guild, member, place)
  end

  @doc "The same, remembering answers in a memo that is for one place and one mask."
  @spec allowed?(Guild.t(), Member.t() | nil, place(), mask(), memo()) :: {boolean(), memo()}
  def allowed?(%Guild{kind: :guild} = guild, %Member{} = member, place, permissions, memo) do
    with false <- exceptional?(guild, member, place),
         {:ok, allowed?} <- Map.fetch(memo, member.roles) do
      {allowed?, memo}
    else
      true ->
        {allowed?(guild, member, place, permissions), memo}

      :error ->
        allowed? = allowed?(guild, member, place, permissions)
        {allowed?, Map.put(memo, member.roles, allowed?)}
    end
  end

  def allowed?(guild, member, place, permissions, memo) do
    {allowed?(guild, member, place, permissions), memo}
  end

  # What a member may do follows from the roles, but for the owner and for overwrites of a member.
  defp exceptional?(%Guild{owner_id: id}, %Member{user: %{id: id}}, _place), do: true
  defp exceptional?(_guild, _member, :room), do: false
  defp exceptional?(_guild, member, channel), do: is_map_key(channel.overwrites, member.user.id)

  defp holds?(_guild, _member, 0), do: true

  defp holds?(guild, member, permissions),
    do: (Permissions.base(rights(guild, %{}), Rights.member(member)) &&& permissions) != 0

  defp sees?(_guild, _member, :room), do: true

  defp sees?(guild, member, channel) do
    rights = rights(guild, %{channel.id => channel})
    (Permissions.in_channel(rights, channel.id, Rights.member(member)) &&& @view) != 0
  end

  defp rights(guild, channels), do: Rights.new(%{guild | channels: channels})
end
