defmodule Guildhall.CrashTest do
  use ExUnit.Case, async: false

  # Kills each process of a node, and checks what ARCHITECTURE.md says that its crash costs.

  import Bitwise

  alias Guildhall.{
    BackoffSupervisor,
    FullNode,
    GatewayClient,
    Guild,
    Http,
    HttpClient,
    Instance,
    Session
  }

  alias Guildhall.Model.Intents

  @moduletag :tmp_dir
  @moduletag :capture_log
  @moduletag timeout: 180_000

  test "a crash of each process costs what the table says", %{tmp_dir: folder} do
    node = FullNode.start(folder)
    rows = rows()
    world = world(node)
    labels = node |> labels() |> Enum.uniq() |> Enum.sort()

    assert labels -- Map.keys(rows) == []
    assert Map.keys(rows) -- labels == []

    Enum.reduce(labels -- ["Supervisor"], world, &crash(&1, rows[&1], &2))

    # The last one is the node itself.
    [{"Supervisor", root}] = Enum.filter(tree(node), &(elem(&1, 0) == "Supervisor"))
    kill(root)
    until(fn -> is_pid(root(node)) and root(node) != root and "Pages.Cache" in labels(node) end)
    world(%{node | port: Http.port(Instance.child(node.instance, :endpoint))})
  end

  # Guilds and sessions, enough of them for every partition; a member list that is shown; an HTTP
  # connection that is kept alive.
  defp world(node) do
    owner = FullNode.person(node)
    {guild_id, channel_id} = FullNode.guild(node, owner)
    list = [owner | for(_n <- 1..5, do: member(node, guild_id))]

    clients =
      for person <- list do
        {person, session(person)}
      end

    world = %{
      node: node,
      guild_id: guild_id,
      channel_id: channel_id,
      owner: owner,
      clients: clients
    }

    [{person, client} | others] = clients
    client = look(world, client)
    http = HttpClient.connect(node.port)
    %{world | clients: [{person, client} | others]} |> Map.merge(%{http: alive(http), marker: 0})
  end

  defp member(node, guild_id) do
    person = FullNode.person(node)
    {:ok, _member} = Guild.run(node.instance, guild_id, :operator, {:add_member, person.id, %{}})
    person
  end

  # Every intent that a person may have: the contents of messages are read.
  defp session(person) do
    privileged = Intents.bit(:guild_members) ||| Intents.bit(:guild_presences)
    FullNode.session(person, 1, intents: Intents.known() &&& bnot(privileged))
  end

  defp look(world, client) do
    channels = %{"#{world.channel_id}" => [[0, 99]]}
    data = %{guild_id: "#{world.guild_id}", channels: channels, typing: true}
    client = GatewayClient.send_op(client, 14, data)
    {_sync, client} = GatewayClient.await(client, "GUILD_MEMBER_LIST_UPDATE")
    client
  end

  defp crash(label, expected, world) do
    for {^label, pid} <- tree(world.node), reduce: world do
      world -> crash_one(label, pid, expected, world)
    end
  end

  defp crash_one(label, pid, expected, world) do
    # An earlier kill may have taken it along.
    if Process.alive?(pid) do
      below = sessions_below(world.node, pid)
      kill(pid)

      until(fn ->
        label in labels(world.node) or label in ["Session.Server", "Http.Connection"]
      end)

      world
      |> check(label, expected, below)
      |> serves_http(label)
      |> resumes(label)
      |> accepts(label)
    else
      world
    end
  end

  # Each session has got every message since, or has been told that its guild was away.
  defp check(world, label, expected, below) do
    ended = if expected == "end", do: below, else: []

    clients =
      for {person, client} <- world.clients do
        if client.session_id in ended do
          assert closed?(client), label
          fresh(world)
        else
          {person, caught_up(world, client, label, expected)}
        end
      end

    %{world | clients: clients}
  end

  defp fresh(world) do
    person = member(world.node, world.guild_id)
    {person, session(person)}
  end

  # Reads what has come, up to a message that is posted now. If the guild was away, a message may have
  # been missed, and the next one is waited for.
  defp caught_up(world, client, label, expected) do
    marker = "marker #{System.unique_integer([:positive])}"
    until(fn -> match?({:ok, _message}, post(world, marker)) end)

    case read(client, client.sequence, marker) do
      {:seen, client} ->
        client

      {:lost, client} ->
        assert expected == "again", "#{label}: the guild was away"
        caught_up(world, client, label, expected)
    end
  end

  defp read(client, sequence, marker) do
    case GatewayClient.recv(client) do
      {%{"op" => 0, "s" => number} = event, client} ->
        assert number == sequence + 1
        read_on(event, client, marker)

      {%{"op" => op}, client} ->
        assert op == 11
        read(client, sequence, marker)
    end
  end

  defp read_on(%{"t" => "GUILD_DELETE", "d" => data}, client, _marker) do
    assert data["unavailable"]
    {:lost, created(client, client.sequence)}
  end

  defp read_on(%{"t" => "MESSAGE_CREATE", "d" => %{"content" => marker}}, client, marker),
    do: {:seen, client}

  defp read_on(_event, client, marker), do: read(client, client.sequence, marker)

  # Its attempts to attach may be refused for a while.
  defp created(client, sequence) do
    {%{"op" => 0, "s" => number} = event, client} = GatewayClient.recv(client)
    assert number == sequence + 1
    if event["t"] == "GUILD_CREATE", do: client, else: created(client, number)
  end

  defp post(world, content) do
    command = {:create_message, world.channel_id, %{content: content}}
    Guild.run(world.node.instance, world.guild_id, world.owner.id, command)
  end

  # A connection that is kept alive is still served, unless it went with what was killed.
  defp serves_http(world, label) do
    if label =~ ~r/Endpoint|Http.Connection/ do
      until(fn -> match?({:ok, _http}, connect(world.node)) end)
      {:ok, http} = connect(world.node)
      %{world | http: alive(http)}
    else
      %{world | http: alive(world.http)}
    end
  end

  defp connect(node) do
    {:ok, HttpClient.connect(node.port)}
  rescue
    MatchError -> :error
  end

  defp alive(http) do
    {%{status: 200}, http} = HttpClient.request(http, "GET", "/api/v10/gateway")
    http
  end

  # The session is found by its id.
  defp resumes(%{clients: [{person, client} | others]} = world, _label) do
    until(fn -> Session.count(world.node.instance) == 6 end)
    client = GatewayClient.cut(client)

    resumed =
      world.node |> GatewayClient.open() |> GatewayClient.send_resume(person.token, client)

    {%{}, resumed} = GatewayClient.await(resumed, "RESUMED")
    %{world | clients: others ++ [{person, resumed}]}
  end

  # The API answers, and a new session begins and says goodbye.
  defp accepts(world, _label) do
    person = member(world.node, world.guild_id)
    assert {200, _user} = FullNode.call(person, :get, "/users/@me")
    client = session(person)
    GatewayClient.close(client, 1000)
    until(fn -> Session.count(world.node.instance) == 6 end)
    world
  end

  defp closed?(client) do
    case GatewayClient.recv(client) do
      {{:close, _code}, _client} -> true
      {_event, client} -> closed?(client)
    end
  rescue
    # A process that is killed says nothing more.
    _error in [MatchError, ExUnit.AssertionError] -> true
  end

  defp kill(pid) do
    monitor = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert_receive {:DOWN, ^monitor, :process, ^pid, _reason}, 5_000
  end

  # Asks again and again, since processes that are restarted tell nobody.
  defp until(fun, left \\ 1_000) do
    unless fun.() do
      assert left > 0, "it did not come to that"

      receive do
      after
        20 -> until(fun, left - 1)
      end
    end
  end

  defp rows do
    text = File.read!("ARCHITECTURE.md")

    for line <- String.split(text, "\n"),
        ["", names, sessions, _loss, ""] <- [String.split(line, "|")],
        sessions = String.trim(sessions),
        sessions in ["stay", "again", "end"],
        [name] <- Regex.scan(~r/`([^`]+)`/, names, capture: :all_but_first),
        into: %{},
        do: {name, sessions}
  end

  defp sessions_below(node, pid) do
    below = [pid | for({"Session.Server", session} <- subtree(node, "", pid, []), do: session)]

    registry = Session.Supervisor.registry(node.instance)

    for {id, session, _user} <- Guildhall.PartitionedRegistry.entries(registry),
        session in below,
        do: id
  end

  defp labels(node), do: Enum.map(tree(node), &elem(&1, 0))

  defp root(node), do: Process.whereis(Instance.child(node.instance, :supervisor))

  # Every process of the node by its label, those included that a worker has linked.
  defp tree(node) do
    root = root(node)
    processes = [{"Supervisor", root} | if(root, do: subtree(node, "", root, []), else: [])]
    known = MapSet.new(processes, &elem(&1, 1))

    readers =
      for {"Store", store} <- processes,
          {:links, links} <- [Process.info(store, :links)],
          pid <- links,
          is_pid(pid) and pid not in known,
          do: {"Store.Reader", pid}

    processes ++ readers
  end

  defp subtree(node, label, supervisor, acc) do
    for {id, pid, type, _modules} <- children(supervisor), is_pid(pid), reduce: acc do
      acc ->
        child = label(node, label, id, pid)
        acc = [{child, pid} | acc]
        if type == :supervisor, do: subtree(node, child, pid, acc), else: acc
    end
  end

  defp children(supervisor) do
    if supervisor?(supervisor), do: Supervisor.which_children(supervisor), else: []
  catch
    :exit, _gone -> []
  end

  defp supervisor?(pid) do
    {:dictionary, dictionary} = Process.info(pid, :dictionary) || {:dictionary, []}
    initial_call = dictionary[:"$initial_call"]
    match?({:supervisor, _, _}, initial_call) or match?({BackoffSupervisor, _, _}, initial_call)
  end

  defp label(node, parent, :undefined, pid) do
    {:dictionary, dictionary} = Process.info(pid, :dictionary) || {:dictionary, []}
    {module, _function, _arity} = dictionary[:"$initial_call"] || {parent, 0, 0}
    short(node, module)
  end

  defp label(_node, parent, id, _pid) when is_integer(id), do: parent <> ".P"
  defp label(node, _parent, {module, _which}, _pid), do: short(node, module)
  defp label(node, _parent, id, _pid), do: short(node, id)

  defp short(node, name) do
    name
    |> inspect()
    |> String.replace(~r/^(#{inspect(node.instance)}|Guildhall)\./, "")
    |> String.replace(~r/\.P\d+/, ".P")
    |> String.replace(~r/PIDPartition\d+/, "PIDPartition")
  end
end
