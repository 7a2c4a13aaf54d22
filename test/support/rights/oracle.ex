defmodule Guildhall.Rights.Oracle do
  @moduledoc false

  # A request for each route, and which answers are right for it. Written from Discord's documentation
  # of each route; a route without a rule fails the test.
  #
  # A rule answers the path's parameters, a body, and *stages*: each a list of refusals that are due.
  # The first stage that has any says which answers are right; if none has, the request succeeds. So a
  # guild or a channel that the actor does not see is refused before anything is said about what is in it.

  import Guildhall.Rights.Standing, except: [guild: 2, channel: 3]

  alias Guildhall.Rights.{ChannelRules, GuildRules, Standing, World}

  @answers %{
    unknown_channel: {404, 10_003},
    unknown_guild: {404, 10_004},
    unknown_member: {404, 10_007},
    unknown_message: {404, 10_008},
    unknown_overwrite: {404, 10_009},
    unknown_role: {404, 10_011},
    unknown_user: {404, 10_013},
    unknown_emoji: {404, 10_014},
    unknown_ban: {404, 10_026},
    unknown_command: {404, 10_063},
    not_own_application: {403, 20_012},
    banned: {403, 40_007},
    not_in_voice: {400, 40_032},
    missing_access: {403, 50_001},
    direct_channel: {403, 50_003},
    not_author: {403, 50_005},
    non_text_channel: {400, 50_008},
    missing_permissions: {403, 50_013},
    system_message: {403, 50_021},
    channel_type: {400, 50_024},
    invalid_role: {400, 50_028},
    invalid_form: {400, 50_035},
    guild_owner: {400, 50_055},
    nobody_banned: {400, 500_000}
  }

  @type rule :: %{
          params: %{optional(atom()) => String.t()},
          query: String.t(),
          body: term(),
          stages: [[atom()]],
          shows: (term() -> boolean())
        }

  @doc "A request of the world's actor for the route: `{path, body, rule}`. Draws from `:rand`."
  @spec request(Guildhall.Api.Route.t(), World.t()) :: {String.t(), term(), rule()}
  def request(route, world) do
    rule =
      Map.merge(%{params: %{}, query: "", body: nil, stages: [], shows: nil}, rule(route, world))

    path =
      Enum.map_join(route.segments, fn
        {:param, name} -> "/" <> URI.encode(Map.fetch!(rule.params, name))
        text -> "/" <> text
      end)

    {path <> rule.query, rule.body, rule}
  end

  @doc "The answers that are right, `{status, code}`; none means success."
  def refusals(%{stages: stages}) do
    stages |> Enum.find([], &(&1 != [])) |> Enum.uniq() |> Enum.map(&Map.fetch!(@answers, &1))
  end

  @doc "Those of the reasons that hold."
  def stage(reasons), do: for({true, reason} <- reasons, do: reason)

  @doc "One of them, nil if there is none."
  def pick([]), do: nil
  def pick(list), do: Enum.random(list)

  def id(world, user), do: to_string(world.users[user].id)
  def actor(world), do: id(world, :actor)
  def member?(world), do: is_map_key(world.snapshot["members"], actor(world))
  def permissions(world), do: Standing.guild(world.snapshot, actor(world))

  @doc "Whether the actor lacks these permissions in the guild."
  def lacks?(world, names) when is_list(names) or is_atom(names),
    do: not has?(permissions(world), names)

  @doc "A guild of a path, mostly the scene's, with the stage for it."
  def a_guild(world) do
    case Enum.random(1..20) do
      1 -> {"5", [:unknown_guild]}
      2 -> {pick([world.dm, world.foreign_dm]), [:unknown_guild]}
      _most -> {world.guild_id, stage([{not member?(world), :missing_access}])}
    end
  end

  @doc "A channel of a path, mostly the scene's, and what the actor may do in it."
  def a_channel(world) do
    case Enum.random(1..20) do
      1 -> place("5", nil, 0, [:unknown_channel], :missing_permissions)
      2 -> place(world.foreign_dm, nil, 0, [:missing_access], :missing_permissions)
      n when n in 3..4 -> place(world.dm, nil, direct(), [], :direct_channel)
      _most -> channel_place(world, world.snapshot["channels"] |> Map.values() |> pick())
    end
  end

  @doc "A channel of the guild as such a place."
  def channel_place(world, channel) do
    permissions = Standing.channel(world.snapshot, channel, actor(world))
    hidden = stage([{not has?(permissions, :view_channel), :missing_access}])
    place(channel["id"], channel, permissions, hidden, :missing_permissions)
  end

  defp place(id, channel, permissions, stage, lacking) do
    %{id: id, channel: channel, permissions: permissions, stage: stage, lacking: lacking}
  end

  @doc "The refusals for permissions that the actor lacks in a place."
  def needs(place, names), do: stage([{not has?(place.permissions, names), place.lacking}])

  @doc "Some overwrites, or a small mask."
  def some_overwrites(world) do
    roles = for id <- Map.keys(world.snapshot["roles"]), do: %{id: id, type: 0}
    members = for user <- [:actor, :target], do: %{id: id(world, user), type: 1}

    for target <- Enum.take_random(roles ++ members, Enum.random(0..2)) do
      Map.merge(target, %{allow: small_mask(), deny: small_mask()})
    end
  end

  def small_mask do
    names = names() -- [:administrator]
    names |> Enum.take_random(Enum.random(0..2)) |> mask() |> to_string()
  end

  @doc "Overwrites of a request as the API shows them."
  def shown(overwrites) do
    for overwrite <- overwrites,
        do: Map.new(overwrite, fn {key, value} -> {to_string(key), value} end)
  end

  # Where nothing is changed or shown that is anybody else's.
  @free ~w(/gateway /gateway/bot /voice/regions /soundboard-default-sounds /oauth2/applications/@me
           /applications/@me /users/@me /users/@me/guilds)

  defp rule(%{method: "GET", path: path}, _world) when path in @free, do: %{}
  defp rule(%{method: "PATCH", path: "/users/@me"}, _world), do: %{body: %{}}

  defp rule(%{method: "POST", path: "/users/@me/channels"}, world) do
    %{body: %{recipient_id: id(world, :target)}}
  end

  defp rule(%{path: "/users/{user_id}"}, world) do
    user = pick(["5" | for(user <- Map.keys(world.users), do: id(world, user))])
    %{params: %{user_id: user}, stages: [stage([{user == "5", :unknown_user}])]}
  end

  defp rule(%{path: "/applications/{application_id}" <> _commands} = route, world) do
    own? = Enum.random(1..10) > 1
    application = id(world, if(own?, do: :actor, else: :owner))
    {guild, in_guild} = a_guild(world)
    in_guild = if {:param, :guild_id} in route.segments, do: in_guild, else: []
    known = if {:param, :command_id} in route.segments, do: [:unknown_command], else: []
    command = %{name: "c", description: "d"}

    %{
      params: %{application_id: application, guild_id: guild, command_id: "5"},
      body:
        %{"GET" => nil, "DELETE" => nil, "PUT" => [command]} |> Map.get(route.method, command),
      stages: [stage([{not own?, :not_own_application}]), in_guild, known]
    }
  end

  defp rule(%{path: "/channels/" <> _rest} = route, world), do: ChannelRules.rule(route, world)
  defp rule(route, world), do: GuildRules.rule(route, world)
end
