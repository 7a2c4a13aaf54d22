defmodule Guildhall.Endpoint.StrangeRequestsTest do
  use ExUnit.Case, async: true

  # No request makes a node answer 5xx, whatever stands in its path, query, headers and body.

  alias Guildhall.Api.{AdminRoutes, Routes}
  alias Guildhall.{ApiNode, FullNode, HttpClient, Payload}

  @moduletag :tmp_dir
  @moduletag timeout: 300_000
  @rounds 12

  @ids ~w(0 00 01 -1 +1 1.0 1e3 0x10 18446744073709551615 18446744073709551616 99999999999999999999999
          %30 %31%32 %00 %2F %2e%2e %EF%BC%91 %D9%A1 1%0A1 @me a%20b %F0%9F%98%80 %E2%9D%A4%EF%B8%8F
          name:1 :1 name: a:b:c %E2%80%8B everyone null true) ++ [String.duplicate("9", 400)]

  @texts [
    "",
    "0",
    "1",
    "-1",
    "a",
    "  a  ",
    "\0",
    "a\0b",
    "\u200B",
    "\u202Eabc",
    "e\u0301",
    "😀",
    "@everyone",
    "<@0>",
    "<@99999999999999999999>",
    "2020-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999+14:00",
    "0000-00-00T00:00:00Z",
    "true",
    String.duplicate("x", 101),
    String.duplicate("é", 5_000)
  ]

  @numbers [0, 1, -1, 2, 3, 255, 2_147_483_648, 9_007_199_254_740_993] ++
             [0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF, 0x1_0000_0000_0000_0000] ++
             [1.5, -0.0, 1.0e308]

  @keys ~w(content embeds embed title description fields name value timestamp color author url footer text
           nonce enforce_nonce allowed_mentions parse users roles replied_user message_reference message_id
           channel_id guild_id fail_if_not_exists attachments id filename components flags tts sticker_ids poll
           messages type topic position parent_id nsfw rate_limit_per_user bitrate user_limit
           permission_overwrites allow deny lock_permissions username global_name avatar nick mute deaf
           communication_disabled_until user_ids delete_message_seconds delete_message_days permissions
           colors primary_color hoist icon unicode_emoji mentionable recipient_id access_token options
           choices min_value max_value min_length default_member_permissions contexts integration_types
           name_localizations description_localizations required owner_id afk_channel_id afk_timeout
           system_channel_id verification_level channels members intents public payload_json)

  @queries [
    "",
    "?",
    "?&",
    "?&limit=10",
    "?limit=0",
    "?limit=99999999999999999999",
    "?limit=1&limit=2",
    "?limit=-1&before=-1",
    "?before=0&after=0&around=0",
    "?around=18446744073709551616",
    "?after=%30",
    "?query=%00&limit=1",
    "?query=%E2%80%8B",
    "?query=#{String.duplicate("a", 3_000)}",
    "?with_counts=maybe",
    "?before=2020-01-01",
    "?a=b=c&&=&=x"
  ]

  @types [
    nil,
    "application/json",
    "Application/JSON;charset=\"utf-8\"",
    "application/json; charset=\xFF",
    " application/json ; ;;=",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=\"b\"; boundary=c",
    "multipart/form-data; boundary=\xFF\xFE",
    "multipart/form-data; boundary=\xC3\xA9",
    "multipart/form-data; BOUNDARY=b; x=\xE2\x28\xA1",
    "text/plain",
    "",
    "\xFF"
  ]

  @headers [
    [],
    [{"x-audit-log-reason", "%zz"}],
    [{"x-audit-log-reason", "%FF%00"}],
    [{"x-audit-log-reason", "\xFF\xFE"}],
    [{"x-audit-log-reason", "%E2%80%8B" <> String.duplicate("%41", 3_000)}],
    [{"x-forwarded-for", "not an address, \xFF"}],
    [{"accept-encoding", "gzip"}, {"cookie", "\xFF=\xFE"}, {"user-agent", "a\tb"}],
    [{"upgrade", "websocket"}, {"connection", "upgrade"}],
    [{"content-encoding", "gzip"}],
    [{"expect", "100-continue"}]
  ]

  setup %{tmp_dir: folder} do
    :rand.seed(:exsss, {ExUnit.configuration()[:seed], 1, 1})
    node = FullNode.start(folder, rate_limits: false)
    bot = FullNode.bot(node)
    person = FullNode.person(node)

    guilds =
      for _n <- 1..30 do
        {guild_id, channel_id} = FullNode.guild(node, bot, [person])
        messages = "/channels/#{channel_id}/messages"
        {200, message} = ApiNode.call(bot, :post, messages, %{content: "hi"})
        %{guild: guild_id, channel: channel_id, message: message["id"]}
      end

    %{node: node, bot: bot, person: person, operator: ApiNode.operator(node), guilds: guilds}
  end

  test "every route answers strange requests, and the node goes on", context do
    client = HttpClient.connect(context.node.port)

    routes =
      for(route <- Routes.all(), do: {"/api/v10", route}) ++
        for(route <- AdminRoutes.all(), do: {"/admin", route})

    client =
      for _round <- 1..@rounds, {prefix, route} <- Enum.shuffle(routes), reduce: client do
        client -> ask(client, request(prefix, route, context), context)
      end

    HttpClient.close(client)
    assert {200, _url} = ApiNode.call(context.person, :get, "/gateway")
  end

  test "a boundary that is no text is refused as a content type is", context do
    %{channel: channel} = hd(context.guilds)

    for type <- [
          "multipart/form-data; boundary=\xFF\xFE",
          "multipart/form-data; boundary=\xC3\xA9"
        ] do
      headers = [{"authorization", context.bot.authorization}, {"content-type", type}]
      path = "/api/v10/channels/#{channel}/messages"
      client = HttpClient.connect(context.node.port)
      {response, _client} = HttpClient.request(client, "POST", path, headers, "--b--")
      assert response.status == 400
      assert response.body =~ "CONTENT_TYPE_INVALID"
    end
  end

  # The connection may be closed by either side's will; another one is opened then.
  defp ask(client, {method, path, headers, body} = request, context) do
    HttpClient.send_request(client, method, path, headers, body)
    {response, client} = answer(client, method)
    assert response.status < 500, inspect({response, request}, limit: 50, printable_limit: 2_000)

    if List.keyfind(response.headers, "connection", 0) == {"connection", "close"} do
      HttpClient.close(client)
      HttpClient.connect(context.node.port)
    else
      client
    end
  end

  defp answer(client, method) do
    case HttpClient.recv_response(client, method) do
      {%{status: 100}, client} -> answer(client, method)
      answer -> answer
    end
  end

  defp request(prefix, route, context) do
    method = if :rand.uniform(20) == 1, do: Enum.random(~w(get PUT HEAD BREW)), else: route.method
    guild = Enum.random(context.guilds)
    path = for part <- route.segments, do: [slash(), part(part, guild, context, strange(route))]
    path = IO.iodata_to_binary([prefix, path, Enum.random(["", "", "/", "//"])])
    type = Enum.random([nil, "application/json" | @types])
    headers = [{"authorization", authorization(route, context)} | Enum.random(@headers)]
    headers = if type, do: [{"content-type", type} | headers], else: headers
    {method, path <> Enum.random(@queries), headers, body(type)}
  end

  defp slash, do: Enum.random(["/", "/", "/", "//"])

  # Requests that would end the tokens, a guild or a channel of the others are sent rarely or never.
  defp strange(%{method: "DELETE", path: "/users/{user_id}/token"}), do: 1
  defp strange(%{method: "DELETE"}), do: 0.9
  defp strange(_route), do: 0.3

  defp part({:param, name}, guild, context, strange) do
    if :rand.uniform() <= strange, do: Enum.random(@ids), else: known(name, guild, context)
  end

  defp part(text, _guild, _context, _strange) do
    if :rand.uniform(30) == 1, do: Enum.random([String.upcase(text), "%2F" <> text]), else: text
  end

  defp known(:guild_id, guild, _context), do: id(guild.guild)
  defp known(:channel_id, guild, _context), do: id(guild.channel)
  defp known(:message_id, guild, _context), do: guild.message
  defp known(:user_id, _guild, context), do: id(Enum.random([context.bot.id, context.person.id]))
  defp known(:application_id, _guild, context), do: id(context.bot.id)
  defp known(:emoji_name, _guild, _context), do: Enum.random(["%F0%9F%98%80", "%E2%9D%A4"])
  defp known(_role_or_overwrite, guild, _context), do: id(guild.guild)

  # One of its forms.
  defp id(id), do: Enum.random(["", "", "0", "%30"]) <> to_string(id)

  defp authorization(%{auth: :operator}, context), do: context.operator.authorization

  defp authorization(_route, context) do
    case :rand.uniform(10) do
      1 -> Enum.random(["", "Bot", "Bot  ", "\xFF", "Bot \xFF", "a.b.c", "Bearer x"])
      2 -> context.person.authorization
      3 -> "Bot   " <> context.bot.token
      _other -> context.bot.authorization
    end
  end

  defp body("multipart/" <> _parameters) do
    for _n <- 1..Enum.random(1..3), into: "" do
      "--b\r\ncontent-disposition: form-data; #{disposition()}\r\n" <>
        Enum.random(["", "content-type: \xFF\r\n", "content-type: text/plain\r\n", ": \r\n"]) <>
        "\r\n" <> Enum.random([json(), "\xFF", ""]) <> "\r\n"
    end <> Enum.random(["--b--", "--b--\r\n", "--b", ""])
  end

  defp body(_type) do
    case :rand.uniform(12) do
      1 -> ""
      2 -> "{"
      3 -> "\xFF"
      4 -> String.duplicate("[", 2_000)
      5 -> ~s({"content": ) <> String.duplicate("9", 3_000) <> "}"
      6 -> ~s({"content": "\\ud800"})
      n when n <= 9 -> Payload.encode!(Enum.random([&Function.identity/1, &[&1]]).(nearly()))
      _other -> json()
    end
  end

  # Bodies that many routes would accept, except for a field or two.
  defp nearly do
    good = %{
      "name" => Enum.random(["abc", "a\u0301b", "  a  b "]),
      "content" => "a",
      "username" => "abcd",
      "description" => "a",
      "type" => Enum.random([0, 1, 2, 4, 5]),
      "messages" => ["1", 2],
      "user_ids" => ["1"],
      "roles" => [],
      "id" => "1",
      "allow" => "1024",
      "deny" => 0
    }

    Map.merge(good, for(key <- Enum.take_random(@keys, 3), into: %{}, do: {key, term(2)}))
  end

  defp disposition do
    Enum.random([
      ~s(name="payload_json"),
      ~s(name="files[0]"; filename="a"),
      ~s(name="files[99999999]"; filename*=utf-8''%zz),
      ~s(name="files[0]"; filename*=utf-8''%FF),
      ~s(name="\\"; filename="/../\\\\"),
      ~s(name="content"),
      "name=\xFF; filename=\xFE",
      ""
    ])
  end

  defp json, do: Payload.encode!(term(3))

  defp term(0), do: Enum.random([nil, true, false | @texts ++ @numbers])

  defp term(depth) do
    case :rand.uniform(10) do
      n when n <= 5 ->
        for key <- Enum.take_random(@keys, 6), into: %{}, do: {key, term(depth - 1)}

      n when n <= 7 ->
        for _n <- 1..Enum.random(1..4), do: term(depth - 1)

      8 ->
        List.duplicate(term(0), Enum.random([0, 101, 1_001]))

      _other ->
        term(0)
    end
  end
end
