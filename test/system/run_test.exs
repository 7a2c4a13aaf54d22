defmodule Guildhall.System.RunTest do
  use ExUnit.Case, async: false

  # `bin/run` as its user meets it: what it prints, what it refuses, how it stops and comes back.

  alias Guildhall.{Demo, HttpClient, Program}

  @moduletag :system
  @moduletag timeout: 300_000

  setup do
    %{data: Demo.data()}
  end

  test "prints what a newcomer needs, and stops in order on Ctrl-C", %{data: data} do
    {program, env} = Demo.start(data, members: 5)
    env = Map.new(env)

    assert env["EXPECT_MEMBERS"] == "5"
    assert File.stat!(data <> ".env").mode |> Bitwise.band(0o777) == 0o600
    assert %{"id" => id} = post(env, "before Ctrl-C")

    Program.signal(program, "INT")
    {status, output} = Program.await_exit(program)
    assert status == 0, output
    assert output =~ "Stopping"

    {_program, again} = Demo.start(data, members: 5)
    again = Map.new(again)
    assert again["GUILD_ID"] == env["GUILD_ID"]
    assert [%{"id" => ^id, "content" => "before Ctrl-C"} | _rest] = history(again, "?limit=5")
  end

  test "guilds and bots are made beside a running node", %{data: data} do
    {_program, env} = Demo.start(data, members: 5)
    url = env |> Map.new() |> Map.fetch!("BASE_URL") |> String.trim_trailing("/api")
    at = ["--url", url, "--data", data]

    assert {0, guild} = Program.run("mix", ["guildhall.gen.guild", "Workshop" | at])
    assert [_all, id] = Regex.run(~r/Guild Workshop has the id (\d+)/, guild)
    assert guild =~ "general"

    assert {0, bot} = Program.run("mix", ["guildhall.gen.bot", "echo", "--guild", id | at])
    assert [_all, token] = Regex.run(~r/the token\n(\S+)/, bot)
    http = HttpClient.connect(URI.parse(url).port)
    headers = [{"authorization", "Bot #{token}"}]
    {response, _http} = HttpClient.request(http, "GET", "/api/v10/users/@me/guilds", headers)
    assert [%{"id" => ^id, "name" => "Workshop"}] = Guildhall.Payload.decode!(response.body)

    elsewhere = ["--url", url, "--data", data <> "-none"]
    assert {1, output} = Program.run("mix", ["guildhall.gen.bot", "echo" | elsewhere])
    assert output =~ "name the node's data folder with --data"
    assert {1, output} = Program.run("mix", ["guildhall.gen.bot", "x" | at])
    assert output =~ "the node refused: 400"
  end

  test "a kill -9 loses nothing that was acknowledged", %{data: data} do
    acknowledged =
      for round <- 1..3, reduce: [] do
        acknowledged ->
          {program, env} = Demo.start(data, members: 5, no_rate_limits: true)
          env = Map.new(env)
          check_history(env, acknowledged)
          acknowledged ++ post_until_killed(program, env, round)
      end

    {_program, env} = Demo.start(data, members: 5, no_rate_limits: true)
    check_history(Map.new(env), acknowledged)
    assert length(acknowledged) > 30
  end

  test "refuses in one line what cannot be", %{data: data} do
    assert_refused(Demo.run(data, port: "x"), "--port cannot be x")
    assert_refused(Demo.run(data, members: 1), "--members must be 3 to 50000000")

    assert_refused(
      Demo.run(data, compression: "gzip"),
      "--compression must be shared, context or"
    )

    assert_refused(Demo.run(data, context_bytes: -1), "--context-bytes must be 0 or more")
    assert_refused(Demo.run(data, max_connections: 0), "--max-connections must be 1 or more")
    assert_refused(Demo.run(data, trusted_proxies: "x"), "--trusted-proxies must be addresses")
    assert_refused(Demo.run(data, pages: "mine"), "--pages must be public or operator")
    assert_refused(Demo.run(data, colour: "red"), "--colour is no option")

    File.write!(data, "a file, not a folder")
    assert_refused(Demo.run(data), "is no folder; choose a folder with --data")
    File.rm!(data)

    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    assert_refused(Demo.run(data, port: port), "port #{port} is in use")

    {_program, _env} = Demo.start(data, members: 5)
    assert_refused(Demo.run(data), "is in use by another node")
  end

  test "--help explains the options" do
    assert {0, output} = Program.run("bin/run", ["--help"])

    for option <-
          ~w(--port --data --members --no-rate-limits --max-connections --connections-per-address) ++
            ~w(--max-sessions --trusted-proxies --pages --compression --context-bytes --env),
        do: assert(output =~ option)
  end

  # Ten writers post as fast as they are answered, until the node is killed under them.
  defp post_until_killed(program, env, round) do
    test = self()

    writers =
      for writer <- 1..10 do
        Task.async(fn ->
          http = HttpClient.connect(uri(env).port)
          post_all(http, env, "#{round}-#{writer}", 1, test, [])
        end)
      end

    for _n <- 1..100, do: assert_receive(:acknowledged, 30_000)
    Demo.kill(program)
    posted = writers |> Task.await_many(60_000) |> Enum.concat()
    flush()
    posted
  end

  defp post_all(http, env, writer, n, test, posted) do
    content = "#{writer}-#{n}"

    case request(http, "POST", path(env, ""), headers(env), body(content)) do
      {%{status: 200, body: body}, http} ->
        send(test, :acknowledged)
        posted = [{id(body), content} | posted]
        post_all(http, env, writer, n + 1, test, posted)

      :lost ->
        posted
    end
  end

  # The test client takes a lost connection for a failure; here it is what the test is about.
  defp request(http, method, path, headers, body) do
    HttpClient.request(http, method, path, headers, body)
  rescue
    MatchError -> :lost
  end

  defp check_history(env, acknowledged) do
    kept = all(env, "", [])
    ids = Enum.map(kept, & &1["id"])
    assert ids == Enum.uniq(ids)
    kept = Map.new(kept, &{&1["id"], &1["content"]})
    for {id, content} <- acknowledged, do: assert(kept[id] == content, "#{content} is lost")
  end

  defp all(env, query, pages) do
    case history(env, "?limit=100" <> query) do
      [] -> Enum.concat(pages)
      page -> all(env, "&before=#{List.last(page)["id"]}", [page | pages])
    end
  end

  defp post(env, content), do: ask(env, "POST", "", body(content))
  defp history(env, query), do: ask(env, "GET", query, "")

  defp ask(env, method, query, body) do
    http = HttpClient.connect(uri(env).port)
    {response, http} = HttpClient.request(http, method, path(env, query), headers(env), body)
    HttpClient.close(http)
    assert response.status == 200, response.body
    Guildhall.Payload.decode!(response.body)
  end

  defp id(body), do: Guildhall.Payload.decode!(body)["id"]
  defp uri(env), do: URI.parse(env["BASE_URL"])
  defp path(env, query), do: "/api/v10/channels/#{env["CHANNEL_ID"]}/messages#{query}"
  defp body(content), do: Guildhall.Payload.encode!(%{content: content})

  defp headers(env) do
    [{"authorization", "Bot #{env["TOKEN"]}"}, {"content-type", "application/json"}]
  end

  defp flush do
    receive do
      :acknowledged -> flush()
    after
      0 -> :ok
    end
  end

  defp assert_refused({status, output}, message) do
    assert status != 0
    assert [line] = output |> String.split("\n") |> Enum.filter(&(&1 =~ "guildhall: "))
    assert line =~ message
  end
end
