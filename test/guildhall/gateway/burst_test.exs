defmodule Guildhall.Gateway.BurstTest do
  use ExUnit.Case, async: true

  # A guild that makes more events than its members can read harms no other guild: a client that reads
  # 1 MB/s keeps its session, and all events of its other guilds. Against a whole node with its
  # defaults.

  alias Guildhall.{Events, FullNode, GatewayClient, Guild, HttpClient, PacedReader, Payload}

  @moduletag :tmp_dir
  @moduletag timeout: 120_000

  @rate 1_000_000
  # GUILDS, GUILD_MESSAGES, MESSAGE_CONTENT.
  @intents 33_281
  # Of a channel: some 70 KB.
  @overwrites 1_000

  for {name, query, decoder, count} <- [
        {"in JSON", "?encoding=json", :json, 8},
        {"in ETF", "?encoding=etf", :etf, 4},
        {"with zlib-stream", "?compress=zlib-stream", :zlib, 4}
      ] do
    @query query
    @decoder decoder
    @guilds count

    test "a bot that reads 1 MB/s connects to guilds of 2 MiB, one after the other, #{name}",
         %{tmp_dir: tmp} do
      node = FullNode.start(tmp)
      [owner, bot] = [FullNode.person(node), FullNode.bot(node)]

      guilds =
        for _n <- 1..@guilds do
          {guild_id, _channel_id} = FullNode.guild(node, owner, [bot])
          enlarge(node, guild_id, 26)
          Integer.to_string(guild_id)
        end

      client = GatewayClient.dial(node, @query, recbuf: 16_384)
      client = send_identify(client, bot.token, @decoder)
      reader = PacedReader.start(client, @rate, decoder(@decoder))

      created = for _n <- guilds, do: await(reader, "GUILD_CREATE")["d"]["id"]
      assert Enum.sort(created) == Enum.sort(guilds)

      # And it is told of what happens afterwards.
      {200, _guild} = FullNode.call(owner, :patch, "/guilds/#{hd(guilds)}", %{name: "renamed"})
      assert await(reader, "GUILD_UPDATE")["d"]["name"] == "renamed"
    end
  end

  test "changes of a large guild are throttled, and a client that reads 1 MB/s has all of them",
       %{
         tmp_dir: tmp
       } do
    node = FullNode.start(tmp)
    [owner, other] = for name <- ~w(owner other), do: FullNode.person(node, name)
    member = FullNode.bot(node)
    {guild_id, _channel_id} = FullNode.guild(node, owner, [member])
    {_quiet_id, quiet} = FullNode.guild(node, other, [member])
    channel_ids = enlarge(node, guild_id, 26)
    reader = member |> FullNode.session(2) |> PacedReader.start(@rate)

    answers =
      for n <- 1..6 do
        moves = for id <- channel_ids, do: %{id: id, position: n}
        post(other, quiet, "quiet #{n}")
        request(owner, :patch, "/guilds/#{guild_id}/channels", moves)
      end

    # One guild's worth at once, and a second one because there was no debt.
    assert [204, 204, 429, 429, 429, 429] = for(answer <- answers, do: answer.status)
    refused = List.last(answers)
    assert {"x-ratelimit-scope", "shared"} in refused.headers
    {_name, after_s} = List.keyfind(refused.headers, "retry-after", 0)
    assert String.to_integer(after_s) in 1..10

    post(other, quiet, "last")
    events = until(reader, &(&1["d"]["content"] == "last"))
    assert_no_gap(events)
    assert length(of_type(events, "CHANNEL_UPDATE")) == 2 * 26
    assert contents(events) == for(n <- 1..6, do: "quiet #{n}") ++ ["last"]
    assert of_type(events, "GUILD_DELETE") == []
  end

  test "who reads on keeps the session and other guilds, who does not is cut off alone", %{
    tmp_dir: tmp
  } do
    Events.listen()
    node = FullNode.start(tmp)
    [owner, other] = for name <- ~w(owner other), do: FullNode.person(node, name)
    members = for name <- ~w(slow stalled away), do: FullNode.bot(node, name)
    {loud_id, loud} = FullNode.guild(node, owner, members)
    {_quiet_id, quiet} = FullNode.guild(node, other, members)
    [slow, stalled, away] = members

    [reader, stalled_client, away_client] =
      for member <- [slow, stalled, away], do: connect(node, member)

    reader = PacedReader.start(reader, @rate)
    GatewayClient.cut(away_client)

    # 30 MB faster than anybody reads here, and some of another guild in between.
    for n <- 1..10 do
      flood(node, loud_id, loud, owner)
      post(other, quiet, "quiet #{n}")
    end

    post(other, quiet, "last")
    expected = for(n <- 1..10, do: "quiet #{n}") ++ ["last"]

    # Unread events of the loud guild may be dropped, but the client is told so, and only when
    # it has read on it gets the guild again.
    events = until(reader, &(&1["d"]["content"] == "last"))
    assert_no_gap(events)
    assert Enum.filter(contents(events), &(&1 =~ ~r/quiet|last/)) == expected
    loud_text = Integer.to_string(loud_id)

    assert [%{"d" => %{"id" => ^loud_text, "unavailable" => true}} | _] =
             of_type(events, "GUILD_DELETE")

    if List.last(guild_events(events, loud_text)) == "GUILD_DELETE",
      do: assert(await(reader, "GUILD_CREATE")["d"]["id"] == loud_text)

    # A client that was away finds the same, though it read nothing at all.
    again = GatewayClient.send_resume(GatewayClient.open(node), away.token, away_client)
    again = PacedReader.start(again, 20_000_000)
    events = until(again, &(&1["t"] == "RESUMED"))
    assert Enum.filter(contents(events), &(&1 =~ ~r/quiet|last/)) == expected
    assert_no_gap(events)
    assert await(again, "GUILD_CREATE")["d"]["id"] == loud_text

    # One that takes nothing ends, and no other.
    stalled_id = stalled_client.session_id

    assert_receive {:event, [:guildhall, :session, :stop], _measured,
                    %{session_id: ^stalled_id, reason: :overflow}},
                   20_000

    post(other, quiet, "still here")
    for reader <- [reader, again], do: until(reader, &(&1["d"]["content"] == "still here"))
  end

  defp send_identify(client, token, :etf) do
    data = %{"token" => token, "intents" => @intents, "properties" => %{}}
    payload = :erlang.term_to_binary(%{"op" => 2, "d" => data})
    %{client | http: HttpClient.send_frame(client.http, :binary, payload)}
  end

  defp send_identify(client, token, _json) do
    GatewayClient.send_identify(client, token, intents: @intents)
  end

  defp decoder(:json), do: fn _binary -> flunk("a binary frame") end

  defp decoder(:etf) do
    # Through JSON, since the keys are atoms.
    fn bytes -> bytes |> :erlang.binary_to_term() |> Payload.encode!() |> decode() end
  end

  defp decoder(:zlib) do
    fn bytes ->
      # The stream belongs to the process that reads.
      stream = Process.get(:stream) || open_stream()
      stream |> :zlib.inflate(bytes) |> IO.iodata_to_binary() |> decode()
    end
  end

  defp open_stream do
    stream = :zlib.open()
    :ok = :zlib.inflateInit(stream)
    Process.put(:stream, stream)
    stream
  end

  defp decode(json) do
    {:ok, payload} = Payload.decode(json)
    payload
  end

  defp connect(node, member) do
    client = GatewayClient.dial(node, "", recbuf: 16_384)
    {%{"op" => 10}, client} = GatewayClient.recv(client)
    {_ready, client} = GatewayClient.identify(client, member.token, intents: @intents)

    Enum.reduce(1..2, client, fn _nth, client ->
      {_guild, client} = GatewayClient.await(client, "GUILD_CREATE")
      client
    end)
  end

  # Channels that nobody's rights are touched by.
  defp enlarge(node, guild_id, count) do
    overwrites = for id <- 1..@overwrites, do: overwrite(10_000_000_000_000_000 + id)

    for n <- 1..count do
      attrs = %{name: "large-#{n}", overwrites: overwrites}
      {:ok, channel} = Guild.run(node.instance, guild_id, :operator, {:create_channel, attrs})
      channel.id
    end
  end

  defp overwrite(id) do
    %Guildhall.Model.Overwrite{id: id, type: :member, allow: 0, deny: 2_048}
  end

  # 3 MB of messages.
  defp flood(node, guild_id, channel_id, owner) do
    embed = %{description: String.duplicate("x", 4_000)}
    attrs = %{content: String.duplicate("y", 2_000), embeds: [embed]}

    1..500
    |> Task.async_stream(
      fn _nth ->
        command = {:create_message, channel_id, attrs}
        {:ok, _message} = Guild.run(node.instance, guild_id, owner.id, command)
      end,
      max_concurrency: 100,
      timeout: 60_000
    )
    |> Stream.run()
  end

  # Faster than a client may post.
  defp post(caller, channel_id, content) do
    %{node: %{instance: instance}, id: user_id} = caller
    {:ok, guild_id} = Guild.room(instance, channel_id)
    command = {:create_message, channel_id, %{content: content}}
    {:ok, _message} = Guild.run(instance, guild_id, user_id, command)
  end

  defdelegate request(caller, method, path, body), to: Guildhall.ApiNode

  defp await(reader, type), do: List.last(until(reader, &(&1["t"] == type)))

  # All payloads up to the first that is looked for.
  defp until(reader, found?) do
    assert_receive {^reader, payload}, 30_000
    refute match?({:close, _code}, payload), "closed with #{inspect(payload)}"
    assert is_map(payload)
    if found?.(payload), do: [payload], else: [payload | until(reader, found?)]
  end

  defp of_type(events, type), do: Enum.filter(events, &(&1["t"] == type))
  defp contents(events), do: for(%{"d" => %{"content" => text}} <- events, do: text)

  defp guild_events(events, guild_id) do
    for %{"t" => "GUILD_" <> _rest = type, "d" => %{"id" => ^guild_id}} <- events, do: type
  end

  defp assert_no_gap(events) do
    numbers = for %{"s" => number} when number != nil <- events, do: number
    assert numbers == Enum.to_list(hd(numbers)..List.last(numbers))
  end
end
