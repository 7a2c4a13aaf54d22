defmodule Mix.Tasks.Guildhall.Run do
  @shortdoc "Starts a node with a demo guild"

  @moduledoc """
  Starts a node with a demo guild and runs until it is told to stop.

      mix guildhall.run --port 4000 --data data

  `bin/run` calls it, after installing what is missing, and explains the options with `--help`.
  """

  use Mix.Task

  alias Guildhall.Seed

  @switches [
    port: :integer,
    ip: :string,
    data: :string,
    members: :integer,
    rate_limits: :boolean,
    max_connections: :integer,
    connections_per_address: :integer,
    max_sessions: :integer,
    trusted_proxies: :string,
    pages: :string,
    compression: :string,
    context_bytes: :integer,
    env: :string
  ]
  @policies %{"shared" => :shared, "context" => :context, "auto" => :auto}
  @readers %{"public" => :public, "operator" => :operator}
  @limits [:max_connections, :connections_per_address, :max_sessions]
  @instance Guildhall

  @impl Mix.Task
  def run(arguments) do
    options = options(arguments)

    # Nothing of the library is logged by itself; what an operator must know, `Guildhall.Log` says.
    Logger.configure(level: :warning)
    {:ok, _applications} = Application.ensure_all_started(:guildhall)
    :ok = Guildhall.Log.attach()

    case Guildhall.Application.start_node(node_options(options)) do
      :ok -> serve(options)
      {:error, reason} -> fail(message(reason, options))
    end
  end

  defp options(arguments) do
    case OptionParser.parse(arguments, strict: @switches) do
      {options, [], []} ->
        defaults = [port: 4000, ip: "127.0.0.1", data: "data", members: 1203, rate_limits: true]
        defaults |> Keyword.merge(options) |> Enum.map(&option/1)

      {_options, [word | _rest], _invalid} ->
        fail("unknown argument #{word}; bin/run --help lists the options")

      {_options, [], [{name, nil} | _rest]} ->
        fail("#{name} is no option or lacks its value; bin/run --help lists the options")

      {_options, [], [{name, value} | _rest]} ->
        fail("#{name} cannot be #{value}; bin/run --help lists the options")
    end
  end

  defp option({:port, port}) when port not in 0..65_535, do: fail("--port must be 0 to 65535")

  defp option({:members, n}) when n not in 3..50_000_000,
    do: fail("--members must be 3 to 50000000")

  defp option({:compression, policy}) when is_map_key(@policies, policy),
    do: {:compression, Map.fetch!(@policies, policy)}

  defp option({:compression, _policy}), do: fail("--compression must be shared, context or auto")

  defp option({:context_bytes, bytes}) when bytes < 0,
    do: fail("--context-bytes must be 0 or more")

  defp option({name, n}) when name in @limits and n < 1,
    do: fail("--#{String.replace("#{name}", "_", "-")} must be 1 or more")

  defp option({:pages, readers}) when is_map_key(@readers, readers),
    do: {:pages, Map.fetch!(@readers, readers)}

  defp option({:pages, _readers}), do: fail("--pages must be public or operator")

  defp option({:trusted_proxies, text}) do
    networks = String.split(text, ",", trim: true)

    unless Enum.all?(networks, &match?({:ok, _network}, Guildhall.Http.Address.network(&1))),
      do: fail("--trusted-proxies must be addresses and networks, such as 127.0.0.1,10.0.0.0/8")

    {:trusted_proxies, networks}
  end

  defp option({name, path}) when name in [:data, :env], do: {name, Path.expand(path, cwd())}

  defp option({:ip, text}) do
    case text |> String.to_charlist() |> :inet.parse_address() do
      {:ok, ip} -> {:ip, ip}
      {:error, _reason} -> fail("--ip must be an address, such as 127.0.0.1")
    end
  end

  defp option(option), do: option

  # `bin/run` changes into the project's folder; paths are meant from where the caller was.
  defp cwd, do: System.get_env("GUILDHALL_CWD") || File.cwd!()

  defp node_options(options) do
    [name: @instance] ++
      Keyword.take(
        options,
        [:port, :ip, :data, :rate_limits, :compression, :context_bytes, :trusted_proxies] ++
          @limits
      )
  end

  defp serve(options) do
    case Seed.run(@instance, members: options[:members], progress: &progress/2) do
      {:ok, seed} ->
        if options[:env], do: write_env(options[:env], seed)
        Mix.shell().info(Guildhall.Banner.text(@instance, seed, options[:data]))
        Process.sleep(:infinity)

      {:error, reason} ->
        fail("the demo guild could not be made: #{inspect(reason)}")
    end
  end

  defp progress(done, all) do
    Mix.shell().info("Making the demo guild: #{done} of #{all} members")
  end

  # Readable by the owner alone from its first byte, and whole from the moment that it exists.
  defp write_env(path, seed) do
    beside = "#{path}.#{System.pid()}"

    lines =
      for {name, value} <- Guildhall.Banner.environment(@instance, seed), do: "#{name}=#{value}\n"

    with :ok <- File.touch(beside),
         :ok <- File.chmod(beside, 0o600),
         :ok <- File.write(beside, lines),
         :ok <- File.rename(beside, path) do
      :ok
    else
      {:error, reason} -> fail("cannot write #{path}: #{:file.format_error(reason)}")
    end
  end

  defp message(:eaddrinuse, options) do
    "port #{options[:port]} is in use; stop what listens there or choose another with --port"
  end

  defp message(:eacces, options), do: "port #{options[:port]} may not be listened on by this user"

  defp message(:eaddrnotavail, options) do
    "#{:inet.ntoa(options[:ip])} is no address of this machine"
  end

  defp message(:in_use, options) do
    "#{options[:data]} is in use by another node; stop that or choose another folder with --data"
  end

  defp message(:not_writable, options) do
    "#{options[:data]} is not writable; choose another folder with --data"
  end

  defp message(:not_a_folder, options) do
    "#{options[:data]} is no folder; choose a folder with --data"
  end

  defp message(:storage_full, options) do
    "there is no room on the disk of #{options[:data]}; make room or choose another with --data"
  end

  defp message(:newer_format, options) do
    "#{options[:data]} was written by a newer Guildhall; start that, or choose another with --data"
  end

  defp message(reason, options) do
    "the node could not start on #{options[:data]}: #{inspect(reason)}"
  end

  @spec fail(String.t()) :: no_return()
  defp fail(message) do
    IO.puts(:stderr, "guildhall: #{message}")
    System.halt(1)
  end
end
