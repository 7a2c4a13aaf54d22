defmodule Guildhall.Rights.MemberRules do
  @moduledoc false

  # The rules of `Guildhall.Rights.Oracle` for the routes of a guild's members.

  import Guildhall.Rights.GuildRules, only: [needs_in: 2, a_role: 1, above: 2, outranked: 2]
  import Guildhall.Rights.Oracle
  import Guildhall.Rights.Standing, only: [has?: 2, administrator?: 1]

  alias Guildhall.Rights.Standing

  @given [
    nick: :manage_nicknames,
    roles: :manage_roles,
    mute: :mute_members,
    deaf: :deafen_members
  ]

  def rule("GET", "", _world), do: %{query: "?limit=100"}
  def rule("GET", "/search", _world), do: %{query: "?query=t"}

  def rule("PATCH", "/@me", world) do
    %{body: %{nick: "n#{Enum.random(1..9)}"}, stages: [needs_in(world, :change_nickname)]}
  end

  def rule("GET", "/{user_id}", world) do
    user = pick([:stranger | somebody()])
    %{params: %{user_id: id(world, user)}, stages: [unknown(world, user)]}
  end

  # An existing member stays as it is.
  def rule("PUT", "/{user_id}", world) do
    user = pick([:stranger, :stranger, :banned, :target])
    fields = Enum.take_random(@given, Enum.random(0..2))
    {values, refused} = Enum.unzip(for {field, right} <- fields, do: given(world, field, right))
    banned? = id(world, user) in world.snapshot["bans"]
    refused = stage([{banned?, :banned}]) ++ if(banned?, do: [], else: Enum.concat(refused))

    stages = [
      needs_in(world, :create_instant_invite),
      if(known?(world, user), do: [], else: refused)
    ]

    body = Map.put(Map.new(values), :access_token, world.users[user].token)
    %{params: %{user_id: id(world, user)}, body: body, stages: stages}
  end

  def rule("PATCH", "/{user_id}", world) do
    user = pick([:stranger | List.duplicate(:target, 6) ++ somebody()])
    changes = for _nth <- 1..Enum.random(1..2), do: change(world, user)
    changes = Enum.uniq_by(changes, fn {field, _value, _stages} -> field end)
    body = for {field, value, _stages} <- changes, into: %{}, do: {field, value}
    refused = for {_field, _value, [now, _later]} <- changes, do: now
    later = for {_field, _value, [_now, later]} <- changes, do: later
    refused = if known?(world, user), do: Enum.concat(refused), else: [:unknown_member]
    %{params: %{user_id: id(world, user)}, body: body, stages: [refused, Enum.concat(later)]}
  end

  def rule("DELETE", "/{user_id}", world) do
    user = pick([:stranger | somebody()])

    refused =
      if known?(world, user), do: outranked(world, id(world, user)), else: [:unknown_member]

    %{params: %{user_id: id(world, user)}, stages: [needs_in(world, :kick_members), refused]}
  end

  def rule(_put_or_delete, "/{user_id}/roles/{role_id}", world) do
    user = pick([:stranger | somebody()])
    {role, _role} = a_role(world)
    stages = [needs_in(world, :manage_roles), grantable(world, role), unknown(world, user)]
    %{params: %{user_id: id(world, user), role_id: role}, stages: stages}
  end

  defp somebody, do: [:actor, :target, :other, :owner]
  defp known?(world, user), do: is_map_key(world.snapshot["members"], id(world, user))
  defp unknown(world, user), do: stage([{not known?(world, user), :unknown_member}])

  defp given(world, :roles, right) do
    {role, _role} = a_role(world)
    {{:roles, [role]}, needs_in(world, right) ++ grantable(world, role)}
  end

  defp given(world, :nick, right), do: {{:nick, "n"}, needs_in(world, right)}
  defp given(world, field, right), do: {{field, true}, needs_in(world, right)}

  defp grantable(world, role) do
    cond do
      not is_map_key(world.snapshot["roles"], role) -> [:unknown_role]
      role == world.guild_id -> [:invalid_role]
      true -> above(world, role)
    end
  end

  defp change(world, user) do
    case Enum.random(1..9) do
      1 -> {:nick, "n#{Enum.random(1..9)}", [renaming(world, user), []]}
      2 -> roles(world, user)
      3 -> {:mute, pick([true, false]), [needs_in(world, :mute_members), []]}
      4 -> {:deaf, pick([true, false]), [needs_in(world, :deafen_members), []]}
      5 -> {:flags, 4, [flags(world), []]}
      6 -> {:communication_disabled_until, soon(), [timeout(world, user), []]}
      _more -> move(world, user)
    end
  end

  defp soon, do: DateTime.utc_now() |> DateTime.add(3_600) |> DateTime.to_iso8601()

  defp renaming(world, :actor), do: needs_in(world, :change_nickname)

  defp renaming(world, user),
    do: needs_in(world, :manage_nicknames) ++ outranked_if_known(world, user)

  defp outranked_if_known(world, user) do
    if known?(world, user), do: outranked(world, id(world, user)), else: []
  end

  defp roles(world, user) do
    had = world.snapshot["members"][id(world, user)]["roles"] || []
    {role, _role} = a_role(world)
    roles = pick([had, Enum.uniq([role | had]), had -- [role], [role]])
    changed = (had -- roles) ++ (roles -- had)
    refused = needs_in(world, :manage_roles) ++ Enum.flat_map(changed, &grantable(world, &1))
    {:roles, roles, [refused, []]}
  end

  defp flags(world) do
    all = [:moderate_members, :kick_members, :ban_members]

    stage([
      {Enum.all?([:manage_guild, :manage_roles, all], &lacks?(world, &1)), :missing_permissions}
    ])
  end

  defp timeout(world, user) do
    member = Standing.guild(world.snapshot, id(world, user))

    needs_in(world, :moderate_members) ++
      outranked_if_known(world, user) ++
      stage([{known?(world, user) and administrator?(member), :missing_permissions}])
  end

  # A member in a channel that the actor does not see looks as if it were in none.
  defp move(world, user) do
    voices = for {id, %{"type" => 2}} <- world.snapshot["channels"], do: id
    id = pick([nil, pick(Map.keys(world.snapshot["channels"])) | voices ++ voices])
    source = world.snapshot["channels"][world.snapshot["voice"][id(world, user)]]
    source = if source, do: channel_place(world, source)

    {refused, later} =
      if source && source.stage == [],
        do: {needs(source, :move_members), []},
        else: {if(id, do: [], else: needs_in(world, :move_members)), [:not_in_voice]}

    {:channel_id, id, [refused ++ target(world, user, id), later]}
  end

  defp target(_world, _user, nil), do: []

  defp target(world, user, id) do
    channel = world.snapshot["channels"][id]
    place = channel_place(world, channel)

    member =
      if known?(world, user), do: Standing.channel(world.snapshot, channel, id(world, user))

    lacking = if place.stage == [], do: needs(place, [:connect, :move_members]), else: place.stage

    lacking ++
      stage([
        {channel["type"] != 2, :channel_type},
        {member != nil and not has?(member, :view_channel), :missing_permissions}
      ])
  end
end
