defmodule Guildhall.PeerNodes do
  @moduledoc false

  # Other nodes for a test, on loopback: each a VM of its own with this build's code, and nothing
  # started but what telemetry needs. They stop with the test.
  #
  #     PeerNodes.distribute()
  #     peer = PeerNodes.start(:a)
  #     PeerNodes.call(peer, Guildhall.Fanout, :stats, [MyFanout])

  import ExUnit.Callbacks, only: [on_exit: 1]

  @enforce_keys [:control, :node, :os_pid]
  defstruct @enforce_keys

  @host ~c"127.0.0.1"
  @loopback ~c"{127,0,0,1}"

  @doc "Makes this VM a node."
  def distribute do
    unless Node.alive?() do
      {_output, 0} = System.cmd("epmd", ["-address", "127.0.0.1", "-daemon"])
      Application.put_env(:kernel, :inet_dist_use_interface, {127, 0, 0, 1})
      Application.put_env(:kernel, :prevent_overlapping_partitions, false)
      {:ok, _pid} = Node.start(:"guildhall-test-#{System.pid()}@127.0.0.1", :longnames)
    end

    :ok
  end

  @doc "Starts a node. One with the name of another that has ended is that one come back."
  def start(name) do
    paths = Enum.flat_map(:code.get_path(), &[~c"-pa", &1])

    arguments =
      [~c"-kernel", ~c"inet_dist_use_interface", @loopback] ++
        [~c"-kernel", ~c"prevent_overlapping_partitions", ~c"false"] ++
        [~c"-kernel", ~c"logger_level", ~c"critical"] ++
        [~c"-setcookie", Atom.to_charlist(Node.get_cookie())] ++ paths

    {:ok, control, node} =
      :peer.start(%{
        name: :"#{name}-#{System.pid()}",
        host: @host,
        longnames: true,
        connection: :standard_io,
        args: arguments
      })

    {:ok, _started} = :peer.call(control, Application, :ensure_all_started, [:guildhall])
    true = Node.connect(node)
    os_pid = :peer.call(control, System, :pid, [])
    peer = %__MODULE__{control: control, node: node, os_pid: os_pid}
    on_exit(fn -> stop(peer) end)
    peer
  end

  @doc "Calls a function there, even if the connection between the nodes is down."
  def call(%__MODULE__{control: control}, module, function, arguments) do
    :peer.call(control, module, function, arguments)
  end

  @doc "Kills the VM at once."
  def kill(peer), do: signal(peer, "KILL")

  @doc "Lets the VM do nothing, not even read from its connections."
  def freeze(peer), do: signal(peer, "STOP")

  def thaw(peer), do: signal(peer, "CONT")

  defp stop(peer) do
    System.cmd("kill", ["-KILL", peer.os_pid], stderr_to_stdout: true)
    :peer.stop(peer.control)
  catch
    # It has ended already.
    :exit, _reason -> :ok
  end

  defp signal(peer, name) do
    {_output, 0} = System.cmd("kill", ["-#{name}", peer.os_pid])
    :ok
  end
end
