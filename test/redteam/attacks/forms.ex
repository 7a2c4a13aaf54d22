defmodule Guildhall.Redteam.Attacks.Forms do
  @moduledoc false

  # Ids, paths, headers and bodies in other than their usual form, and the pages for operators.

  alias Guildhall.{HttpClient, Payload}
  alias Guildhall.Redteam.{Attack, Http}

  @api "/api/v10"

  def all(world) do
    [
      %Attack{
        name: "strange requests",
        rate: 1.5,
        start: fn _n ->
          http = Http.new(world.node, {127, 16, 0, 1}, Enum.at(world.neighbours, 9).token)
          %{world: world, http: http}
        end,
        run: &strange/1,
        shows: [400, 404]
      },
      %Attack{
        name: "other forms of an id",
        rate: 2,
        start: fn _n ->
          http = Http.new(world.node, {127, 16, 0, 2}, Enum.at(world.neighbours, 10).token)
          %{world: world, http: http, posted: []}
        end,
        run: &bucket/1,
        shows: [429]
      },
      %Attack{
        name: "strange payloads",
        rate: 0.5,
        workers: 2,
        start: fn n -> %{world: world, ip: {127, 16, 2, n}} end,
        run: &payload/1,
        shows: [:close_4001, :close_4002, :close_4003, :close_4004, :close_1002]
      },
      pages(world, "/health", 50, 25),
      pages(world, "/metrics", 0.5, 1),
      pages(world, "/", 0.5, 1)
    ]
  end

  # Several requests at once, one behind the other.
  defp pages(world, path, rate, batch) do
    start = fn n ->
      %{path: path, http: Http.new(world.node, {127, 16, 1, :erlang.phash2({path, n}, 250) + 1})}
    end

    run = fn state ->
      case Http.attempt(state.http, &get(&1, path, batch)) do
        {{:ok, statuses}, http} -> {statuses, %{state | http: http}}
        {{:error, reason}, http} -> {reason, %{state | http: http}}
      end
    end

    attack = %Attack{name: "GET " <> path, rate: rate, start: start, run: run, shows: [200]}
    %{attack | workers: 2, batch: batch}
  end

  defp get(client, path, count) do
    request = "GET #{path} HTTP/1.1\r\nhost: localhost\r\n\r\n"
    client = HttpClient.send_raw(client, List.duplicate(request, count))

    Enum.map_reduce(1..count, client, fn _n, client ->
      {response, client} = HttpClient.recv_response(client)
      {response.status, client}
    end)
  end

  defp strange(state) do
    id = state.world.home.channels["square"]
    bytes = :crypto.strong_rand_bytes(4)
    json = {"content-type", "application/json"}
    form = fn boundary -> {"content-type", "multipart/form-data; boundary=" <> boundary} end

    {method, path, headers, body} =
      Enum.random([
        {"GET", "/channels/#{strange_id(id)}/messages", [], ""},
        {"GET", "/channels/#{id}/messages/#{strange_id("1")}", [], ""},
        {"GET", "/guilds/#{strange_id(state.world.home.id)}", [], ""},
        {"GET", "/channels/#{id}/messages?limit=%ff&limit=5&before=#{strange_id("5")}", [], ""},
        {"GET", "//channels//#{id}%2fmessages/../", [], ""},
        {"GET", "/channels/#{id}/", [{"x-strange", bytes <> "\t"}], ""},
        {"BREW", "/channels/#{id}", [], ""},
        {"POST", "/channels/#{id}/messages", [form.("b" <> <<0xFF, 0xFE>>)], "--b" <> bytes},
        {"POST", "/channels/#{id}/messages", [form.("\"\"")], "----"},
        {"POST", "/channels/#{id}/messages", [form.("b")], "--b\r\n\r\n\r\n--b--" <> bytes},
        {"POST", "/channels/#{id}/messages", [json], bytes},
        {"POST", "/channels/#{id}/messages", [json], ~S({"content":"\ud800"})},
        {"POST", "/channels/#{id}/messages", [json], ~S({"content":{"a":[1e999]}})},
        {"POST", "/channels/#{id}/messages", [json], ~S({"content":1,"nonce":{},"embeds":"x"})},
        {"POST", "/channels/#{id}/messages", [{"content-type", bytes}], "{}"},
        {"PUT", "/channels/#{id}/messages/1/reactions/%ff%00/@me", [], ""},
        {"PUT", "/channels/#{id}/messages/1/reactions/a:b:c/@me", [], ""},
        {"PATCH", "/guilds/#{state.world.home.id}/members/@me", [json],
         ~S({"nick":"\u0000\u202e"})},
        {"GET", "/users/#{strange_id("1")}", [], ""}
      ])

    {status, _answer, http} = Http.call(state.http, method, @api <> path, body, headers)
    state = %{state | http: http}

    if status == 500,
      do: {{:breach, "500 for #{method} #{path} #{inspect(headers)} #{inspect(body)}"}, state},
      else: {status, state}
  end

  # Sent on a connection without a session.
  defp payload(state) do
    query = Enum.random(["?v=10", "?v=10&encoding=etf", "?v=10&compress=zlib-stream", "?v=9"])
    client = Http.gateway(state.world.node, [ip: state.ip], query).http
    client = HttpClient.send_raw(client, strange_frame())
    outcome = closed(client)
    Http.reset(client.socket)
    {outcome, state}
  end

  defp strange_frame do
    deep = String.duplicate("[", 3_000)
    huge = :erlang.term_to_binary(%{"op" => 2, "d" => List.duplicate(0, 600)}, compressed: 9)

    Enum.random([
      HttpClient.frame(:text, deep),
      HttpClient.frame(:text, :crypto.strong_rand_bytes(100)),
      HttpClient.frame(:binary, :crypto.strong_rand_bytes(100)),
      HttpClient.frame(:binary, huge),
      HttpClient.frame(:binary, <<131, 108, 0xFFFFFFFF::32>>),
      HttpClient.frame(:text, ~S({"op":2,"d":{"token":5,"intents":-1,"shard":[9,1]}})),
      HttpClient.frame(:text, ~S({"op":2,"d":null})),
      HttpClient.frame(:text, ~S({"op":1e9})),
      HttpClient.frame(:text, ~S({"op":3,"d":{"activities":7}})),
      HttpClient.frame(:text, String.duplicate(" ", 20_000)),
      HttpClient.frame(:text, "{}", rsv: 4),
      HttpClient.frame(:text, "{}", mask: false),
      HttpClient.frame(:ping, String.duplicate("x", 200)),
      HttpClient.frame(:close, <<1>>),
      HttpClient.frame(:continuation, "{}"),
      <<0x81, 0xFF, 0x7FFFFFFFFFFFFFFF::64, 0::32>>,
      List.duplicate(HttpClient.frame(:text, "", fin: false), 50)
    ])
  end

  defp closed(client) do
    case HttpClient.recv_frame(client) do
      {{:close, code, _reason}, _client} -> :"close_#{code}"
      {_payload, client} -> closed(client)
    end
  rescue
    error in MatchError -> Http.reason(error.term)
  end

  defp strange_id(id) do
    Enum.random([
      "0" <> id,
      "+" <> id,
      "-" <> id,
      id <> "%00",
      "%30" <> id,
      "%ff",
      "99999999999999999999999",
      "٣٤٥",
      "1.5",
      "0x10",
      " ",
      "%20" <> id
    ])
  end

  # More messages than the limit of a channel allows, by writing the channel's id in several forms.
  defp bucket(state) do
    id = state.world.home.channels["square"]
    form = Enum.random([id, "0" <> id, "00" <> id, "000" <> id, "%30" <> id, "+" <> id])
    body = Payload.encode!(%{content: "bucket"})
    headers = [{"content-type", "application/json"}]
    path = "/channels/#{form}/messages"
    {status, _answer, http} = Http.call(state.http, "POST", @api <> path, body, headers)
    now = System.monotonic_time(:millisecond)
    recent = Enum.filter(state.posted, &(&1 > now - 1_900))
    posted = if status == 200, do: [now | recent], else: recent
    state = %{state | http: http, posted: posted}

    if length(posted) > 10,
      do: {{:breach, "#{length(posted)} messages in 2 s"}, state},
      else: {status, state}
  end
end
