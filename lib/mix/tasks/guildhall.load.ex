defmodule Mix.Tasks.Guildhall.Load do
  @shortdoc "Puts thousands of clients on a node and measures what it costs"

  @moduledoc """
  Puts thousands of gateway clients on a node, posts to them, and measures what that costs.

      mix guildhall.load                                   # the whole table, in some minutes
      mix guildhall.load --quick                           # 20 clients for 2 s: does it all work?
      mix guildhall.load --clients 1000 --mode saturated --transport plain
      mix guildhall.load --clients 100,1000,10000 --mode storm --transport plain
      mix guildhall.load --url http://127.0.0.1:4000 --data data --pid 4711
      mix guildhall.load --virtual 1000000                 # a million sessions without sockets

  Without `--url` it starts a node of its own for every row: another program with one scheduler on
  core 0, and the load generator (`bench/load`, built with cargo) on core 1. Every client is a
  bot of its own, and all are members of one guild. Linux only, since that is where CPU time and memory
  are read from.

    * `--clients` - how many, with commas; `100,1000,10000`. A process has 20,000 sockets
    * `--mode` - with commas; `paced,saturated`. *paced* posts by the clock, *saturated* keeps
      messages under way that not every client has, *storm* lets everybody come online at once and
      hear of everybody
    * `--transport` - with commas; `plain,zstd-stream`. There is `zlib-stream`, too
    * `--seconds` - how long each mode is measured; 10
    * `--rate` - deliveries a second when paced; 10000
    * `--in-flight` - messages under way when saturated; 8
    * `--body` - length of a message's content in bytes; 256
    * `--read` - how many clients decompress and check everything they get; 256. The others count
      it. Plain clients all check
    * `--url`, `--data`, `--pid` - a node that runs already, its data folder with the operator's
      secret, and its process. Start it with `--no-rate-limits`. Bots that were made stay behind
    * `--output` - where the results go as JSON, and beside it as a picture;
      `bench/results/load.json`, with `--quick` nowhere

  ## Sessions without sockets

  `--virtual N` attaches N sessions with real outboxes to a real room in this VM, a light process each,
  and tells what it costs to attach them, to deliver to them, and what the room's own process spends
  when a member, a role or a channel changes. `--members M` makes the guild larger than those who are
  online; with `--data` they stay in that folder for the next run, since to write 20 million takes a quarter of
  an hour. The VM must be allowed as many processes: `ELIXIR_ERL_OPTIONS="+P 2000000"` for a million, which take
  some 6 GB. The results go to `bench/results/virtual.json`.

  ## Storms

  Everybody comes at once, and has the intent for presences. Two sums of CPU time are told: until each client
  has READY and its GUILD_CREATE, and until nothing has come for five seconds (or after two minutes), when all know of all: that is
  a delivery for each two of them, which a room spreads over as long as it takes.

  ## What is measured

  CPU time is the server's, user and system, from `/proc`. Bytes per connection are the growth of its
  resident memory from the start to the silence after everybody has come. A latency counts from the
  moment at which a message was due.
  """

  use Mix.Task

  alias Bench.Load.{Crowd, Generator, Node, Report, Virtual}

  # In bench/support, which is compiled for development and tests alone.
  @compile {:no_warn_undefined, [Crowd, Generator, Node, Report, Virtual]}

  @switches [
    clients: :string,
    mode: :string,
    transport: :string,
    seconds: :float,
    rate: :float,
    in_flight: :integer,
    body: :integer,
    read: :integer,
    url: :string,
    data: :string,
    pid: :integer,
    output: :string,
    virtual: :integer,
    members: :integer,
    quick: :boolean,
    help: :boolean
  ]
  @defaults [
    clients: "100,1000,10000",
    mode: "paced,saturated",
    transport: "plain,zstd-stream",
    seconds: 10.0,
    rate: 10_000.0,
    in_flight: 8,
    body: 256,
    read: 256
  ]
  @quick [clients: "20", seconds: 2.0, rate: 1_000.0]
  @modes ~w(paced saturated storm)
  @transports ~w(plain zlib-stream zstd-stream)
  # Guilds, their messages, the messages' content; and presences.
  @intents 33_281
  @presences 256

  @impl Mix.Task
  def run(arguments) do
    options = options(arguments)

    cond do
      options[:help] -> Mix.shell().info(@moduledoc)
      options[:virtual] -> virtual(options, arguments)
      true -> clients(options, arguments)
    end
  end

  defp virtual(options, arguments) do
    Mix.Task.run("app.start")
    online = options[:virtual]
    allowed!(online)
    members = max(options[:members] || online, online)

    figures =
      if options[:data],
        do: Virtual.run!(options[:data], online, members),
        else: in_folder(&Virtual.run!(&1, online, members))

    environment = environment("in this VM", arguments)
    Mix.shell().info(Report.figures(figures, online, members, environment))
    keep(options, "virtual", figures, environment)
  end

  # The node itself has some hundreds.
  defp allowed!(online) do
    if :erlang.system_info(:process_limit) < online + 10_000 do
      wanted = 2 * online + 100_000

      Mix.raise(
        "--virtual #{online} needs more processes: set ELIXIR_ERL_OPTIONS=\"+P #{wanted}\""
      )
    end
  end

  defp clients(options, arguments) do
    Mix.Task.run("app.start")
    :ok = Generator.build!()
    results = if options[:url], do: running(options), else: own(options)
    environment = environment(pinning(options), arguments)
    Mix.shell().info(Report.text(results, environment))
    file = keep(options, "load", results, environment)
    if file, do: File.write!(Path.rootname(file) <> ".svg", Report.plot(results, environment))
  end

  # What was tried in a hurry is not worth keeping, unless it is asked for.
  defp keep(options, name, results, environment) do
    file = options[:output] || unless options[:quick], do: "bench/results/#{name}.json"
    if file, do: Report.write!(file, results, environment)
    file
  end

  defp options(arguments) do
    case OptionParser.parse(arguments, strict: @switches) do
      {options, [], []} ->
        given = if options[:quick], do: Keyword.merge(@quick, options), else: options
        @defaults |> Keyword.merge(given) |> Enum.map(&option/1)

      {_options, [word | _rest], _invalid} ->
        Mix.raise("unknown argument #{word}; --help lists the options")

      {_options, [], [{name, _value} | _rest]} ->
        Mix.raise("#{name} is no option or its value is wrong; --help lists the options")
    end
  end

  defp option({:clients, text}) do
    {:clients, for(word <- words(text), do: integer(:clients, word, 1..19_000))}
  end

  defp option({:mode, text}), do: {:mode, among(:mode, text, @modes)}
  defp option({:transport, text}), do: {:transport, among(:transport, text, @transports)}

  defp option({name, n}) when name in [:virtual, :members] and n not in 1..50_000_000,
    do: wrong(name, n, "1 to 50000000")

  defp option({:body, n}) when n not in 1..2_000, do: wrong(:body, n, "1 to 2000")
  defp option({:in_flight, n}) when n not in 1..1_000, do: wrong(:in_flight, n, "1 to 1000")
  defp option({:seconds, n}) when n <= 0, do: wrong(:seconds, n, "more than 0")
  defp option({:rate, n}) when n <= 0, do: wrong(:rate, n, "more than 0")
  defp option(option), do: option

  defp words(text), do: String.split(text, ",", trim: true)

  defp integer(name, word, range) do
    case Integer.parse(word) do
      {n, ""} -> if n in range, do: n, else: wrong(name, n, "#{range.first} to #{range.last}")
      _other -> wrong(name, word, "#{range.first} to #{range.last}")
    end
  end

  defp among(name, text, known) do
    for word <- words(text) do
      if word in known, do: word, else: wrong(name, word, Enum.join(known, ", "))
    end
  end

  @spec wrong(atom(), term(), String.t()) :: no_return()
  defp wrong(name, value, right) do
    flag = String.replace("#{name}", "_", "-")
    Mix.raise("--#{flag} cannot be #{value}; it may be #{right}")
  end

  # A node that runs already: one row after the other.
  defp running(options) do
    data = options[:data] || Mix.raise("--url needs --data, the node's data folder")
    node = Node.running(options[:url], data, options[:pid])

    in_folder(fn folder ->
      for clients <- options[:clients] do
        crowd = crowd(node, clients, folder)
        results = rows(options, clients, &row(&1, node, crowd, options))
        :ok = Crowd.dissolve!(crowd, node)
        results
      end
      |> Enum.concat()
    end)
  end

  # A fresh node for every row, so that memory is that of its clients alone.
  defp own(options) do
    in_folder(fn folder ->
      data = Path.join(folder, "data")

      crowds =
        with_node(data, fn node -> Enum.map(options[:clients], &crowd(node, &1, folder)) end)

      for crowd <- crowds do
        rows(options, crowd.size, &with_node(data, fn node -> row(&1, node, crowd, options) end))
      end
      |> Enum.concat()
    end)
  end

  defp with_node(data, fun) do
    node = Node.start!(data, core(0))

    try do
      fun.(node)
    after
      Node.stop(node)
    end
  end

  defp in_folder(fun) do
    folder = Path.join(System.tmp_dir!(), "guildhall-load-#{System.pid()}")
    File.mkdir_p!(folder)
    File.chmod!(folder, 0o700)

    try do
      fun.(folder)
    after
      File.rm_rf!(folder)
    end
  end

  defp crowd(node, clients, folder) do
    Mix.shell().info("Making #{clients} bots and their guild")
    Crowd.make!(node, clients, Path.join(folder, "#{clients}.tokens"))
  end

  # A storm is a row of its own, since other clients come.
  defp rows(options, clients, row) do
    {storm, posting} = Enum.split_with(options[:mode], &(&1 == "storm"))

    for transport <- options[:transport], modes <- [posting, storm], modes != [] do
      Mix.shell().info("#{clients} clients, #{transport}: #{Enum.join(modes, ", ")}")
      row.({transport, modes})
    end
  end

  defp row({transport, modes}, node, crowd, options) do
    storm? = modes == ["storm"]

    flags = [
      clients: crowd.size,
      transport: transport,
      intents: @intents + if(storm?, do: @presences, else: 0),
      read: options[:read],
      # Longer than a window of presences.
      settle: if(storm?, do: 5),
      paced: if("paced" in modes, do: options[:rate]),
      saturated: if("saturated" in modes, do: options[:in_flight]),
      seconds: options[:seconds],
      body: options[:body]
    ]

    node |> Generator.run!(crowd, flags, core(1)) |> Map.put("presences", storm?)
  end

  defp core(n) do
    if pinned?(), do: n
  end

  defp pinned?, do: System.find_executable("taskset") != nil and System.schedulers_online() > 1

  defp environment(pinning, arguments) do
    %{
      machine: machine(),
      pinning: pinning,
      commit: commit(),
      command: Enum.join(["mix guildhall.load" | arguments], " "),
      otp: System.otp_release(),
      elixir: System.version(),
      at: DateTime.utc_now() |> DateTime.truncate(:second) |> DateTime.to_iso8601()
    }
  end

  defp pinning(options) do
    cond do
      options[:url] -> "a server that ran already"
      pinned?() -> "server on core 0 with one scheduler, generator on core 1"
      true -> "not pinned"
    end
  end

  defp machine do
    cpu = "/proc/cpuinfo" |> File.read!() |> then(&Regex.run(~r/^model name\s*: (.*)$/m, &1))
    "#{if cpu, do: List.last(cpu), else: "unknown CPU"}, #{System.schedulers_online()} cores"
  end

  defp commit do
    case System.cmd("git", ~w(describe --always --dirty), stderr_to_stdout: true) do
      {commit, 0} -> String.trim(commit)
      {_output, _status} -> "unknown"
    end
  end
end
