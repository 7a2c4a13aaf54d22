defmodule Guildhall.Redteam.Attacks.Rooms do
  @moduledoc false

  # Work for rooms: by members of the bystanders' own guild, and by users in many guilds.

  alias Guildhall.GatewayClient
  alias Guildhall.Redteam.{Attack, Chat, Http}

  @api "/api/v10"

  def all(world) do
    [
      session(world, "voice states", 2.5, 4, &voice/1),
      session(world, "requests for members", 1, 4, &members/1),
      session(world, "member lists", 1, 4, &lists/1),
      caller(world, "long messages", 0.5, 2, [200], &post/1),
      caller(world, "direct messages", 0.5, 2, [200], &direct/1),
      caller(world, "typing and reactions", 1, 2, [204, 404], &typing/1),
      %Attack{
        name: "a user of many guilds",
        rate: 0.5,
        workers: 4,
        start: fn n ->
          user = Enum.at(world.travellers, n - 1)
          %{world: world, http: Http.new(world.node, {127, 12, 3, n}, user.token)}
        end,
        run: &profile/1,
        shows: [200]
      },
      %Attack{
        name: "sessions that come and go",
        rate: 0.75,
        workers: 24,
        start: fn n ->
          user = Enum.at(world.travellers, n + 5)
          %{world: world, chat: Chat.new(world.node, user, {127, 12, 4, n})}
        end,
        run: &come_and_go/1,
        shows: [:greeted]
      },
      %Attack{
        name: "the same session again and again",
        rate: 0.5,
        workers: 2,
        start: fn n ->
          user = Enum.at(world.throng, n + 30)
          %{chat: Chat.new(world.node, user, {127, 12, 5, n}), old: nil, held: []}
        end,
        run: &resume/1,
        shows: [:resumed]
      }
    ]
  end

  defp session(world, name, rate, workers, run) do
    start = fn n ->
      # Each kind has neighbours of its own.
      place = rem(:erlang.phash2(name, 1_000) + n, length(world.neighbours))
      ip = {127, 12, 1, :erlang.phash2({name, n}, 250) + 1}
      %{world: world, chat: Chat.new(world.node, Enum.at(world.neighbours, place), ip)}
    end

    %Attack{name: name, rate: rate, workers: workers, start: start, run: run, shows: [:sent]}
  end

  defp caller(world, name, rate, workers, shows, run) do
    start = fn n ->
      ip = {127, 12, 2, :erlang.phash2({name, n}, 250) + 1}
      %{world: world, http: Http.new(world.node, ip, Enum.at(world.neighbours, n + 5).token)}
    end

    %Attack{name: name, rate: rate, workers: workers, start: start, run: run, shows: shows}
  end

  defp voice(%{world: %{home: home}} = state) do
    channel = Enum.random([home.voice, nil])
    data = %{guild_id: home.id, channel_id: channel, self_mute: coin(), self_deaf: coin()}
    put(state, 4, data)
  end

  defp members(%{world: world} = state) do
    data =
      Enum.random([
        %{guild_id: world.home.id, query: "", limit: 0},
        %{guild_id: world.home.id, query: "by", limit: 100, presences: true},
        %{guild_id: world.home.id, user_ids: Enum.map(Enum.take(world.bystanders, 100), & &1.id)},
        %{guild_id: "0" <> world.home.id, user_ids: List.duplicate("1", 150)}
      ])

    put(state, 8, data)
  end

  defp lists(%{world: %{home: home}} = state) do
    windows =
      Enum.random([[[0, 99]], [[0, 99], [100, 199]], [[-1, 5]], List.duplicate([0, 99], 40)])

    channels = Map.new(Map.values(home.channels), &{&1, windows})
    put(state, 14, %{guild_id: home.id, typing: true, activities: true, channels: channels})
  end

  defp put(state, op, data) do
    {outcome, chat} = Chat.put(state.chat, op, data)
    {outcome, %{state | chat: chat}}
  end

  defp post(state) do
    embeds = List.duplicate(%{title: "x", description: String.duplicate("y", 500)}, 10)
    body = %{content: String.duplicate("z", 2_000), embeds: embeds}
    call(state, "POST", "/channels/#{state.world.home.channels["square"]}/messages", body)
  end

  defp typing(state) do
    channel = state.world.home.channels["square"]

    if coin(),
      do: call(state, "POST", "/channels/#{channel}/typing"),
      else:
        call(state, "PUT", "/channels/#{channel}/messages/#{channel}/reactions/%F0%9F%91%8D/@me")
  end

  # A new name is to be shown in 150 guilds.
  defp profile(state) do
    case :rand.uniform(6) do
      1 -> call(state, "PATCH", "/users/@me", %{username: "traveller#{:rand.uniform(100_000)}"})
      2 -> call(state, "GET", "/users/@me")
      _more -> call(state, "GET", "/users/@me/guilds?limit=200&with_counts=true")
    end
  end

  # 150 guilds are asked for, and the client is gone before they come.
  defp come_and_go(state) do
    client = Chat.identify(state.chat)
    outcome = Http.guard(client.http, fn _http -> Chat.answer(client) end)
    Http.reset(client.http.socket)
    {outcome, state}
  end

  # Each RESUME wants all events again, and most of them are not read.
  defp resume(%{old: nil} = state) do
    case GatewayClient.recv(Chat.identify(state.chat)) do
      {%{"t" => "READY", "d" => %{"session_id" => id}}, client} ->
        old = %{session_id: id, sequence: 1}
        {:greeted, %{state | old: old, held: [client.http.socket | state.held]}}

      {_refusal, client} ->
        Http.reset(client.http.socket)
        {:op9, state}
    end
  end

  defp resume(state) do
    client = Http.gateway(state.chat.node, ip: state.chat.ip)
    {%{"op" => 10}, client} = GatewayClient.recv(client)
    client = GatewayClient.send_resume(client, state.chat.user.token, state.old)

    case GatewayClient.recv(client) do
      {%{"op" => 0}, client} ->
        {kept, old} = Enum.split([client.http.socket | state.held], 4)
        Enum.each(old, &Http.reset/1)
        {:resumed, %{state | held: kept}}

      {_refusal, client} ->
        Http.reset(client.http.socket)
        {:op9, %{state | old: nil}}
    end
  end

  # A room for each of two who never spoke with each other.
  defp direct(state) do
    recipient = Enum.random(state.world.bystanders).id
    path = @api <> "/users/@me/channels"

    case Http.call(state.http, "POST", path, %{recipient_id: recipient}) do
      {200, dm, http} ->
        call(%{state | http: http}, "POST", "/channels/#{dm["id"]}/messages", %{content: "hello"})

      {status, _answer, http} ->
        {status, %{state | http: http}}
    end
  end

  defp call(state, method, path, body \\ nil) do
    {status, _answer, http} = Http.call(state.http, method, @api <> path, body)
    {status, %{state | http: http}}
  end

  defp coin, do: :rand.uniform(2) == 1
end
