defmodule Guildhall.Redteam.Node do
  @moduledoc false

  # A node that `bin/run` started with default options. This VM is connected to it by Erlang's
  # distribution on loopback, so that processes inside the node can be listed and killed.

  alias Guildhall.{Demo, PeerNodes}
  alias Guildhall.Redteam.Inside

  @enforce_keys [:name, :program, :port, :secret, :os_pid]
  defstruct @enforce_keys

  @loopback "{127,0,0,1}"

  def start do
    PeerNodes.distribute()
    name = :"guildhall-redteam-#{System.pid()}@127.0.0.1"

    flags =
      "-name #{name} -setcookie #{Node.get_cookie()} -kernel inet_dist_use_interface #{@loopback} " <>
        "-kernel prevent_overlapping_partitions false"

    {program, env} = Demo.start(Demo.data(), [members: 3], [{"ERL_ZFLAGS", flags}])
    env = Map.new(env)
    true = Node.connect(name)
    {Inside, binary, file} = :code.get_object_code(Inside)
    {:module, Inside} = :erpc.call(name, :code, :load_binary, [Inside, file, binary])

    %__MODULE__{
      name: name,
      program: program,
      os_pid: :erpc.call(name, System, :pid, []),
      port: URI.parse(env["BASE_URL"]).port,
      secret: env["OPERATOR_SECRET"]
    }
  end

  @doc "Calls a function inside the node."
  def call(node, module, function, arguments, timeout \\ 5_000) do
    :erpc.call(node.name, module, function, arguments, timeout)
  end

  @doc "Kills a process inside the node."
  def kill(node, pid), do: call(node, Process, :exit, [pid, :kill])

  @doc "Returns how many bytes the node's VM has in memory."
  def memory(node) do
    case Regex.run(~r/VmRSS:\s+(\d+)/, File.read!("/proc/#{node.os_pid}/status")) do
      [_all, kilobytes] -> String.to_integer(kilobytes) * 1_024
      nil -> :unknown
    end
  rescue
    File.Error -> :unknown
  end

  @doc "Returns the lines that the node printed since the last call."
  def output(%{program: %{port: port}} = node, lines \\ []) do
    receive do
      {^port, {:data, {_eol, line}}} -> output(node, [line | lines])
      {^port, {:exit_status, status}} -> ExUnit.Assertions.flunk("the node ended with #{status}")
    after
      0 -> Enum.reverse(lines)
    end
  end
end
