defmodule Guildhall.Redteam.Attacks.Rights do
  @moduledoc false

  # Reading and changing what the caller has no right to.

  alias Guildhall.Redteam.{Attack, Chat, Http}

  @api "/api/v10"

  def all(world) do
    [
      attack(world, "move a hidden channel", 0.5, [400, 403, 404], &move/1),
      attack(world, "reparent a hidden channel", 0.25, [400, 403, 404], &reparent/1),
      attack(world, "create under a hidden category", 0.25, [400, 403, 404], &create/1),
      attack(world, "a direct message as a guild", 0.5, [404], &direct/1, &with_dm/1),
      attack(
        world,
        "move a member into a hidden channel",
        0.5,
        [400, 403, 404],
        &voice/1,
        &join/1
      ),
      %Attack{
        name: "routes of another guild",
        rate: 1.5,
        start: fn _n -> state(world, hd(world.strangers), {127, 10, 0, 9}) end,
        run: &route/1,
        shows: [403, 404]
      }
    ]
  end

  defp attack(world, name, rate, shows, run, prepare \\ & &1) do
    start = fn _n ->
      prepare.(state(world, world.moderator, {127, 10, 0, :erlang.phash2(name, 200) + 1}))
    end

    %Attack{name: name, rate: rate, start: start, run: run, shows: shows}
  end

  defp state(world, user, ip) do
    %{world: world, user: user, http: Http.new(world.node, ip, user.token), own: nil, chat: nil}
  end

  # Under a category of the moderator's own, with the rights of that.
  defp move(%{own: nil} = state), do: category(state)

  defp move(state) do
    move = %{id: state.world.hidden[0], parent_id: state.own, lock_permissions: true}
    {status, state} = call(state, "PATCH", "/guilds/#{state.world.yard.id}/channels", [move])
    {[status | spy(state)], state}
  end

  defp reparent(%{own: nil} = state), do: category(state)

  defp reparent(state) do
    body = %{parent_id: state.own, permission_overwrites: []}
    {status, state} = call(state, "PATCH", "/channels/#{state.world.hidden[0]}", body)
    {[status | spy(state)], state}
  end

  defp category(state) do
    body = %{name: "own", type: 4}
    path = @api <> "/guilds/#{state.world.yard.id}/channels"
    {status, answer, http} = Http.call(state.http, "POST", path, body)
    {status, %{state | http: http, own: if(status == 201, do: answer["id"])}}
  end

  # Whether the moderator can read the hidden channel now.
  defp spy(state) do
    case call(state, "GET", "/channels/#{state.world.hidden[0]}/messages") do
      {200, _state} -> [{:breach, "reads a hidden channel"}]
      _refused -> []
    end
  end

  defp create(state) do
    body = %{name: "spy", type: 0, parent_id: state.world.hidden[4]}
    path = @api <> "/guilds/#{state.world.yard.id}/channels"

    case Http.call(state.http, "POST", path, body) do
      {201, answer, http} ->
        {_status, _answer, http} = Http.call(http, "DELETE", @api <> "/channels/#{answer["id"]}")
        seen = answer["permission_overwrites"] != []
        {if(seen, do: {:breach, "sees overwrites"}, else: 201), %{state | http: http}}

      {status, _answer, http} ->
        {status, %{state | http: http}}
    end
  end

  defp with_dm(state) do
    body = %{recipient_id: hd(state.world.crew).id}
    {200, dm, http} = Http.call(state.http, "POST", @api <> "/users/@me/channels", body)
    %{state | http: http, own: dm["id"]}
  end

  defp direct(state) do
    rest = Enum.random(["", "/channels", "/roles", "/members?limit=10", "/bans", "/members/@me"])

    case call(
           state,
           if(rest == "/members/@me", do: "PATCH", else: "GET"),
           "/guilds/#{state.own}#{rest}"
         ) do
      {200, state} -> {{:breach, "a direct message answers as a guild"}, state}
      {status, state} -> {status, state}
    end
  end

  defp join(state) do
    victim = List.last(state.world.crew)
    %{state | own: victim, chat: Chat.new(state.world.node, victim, {127, 10, 0, 250})}
  end

  # The victim goes into the lobby, and the moderator moves it to where the moderator cannot go.
  defp voice(%{world: %{yard: yard}} = state) do
    lobby = %{guild_id: yard.id, channel_id: yard.voice, self_mute: false, self_deaf: false}
    {sent, chat} = Chat.put(state.chat, 4, lobby)
    state = %{state | chat: chat}
    body = %{channel_id: state.world.hidden[2]}

    case call(state, "PATCH", "/guilds/#{yard.id}/members/#{state.own.id}", body) do
      {200, state} -> {{:breach, "moves a member into a hidden channel"}, state}
      {status, state} when sent == :sent -> {status, state}
      {_status, state} -> {sent, state}
    end
  end

  # Any route, as somebody who is in none of the guilds.
  defp route(state) do
    {method, path} = Enum.random(routes())
    home = state.world.home
    victim = hd(state.world.bystanders)

    names = %{
      "guild_id" => home.id,
      "channel_id" => home.channels["harbour"],
      "message_id" => home.id,
      "user_id" => victim.id,
      "role_id" => home.id,
      "overwrite_id" => victim.id,
      "emoji_name" => "%F0%9F%91%8D"
    }

    path = Regex.replace(~r/{(\w+)}/, path, fn _all, name -> Map.fetch!(names, name) end)

    body =
      if method in ["GET", "DELETE"],
        do: nil,
        else: Enum.random([%{}, %{name: "mine", nick: "x"}])

    case call(state, method, path, body) do
      {status, state} when status in 200..299 ->
        {{:breach, "#{method} #{path} answers a stranger #{status}"}, state}

      {status, state} ->
        {status, state}
    end
  end

  defp routes do
    for {_method, path} = route <- Guildhall.Api.routes(),
        path =~ ~r"^/(guilds|channels)/" and not (path =~ "emojis") do
      route
    end
  end

  defp call(state, method, path, body \\ nil) do
    {status, _answer, http} = Http.call(state.http, method, @api <> path, body)
    {status, %{state | http: http}}
  end
end
