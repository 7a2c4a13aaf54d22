defmodule Guildhall.Rights.GuildRules do
  @moduledoc false

  # The rules of `Guildhall.Rights.Oracle` for the routes of a guild.

  import Guildhall.Rights.Oracle
  import Guildhall.Rights.Standing, except: [guild: 2, channel: 3]

  alias Guildhall.Rights.{ChannelRules, MemberRules, Standing}

  def rule(%{path: path} = route, world) do
    {guild, stage} = a_guild(world)

    rule =
      case path do
        "/users/@me" <> rest -> rule(route.method, "@me" <> rest, world)
        "/guilds/{guild_id}/members" <> rest -> MemberRules.rule(route.method, rest, world)
        "/guilds/{guild_id}" <> rest -> rule(route.method, rest, world)
      end

    stages = [stage | if(stage == [], do: Map.get(rule, :stages, []), else: [])]
    params = Map.merge(%{guild_id: guild}, Map.get(rule, :params, %{}))
    Map.merge(rule, %{params: params, stages: stages})
  end

  defp rule("GET", "@me/guilds/{guild_id}/member", _world), do: %{}

  defp rule("DELETE", "@me/guilds/{guild_id}", world) do
    %{stages: [stage([{world.snapshot["guild"]["owner_id"] == actor(world), :guild_owner}])]}
  end

  defp rule("GET", free, _world)
       when free in ["", "/threads/active", "/emojis", "/stickers", "/scheduled-events", "/roles"],
       do: %{}

  defp rule("GET", "/invites", world), do: %{stages: [needs_in(world, :manage_guild)]}
  defp rule("GET", "/webhooks", world), do: %{stages: [needs_in(world, :manage_webhooks)]}

  defp rule("PATCH", "", world) do
    {body, refused} =
      case Enum.random(1..4) do
        1 -> owner(world)
        2 -> {%{name: "g#{Enum.random(1..9)}"}, []}
        _else -> setting(world)
      end

    %{body: body, stages: [needs_in(world, :manage_guild) ++ refused]}
  end

  # Every channel that is listed is one that the actor sees.
  defp rule("GET", "/channels", world) do
    visible =
      for {id, channel} <- world.snapshot["channels"],
          channel_place(world, channel).stage == [],
          do: id

    shows = fn channels ->
      Enum.sort(for(c <- channels, do: c["id"]) -- [world.marker_id]) == Enum.sort(visible)
    end

    %{shows: shows}
  end

  defp rule("POST", "/channels", world) do
    type = pick([0, 2, 4])
    categories = for {id, %{"type" => 4}} <- world.snapshot["channels"], do: id
    parent = if type != 4, do: pick([nil | categories])
    overwrites = some_overwrites(world)
    own? = own_overwrites?(permissions(world), [], shown(overwrites))
    body = %{name: "new", type: type, parent_id: parent, permission_overwrites: overwrites}

    parents =
      if parent, do: ChannelRules.manageable(world, world.snapshot["channels"][parent]), else: []

    refused = parents ++ stage([{not own?, :missing_permissions}])
    %{body: body, stages: [needs_in(world, :manage_channels) ++ refused]}
  end

  defp rule("PATCH", "/channels", world) do
    channels = world.snapshot["channels"] |> Map.values() |> Enum.take_random(Enum.random(1..3))
    moves = for channel <- channels, do: move(channel, world)

    moves =
      if Enum.random(1..15) == 1, do: moves ++ [{%{id: "5"}, [:unknown_channel]}], else: moves

    {body, refused} = Enum.unzip(moves)
    %{body: body, stages: [needs_in(world, :manage_channels) ++ Enum.concat(refused)]}
  end

  defp rule("GET", "/bans", world), do: %{stages: [needs_in(world, :ban_members)]}

  defp rule("POST", "/bulk-ban", world) do
    users = Enum.take_random(anybody(world), Enum.random(1..2))
    none? = Enum.all?(users, &(bannable(world, &1) != []))
    needed = needs_in(world, [:ban_members, :manage_guild])
    %{body: %{user_ids: users}, stages: [needed, stage([{none?, :nobody_banned}])]}
  end

  defp rule(method, "/bans/{user_id}", world) do
    user = pick(anybody(world))
    unknown = stage([{user not in world.snapshot["bans"], :unknown_ban}])
    refused = if method == "PUT", do: bannable(world, user), else: unknown
    body = if method == "PUT", do: %{delete_message_seconds: pick([0, 60])}
    %{params: %{user_id: user}, body: body, stages: [needs_in(world, :ban_members), refused]}
  end

  defp rule("POST", "/roles", world) do
    body = %{name: "new", permissions: small_mask()}
    own? = own?(permissions(world), 0, String.to_integer(body.permissions))
    refused = stage([{not own?, :missing_permissions}])
    %{body: body, stages: [needs_in(world, :manage_roles) ++ refused]}
  end

  defp rule("PATCH", "/roles", world) do
    roles = world.snapshot["roles"] |> Map.values() |> Enum.take_random(Enum.random(1..3))
    moves = for role <- roles, do: {%{id: role["id"], position: Enum.random(1..6)}, role}
    refused = for {%{position: position}, role} <- moves, do: sorted(world, role, position)
    unknown = if Enum.random(1..15) == 1, do: [%{id: "5", position: 1}], else: []
    body = for({move, _role} <- moves, do: move) ++ unknown
    refused = Enum.concat(refused) ++ stage([{unknown != [], :unknown_role}])
    %{body: body, stages: [needs_in(world, :manage_roles), refused]}
  end

  defp rule(method, "/roles/{role_id}", world) do
    {id, role} = a_role(world)

    body =
      if method == "PATCH",
        do: pick([%{permissions: small_mask()}, %{name: "n#{Enum.random(1..9)}"}])

    stages =
      case {method, role} do
        {"GET", nil} ->
          [[:unknown_role]]

        {"GET", _role} ->
          []

        {_write, nil} ->
          [needs_in(world, :manage_roles) ++ [:unknown_role]]

        {"PATCH", role} ->
          [needs_in(world, :manage_roles) ++ above(world, id) ++ own(world, role, body)]

        {"DELETE", _role} ->
          [needs_in(world, :manage_roles) ++ deletable(world, id)]
      end

    %{params: %{role_id: id}, body: body, stages: stages}
  end

  @doc "What the actor lacks in the guild."
  def needs_in(world, names), do: stage([{lacks?(world, names), :missing_permissions}])

  @doc "A role of the guild, sometimes none."
  def a_role(world) do
    if Enum.random(1..15) == 1, do: {"5", nil}, else: pick(Map.to_list(world.snapshot["roles"]))
  end

  @doc "The refusal of a role that is not below the actor's highest one."
  def above(world, role_id) do
    above? = member?(world) and above?(world.snapshot, actor(world), role_id)
    stage([{not above?, :missing_permissions}])
  end

  defp owner(world) do
    heir = pick([world.snapshot["guild"]["owner_id"], id(world, :target), id(world, :stranger)])
    {%{owner_id: heir}, [:missing_permissions]}
  end

  defp setting(world) do
    name = pick(~w(afk_channel_id system_channel_id rules_channel_id public_updates_channel_id))
    id = pick([nil, "5" | Map.keys(world.snapshot["channels"])])

    refused =
      cond do
        id == world.snapshot["guild"][name] or id == nil -> []
        id == "5" -> [:unknown_channel]
        true -> channel_place(world, world.snapshot["channels"][id]).stage
      end

    {%{name => id}, refused}
  end

  # A move with what refuses it.
  defp move(channel, world) do
    categories = for {id, %{"type" => 4}} <- world.snapshot["channels"], do: id
    move = %{id: channel["id"], position: pick([channel["position"], Enum.random(0..9)])}

    move =
      if channel["type"] != 4 and Enum.random(1..2) == 1,
        do:
          Map.merge(move, %{
            parent_id: pick([nil | categories]),
            lock_permissions: pick([true, false])
          }),
        else: move

    {move, channel_place(world, channel).stage ++ moved(channel, move, world)}
  end

  defp moved(channel, move, world) do
    place = channel_place(world, channel)
    parent = world.snapshot["channels"][move[:parent_id]]
    old = channel["permission_overwrites"]
    new = if parent && move.lock_permissions, do: parent["permission_overwrites"], else: old
    synced? = MapSet.new(old) != MapSet.new(new)
    moved? = is_map_key(move, :parent_id) and move.parent_id != channel["parent_id"]
    changed? = synced? or moved? or move.position != channel["position"]
    own? = own_overwrites?(place.permissions, old, new)

    if(changed?, do: needs(place, :manage_channels), else: []) ++
      if(parent && (synced? or moved?), do: ChannelRules.manageable(world, parent), else: []) ++
      if(synced?, do: needs(place, :manage_roles), else: []) ++
      stage([{synced? and not own?, :missing_permissions}])
  end

  defp anybody(world), do: ["5" | for(user <- Map.keys(world.users), do: id(world, user))]

  defp bannable(world, user) do
    cond do
      user in world.snapshot["bans"] -> []
      user == "5" -> [:unknown_user]
      is_map_key(world.snapshot["members"], user) -> outranked(world, user)
      true -> []
    end
  end

  @doc "The refusal of a member who is not below the actor."
  def outranked(world, user) do
    outranks? = member?(world) and outranks?(world.snapshot, actor(world), user)
    stage([{not outranks?, :missing_permissions}])
  end

  # @everyone stays at the bottom, wherever it is moved to.
  defp sorted(world, role, position) do
    if role["id"] == world.guild_id or role["position"] == position do
      []
    else
      to? = member?(world) and Standing.above?(world.snapshot, actor(world), role["id"], position)
      above(world, role["id"]) ++ stage([{not to?, :missing_permissions}])
    end
  end

  defp own(world, role, %{permissions: mask}) do
    own? =
      own?(permissions(world), String.to_integer(role["permissions"]), String.to_integer(mask))

    stage([{not own?, :missing_permissions}])
  end

  defp own(_world, _role, _body), do: []

  defp deletable(world, id) do
    if id == world.guild_id, do: [:invalid_role], else: above(world, id)
  end
end
