defmodule Guildhall.Redteam.Attacks.Sizes do
  @moduledoc false

  # An owner whose guild is as large as it can be, and members with much to say.

  alias Guildhall.Permissions
  alias Guildhall.Redteam.{Attack, Chat, Http, Tally}

  @api "/api/v10"
  @first_id 1_000_000_000_000_000_000

  def all(world) do
    [
      owner(world, "channels of 1,000 overwrites", 0.3, [400, 429], &overwrites/1),
      owner(world, "move many channels", 0.25, [204], &move/1),
      owner(world, "change @everyone", 0.25, [200], &role/1),
      owner(world, "order the roles", 0.25, [200], &order/1),
      %Attack{
        name: "large presences",
        rate: 3,
        workers: 40,
        start: fn n ->
          user = Enum.at(world.throng, n - 1)
          %{world: world, chat: Chat.new(world.node, user, {127, 11, 1, n})}
        end,
        run: &presence/1,
        shows: [:sent]
      },
      %Attack{
        name: "greetings that nobody reads",
        rate: 0.25,
        workers: 8,
        start: fn n ->
          user = Enum.at(world.throng, n + 20)
          %{world: world, held: [], chat: Chat.new(world.node, user, {127, 11, 2, n})}
        end,
        run: &greeting/1,
        shows: [:greeted]
      }
    ]
  end

  defp owner(world, name, rate, shows, run) do
    start = fn _n ->
      ip = {127, 11, 0, :erlang.phash2(name, 200) + 1}
      http = Http.new(world.node, ip, world.heavy.owner.token)
      %{world: world, http: %{http | timeout: 15_000}, parents: [], turn: 0}
    end

    %Attack{name: name, rate: rate, start: start, run: run, shows: shows}
  end

  # Each of them denies VIEW_CHANNEL, so that each is a rule of the audience.
  defp overwrites(state) do
    deny = "#{Permissions.bit(:view_channel)}"
    from = @first_id + :rand.uniform(1_000_000_000)
    entries = for n <- 1..1_000, do: %{id: "#{from + n}", type: 1, deny: deny}
    body = %{name: "wide", type: 0, permission_overwrites: entries}
    {status, answer, state} = call(state, "POST", "/channels", body)
    if status == 201, do: Tally.note(state.world.tally, :wide, answer["id"])
    {status, state}
  end

  # All of them under another of two categories; now and then with the rights of that.
  defp move(%{parents: parents} = state) when length(parents) < 2 do
    entries = for n <- 1..1_000, do: %{id: "#{@first_id + n}", type: 1}
    body = %{name: "rank", type: 4, permission_overwrites: entries}
    {status, answer, state} = call(state, "POST", "/channels", body)
    {status, if(status == 201, do: %{state | parents: [answer["id"] | parents]}, else: state)}
  end

  defp move(state) do
    lock = :rand.uniform(10) == 1
    ids = for {_at, id} <- Tally.notes(state.world.tally, :wide), do: id

    moves =
      for {id, n} <- Enum.with_index(Enum.take(ids, 80), state.turn) do
        %{id: id, parent_id: Enum.at(state.parents, rem(n, 2)), lock_permissions: lock}
      end

    {status, _answer, state} = call(state, "PATCH", "/channels", moves)
    {status, %{state | turn: state.turn + 1}}
  end

  defp role(state) do
    mask = if rem(state.turn, 2) == 0, do: "0", else: "#{Permissions.bit(:view_channel)}"
    path = "/roles/#{state.world.heavy.id}"
    {status, _answer, state} = call(state, "PATCH", path, %{permissions: mask})
    {status, %{state | turn: state.turn + 1}}
  end

  defp order(%{parents: parents} = state) when length(parents) < 20 do
    {status, answer, state} = call(state, "POST", "/roles", %{name: "rank", hoist: true})
    {status, if(status == 200, do: %{state | parents: [answer["id"] | parents]}, else: state)}
  end

  defp order(state) do
    moves =
      for {id, n} <- Enum.with_index(Enum.shuffle(state.parents), 1), do: %{id: id, position: n}

    {status, _answer, state} = call(state, "PATCH", "/roles", moves)
    {status, state}
  end

  defp presence(state) do
    texts = Map.new(~w(name state details url), &{&1, String.duplicate("x", 650)})
    activities = List.duplicate(Map.put(texts, "type", 0), 5)

    data = %{
      since: nil,
      afk: false,
      status: Enum.random(~w(online idle dnd)),
      activities: activities
    }

    {outcome, chat} = Chat.put(state.chat, 3, data)
    {outcome, %{state | chat: chat}}
  end

  # IDENTIFY, and then silence. The oldest of the connections is closed when there are too many.
  defp greeting(state) do
    client = Chat.identify(state.chat)
    outcome = Http.guard(client.http, fn _http -> Chat.answer(client) end)
    {kept, old} = Enum.split([client.http.socket | state.held], 6)
    Enum.each(old, &Http.reset/1)
    {outcome, %{state | held: kept}}
  end

  defp call(state, method, path, body) do
    path = @api <> "/guilds/#{state.world.heavy.id}" <> path
    {status, answer, http} = Http.call(state.http, method, path, body)
    {status, answer, %{state | http: http}}
  end
end
