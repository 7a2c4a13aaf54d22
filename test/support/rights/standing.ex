defmodule Guildhall.Rights.Standing do
  @moduledoc false

  # A user's permissions in a guild, computed from the API's answers: the algorithm of Discord's
  # documentation over decoded JSON. It shares no code with the server, whose answers it judges.
  #
  # A snapshot has "guild", "channels", "roles", "members" and "voice", by ids as strings.

  import Bitwise

  @bits %{
    create_instant_invite: 0,
    kick_members: 1,
    ban_members: 2,
    administrator: 3,
    manage_channels: 4,
    manage_guild: 5,
    add_reactions: 6,
    view_channel: 10,
    send_messages: 11,
    manage_messages: 13,
    read_message_history: 16,
    connect: 20,
    mute_members: 22,
    deafen_members: 23,
    move_members: 24,
    change_nickname: 26,
    manage_nicknames: 27,
    manage_roles: 28,
    manage_webhooks: 29,
    moderate_members: 40,
    pin_messages: 51
  }
  @all (1 <<< 53) - 1 - (1 <<< 47)
  @with_a_message 1 <<< 12 ||| 1 <<< 14 ||| 1 <<< 15 ||| 1 <<< 17
  # Of a direct message channel, as far as routes ask for it.
  @direct [:view_channel, :send_messages, :read_message_history, :add_reactions, :pin_messages]

  @doc "The permissions that the routes ask for."
  def names, do: Map.keys(@bits)

  def mask(names), do: names |> List.wrap() |> Enum.map(&(1 <<< @bits[&1])) |> Enum.sum()

  def has?(mask, names), do: (mask &&& mask(names)) == mask(names)

  def direct, do: mask(@direct)

  @doc "A member's permissions in the guild; nobody else has any."
  def guild(snapshot, user_id) do
    base = base(snapshot, user_id)
    if administrator?(base), do: base, else: in_timeout(base, snapshot, user_id)
  end

  @doc "A member's permissions in a channel of the guild."
  def channel(snapshot, channel, user_id) do
    base = base(snapshot, user_id)

    cond do
      not is_map_key(snapshot["members"], user_id) ->
        0

      administrator?(base) ->
        base

      true ->
        base
        |> overwritten(snapshot, channel["permission_overwrites"], user_id)
        |> implied(channel["type"])
        |> in_timeout(snapshot, user_id)
    end
  end

  defp base(%{"members" => members} = snapshot, user_id) do
    cond do
      not is_map_key(members, user_id) -> 0
      snapshot["guild"]["owner_id"] == user_id -> @all
      administrator?(roles(snapshot, user_id)) -> @all
      true -> roles(snapshot, user_id)
    end
  end

  defp roles(snapshot, user_id) do
    for id <- [snapshot["guild"]["id"] | snapshot["members"][user_id]["roles"]], reduce: 0 do
      mask -> mask ||| String.to_integer(snapshot["roles"][id]["permissions"])
    end
  end

  defp overwritten(mask, snapshot, overwrites, user_id) do
    everyone = snapshot["guild"]["id"]
    roles = snapshot["members"][user_id]["roles"]
    member? = &(&1["type"] == 1 and &1["id"] == user_id)

    mask
    |> put(Enum.filter(overwrites, &(&1["type"] == 0 and &1["id"] == everyone)))
    |> put(Enum.filter(overwrites, &(&1["type"] == 0 and &1["id"] in (roles -- [everyone]))))
    |> put(Enum.filter(overwrites, member?))
  end

  defp put(mask, overwrites) do
    [allow, deny] = for key <- ["allow", "deny"], do: together(overwrites, key)
    (mask &&& ~~~deny) ||| allow
  end

  defp together(overwrites, key) do
    for overwrite <- overwrites, reduce: 0, do: (mask -> mask ||| bits(overwrite, key))
  end

  def bits(nil, _key), do: 0
  def bits(overwrite, key), do: String.to_integer(overwrite[key])

  defp implied(mask, type) do
    cond do
      not has?(mask, :view_channel) -> 0
      type in [2, 13] and not has?(mask, :connect) -> mask(:view_channel)
      not has?(mask, :send_messages) -> mask &&& ~~~@with_a_message
      true -> mask
    end
  end

  defp in_timeout(mask, snapshot, user_id) do
    until = snapshot["members"][user_id]["communication_disabled_until"]

    if until && until > DateTime.to_iso8601(DateTime.utc_now()),
      do: mask &&& mask([:view_channel, :read_message_history]),
      else: mask
  end

  def administrator?(mask), do: has?(mask, :administrator)

  @doc "Whether the member may act on the other one, as far as roles say."
  def outranks?(snapshot, user_id, other_id) do
    owner = snapshot["guild"]["owner_id"]

    user_id != other_id and other_id != owner and
      (user_id == owner or top(snapshot, user_id) > top(snapshot, other_id))
  end

  @doc "Whether a role at this position is below the member's highest one."
  def above?(snapshot, user_id, role_id, position \\ nil) do
    position = position || snapshot["roles"][role_id]["position"]

    snapshot["guild"]["owner_id"] == user_id or
      top(snapshot, user_id) > {position, -String.to_integer(role_id)}
  end

  defp top(snapshot, user_id) do
    ids = [snapshot["guild"]["id"] | snapshot["members"][user_id]["roles"]]
    Enum.max(for id <- ids, do: {snapshot["roles"][id]["position"], -String.to_integer(id)})
  end

  @doc "Whether all bits are the actor's that change if these overwrites take the place of those."
  def own_overwrites?(own, old, new) do
    keyed = &Map.new(&1, fn overwrite -> {{overwrite["type"], overwrite["id"]}, overwrite} end)
    {old, new} = {keyed.(old), keyed.(new)}

    Enum.all?(Map.keys(Map.merge(old, new)), fn key ->
      Enum.all?(["allow", "deny"], &own?(own, bits(old[key], &1), bits(new[key], &1)))
    end)
  end

  @doc "Whether all bits that change are the actor's."
  def own?(own, from, to), do: (bxor(from, to) &&& ~~~own) == 0
end
