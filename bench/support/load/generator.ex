defmodule Bench.Load.Generator do
  @moduledoc false

  # The load generator of `bench/load`: built with cargo, run on a core of its own. It tells of its
  # progress on stderr by itself, and of its result in one line of JSON.

  alias Guildhall.Payload
  alias Bench.Load.{Crowd, Node}

  @manifest "bench/load/Cargo.toml"
  @program "target/release/load"

  @doc "Builds it if need be."
  @spec build!() :: :ok
  def build! do
    unless File.exists?(@manifest),
      do: Mix.raise("#{@manifest} is not here; run this in the folder of Guildhall's source")

    arguments = ~w(build --quiet --release --locked --manifest-path #{@manifest})

    case System.cmd("cargo", arguments, into: IO.stream()) do
      {_output, 0} -> :ok
      {_output, _status} -> Mix.raise("cargo could not build bench/load, see above")
    end
  end

  @doc "Connects the crowd to the node, lets it run, and returns the generator's result."
  @spec run!(Node.t(), Crowd.t(), [{atom(), term()}], core :: non_neg_integer() | nil) :: map()
  def run!(%Node{} = node, %Crowd{} = crowd, options, core) do
    options =
      [url: node.url, pid: node.pid, tokens: crowd.tokens] ++
        [poster: crowd.poster, channel: crowd.channel_id] ++ options

    [program | arguments] =
      Node.pin(core) ++ [Path.expand(@program) | Enum.flat_map(options, &flag/1)]

    case System.cmd(program, arguments) do
      {result, 0} -> Payload.decode!(result)
      {_output, _status} -> Mix.raise("the load generator gave up, see above")
    end
  end

  defp flag({_name, nil}), do: []
  defp flag({name, value}), do: ["--" <> String.replace("#{name}", "_", "-"), "#{value}"]
end
