defmodule Guildhall.Redteam.Attacks.Bodies do
  @moduledoc false

  # Request bodies: announced and never finished, dripping, or long lists.

  alias Guildhall.{HttpClient, Payload}
  alias Guildhall.Redteam.{Attack, Http, Tally}

  @api "/api/v10"
  # The largest body that is taken at all; the others fill what is left of a budget.
  @sizes [8_388_608, 8_388_608, 1_048_576, 262_144]
  @held 60

  def all(world) do
    [
      unfinished(world, "bodies without a token", nil, 0.25, [401, 413, 429]),
      unfinished(world, "bodies with a token", hd(world.throng).token, 0.25, [
        400,
        404,
        408,
        413,
        429
      ]),
      %Attack{
        name: "dripping bodies",
        rate: 0.5,
        start: fn _n -> %{world: world, held: []} end,
        run: &drip/1,
        shows: [401, 404, 408, 413, :held]
      },
      %Attack{
        name: "large posts of a bystander",
        rate: 0.15,
        start: fn _n ->
          user = Enum.at(world.bystanders, 150)
          %{world: world, http: Http.new(world.node, {127, 2, 1, 1}, user.token)}
        end,
        run: &large/1,
        shows: [200]
      },
      %Attack{
        name: "long lists",
        rate: 0.25,
        start: fn _n ->
          http = Http.new(world.node, {127, 13, 0, 9}, world.heavy.owner.token)
          %{world: world, http: %{http | timeout: 10_000}}
        end,
        run: &list/1,
        shows: [400, 413]
      }
    ]
  end

  defp unfinished(world, name, token, rate, shows) do
    start = fn _n ->
      ip = {127, 13, 0, :erlang.phash2(name, 200) + 1}
      %{world: world, ip: ip, token: token, held: []}
    end

    %Attack{name: name, rate: rate, start: start, run: &body/1, shows: shows}
  end

  # All of the body but its last byte, unless there is an answer to the head.
  defp body(state) do
    client = HttpClient.connect(state.world.node.port, ip: state.ip, timeout: 300)
    size = Enum.random(@sizes)
    client = HttpClient.send_raw(client, head(state, size))
    outcome = answer(client)

    outcome =
      if outcome == :timeout do
        :gen_tcp.send(client.socket, :binary.copy("x", size - 1))
        answer(client)
      else
        outcome
      end

    hold(outcome, client, state)
  end

  # A body of a kilobyte in steps of a byte.
  defp drip(state) do
    client =
      HttpClient.connect(state.world.node.port, ip: {127, 13, 1, :rand.uniform(4)}, timeout: 50)

    client = HttpClient.send_raw(client, head(Map.put(state, :token, nil), 1_024))
    for socket <- state.held, do: :gen_tcp.send(socket, "x")
    outcome = answer(client)
    hold(if(outcome == :timeout, do: :held, else: outcome), client, state)
  end

  defp hold(outcome, client, state) when outcome in [:timeout, :held] do
    {kept, old} = Enum.split([client.socket | state.held], @held)
    Enum.each(old, &Http.reset/1)
    {outcome, %{state | held: kept}}
  end

  defp hold(outcome, client, state) do
    Http.reset(client.socket)
    {outcome, state}
  end

  defp head(state, size) do
    token = if state.token, do: "authorization: #{state.token}\r\n", else: ""

    "POST #{@api}/channels/#{state.world.heavy.id}/messages HTTP/1.1\r\nhost: localhost\r\n#{token}" <>
      "content-type: application/json\r\n#{expect()}content-length: #{size}\r\n\r\n"
  end

  defp expect, do: Enum.random(["", "", "expect: 100-continue\r\n"])

  defp answer(client) do
    case HttpClient.recv_response(client) do
      {%{status: 100}, _client} -> :timeout
      {%{status: status}, _client} -> status
    end
  rescue
    error in MatchError -> Http.reason(error.term)
  end

  # The harm of the attack: there is no space for 300 KB of a harmless user.
  defp large(state) do
    path = @api <> "/channels/#{state.world.home.channels["square"]}/messages"
    file = :binary.copy("f", 300_000)

    body = [
      "--b\r\ncontent-disposition: form-data; name=\"payload_json\"\r\n\r\n{\"content\":\"a file\"}\r\n",
      "--b\r\ncontent-disposition: form-data; name=\"files[0]\"; filename=\"f.bin\"\r\n\r\n",
      [file, "\r\n--b--\r\n"]
    ]

    headers = [{"content-type", "multipart/form-data; boundary=b"}]

    {status, _answer, http} =
      Http.call(state.http, "POST", path, IO.iodata_to_binary(body), headers)

    if status != 200, do: Tally.note(state.world.tally, :large_post, status)
    {status, %{state | http: http}}
  end

  defp list(%{world: world} = state) do
    ids = for n <- 1..20_000, do: "#{1_000_000_000_000_000_000 + n}"
    channel = "/channels/" <> hd(Map.values(world.home.channels))
    guild = "/guilds/#{world.crowd.id}"

    {method, path, body} =
      Enum.random([
        {"POST", channel <> "/messages/bulk-delete", %{messages: ids}},
        {"POST", guild <> "/bulk-ban", %{user_ids: ids}},
        {"PATCH", guild <> "/channels", for(id <- ids, do: %{id: id, position: 1})},
        {"PATCH", guild <> "/roles", for(id <- ids, do: %{id: id, position: 1})},
        {"PATCH", guild <> "/members/#{hd(world.throng).id}", %{roles: ids}},
        {"POST", guild <> "/channels", %{name: "n", permission_overwrites: ids}},
        {"POST", channel <> "/messages", %{content: "x", allowed_mentions: %{users: ids}}},
        {"POST", channel <> "/messages", "{\"embeds\":" <> String.duplicate("[", 100_000)},
        {"POST", channel <> "/messages", %{content: String.duplicate("é", 400_000)}}
      ])

    body = if is_binary(body), do: body, else: Payload.encode!(body)
    headers = [{"content-type", "application/json"}]
    {status, _answer, http} = Http.call(state.http, method, @api <> path, body, headers)
    {status, %{state | http: http}}
  end
end
