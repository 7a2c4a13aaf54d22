defmodule Bench.Load.Node do
  @moduledoc false

  # A server of its own for a load test: `mix guildhall.run` as another program, on one core, without
  # rate limits. It does not outlive the VM that started it.

  @enforce_keys [:url, :data, :pid, :port]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          url: String.t(),
          data: Path.t(),
          pid: pos_integer() | nil,
          # The tether of a node that was started here, nil for one that ran before.
          port: port() | nil
        }

  @start_timeout 120_000
  @stop_timeout 15_000

  # Says the command's pid, and stops it when stdin ends, which it does with the VM at the other end.
  @tether ~S"""
  "$@" </dev/null >"$LOAD_LOG" 2>&1 &
  echo $!
  while read -r _line; do :; done
  kill -TERM $! 2>/dev/null
  """

  @doc "A node that runs already; nothing is known of what it uses without its pid."
  @spec running(String.t(), Path.t(), pos_integer() | nil) :: t()
  def running(url, data, pid), do: %__MODULE__{url: url, data: data, pid: pid, port: nil}

  @doc "Starts a node on the folder and waits until it answers."
  @spec start!(Path.t(), core :: non_neg_integer() | nil) :: t()
  def start!(data, core) do
    env = data <> ".env"
    log = data <> ".log"
    File.rm(env)

    command =
      pin(core) ++
        ["elixir", "--erl", "-args_file bin/lib/vm.args +S 1:1", "-S", "mix", "guildhall.run"] ++
        ["--port", "0", "--data", data, "--members", "3", "--no-rate-limits", "--env", env]

    port =
      Port.open({:spawn_executable, System.find_executable("sh")}, [
        :binary,
        {:line, 1_024},
        {:args, ["-c", @tether, "sh" | command]},
        {:env, [{~c"MIX_ENV", ~c"prod"}, {~c"LOAD_LOG", String.to_charlist(log)}]}
      ])

    pid = receive(do: ({^port, {:data, {:eol, pid}}} -> String.to_integer(pid)))
    node = %__MODULE__{url: "", data: data, pid: pid, port: port}
    await(node, now() + @start_timeout, fn -> File.exists?(env) end, "did not start", log)
    %{node | url: url!(env)}
  end

  @doc "Stops a node that was started here, and waits until it is gone."
  @spec stop(t()) :: :ok
  def stop(%__MODULE__{port: nil}), do: :ok

  def stop(%__MODULE__{port: port} = node) do
    Port.close(port)
    gone(node, now() + @stop_timeout)
  end

  @doc "The words before a command that keep it on one core, where the system can."
  @spec pin(core :: non_neg_integer() | nil) :: [String.t()]
  def pin(nil), do: []
  def pin(core), do: ["taskset", "-c", "#{core}"]

  defp gone(%{pid: pid} = node, deadline) do
    cond do
      not alive?(pid) ->
        :ok

      now() > deadline ->
        System.cmd("kill", ["-KILL", "#{pid}"], stderr_to_stdout: true)
        :ok

      true ->
        Process.sleep(50)
        gone(node, deadline)
    end
  end

  defp await(node, deadline, ready?, problem, log) do
    cond do
      ready?.() ->
        :ok

      alive?(node.pid) and now() < deadline ->
        Process.sleep(50)
        await(node, deadline, ready?, problem, log)

      true ->
        stop(node)
        Mix.raise("the server #{problem}:\n#{tail(log)}")
    end
  end

  defp alive?(pid), do: File.exists?("/proc/#{pid}")

  defp tail(log) do
    case File.read(log) do
      {:ok, text} -> text |> String.split("\n") |> Enum.take(-20) |> Enum.join("\n")
      {:error, _reason} -> ""
    end
  end

  defp url!(env) do
    [_all, url] = Regex.run(~r{^BASE_URL=(.*)/api$}m, File.read!(env))
    url
  end

  defp now, do: System.monotonic_time(:millisecond)
end
