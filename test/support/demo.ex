defmodule Guildhall.Demo do
  @moduledoc false

  # A node as a user starts it: the program `bin/run` with a folder of its own, and the environment
  # that it wrote for scripts.

  alias Guildhall.Program

  @doc "Starts one node for a whole module's tests."
  def start_all(options \\ []) do
    {program, env} = start(data(), options)
    %{program: program, env: env}
  end

  @doc "A fresh folder for a node's data, removed when the tests end."
  def data do
    folder =
      Path.join(
        System.tmp_dir!(),
        "guildhall-#{System.unique_integer([:positive])}-#{System.pid()}"
      )

    ExUnit.Callbacks.on_exit(folder, fn -> File.rm_rf!(folder) end)
    folder
  end

  @doc """
  Starts a node on the folder, waits until it answers, and returns it with its environment.

  `variables` are set in the environment of the program.
  """
  def start(data, options \\ [], variables \\ []) do
    file = data <> ".env"
    ExUnit.Callbacks.on_exit(file, fn -> File.rm(file) end)
    arguments = arguments(data, options) ++ ["--env", file]
    program = Program.start("bin/run", arguments, env: clean() ++ variables)
    # The VM outlives the script that started it, unless it is killed before that.
    ExUnit.Callbacks.on_exit({:vm, program.os_pid}, fn -> signal_vm(program) end)
    {_line, _before} = Program.await_line(program, &(&1 =~ "is running on"), 300_000)
    {program, [{"OPERATOR_SECRET", secret(data)} | read(file)]}
  end

  @doc "Runs `bin/run` to its end, for starts that must fail."
  def run(data, options \\ []) do
    Program.run("bin/run", arguments(data, options), env: clean())
  end

  @doc "Kills the node's VM, which is in a process group of its own under the script, and waits."
  def kill(program) do
    signal_vm(program)
    {_status, _output} = Program.await_exit(program)
    :ok
  end

  defp signal_vm(program) do
    {children, _status} = System.cmd("pgrep", ["-P", "#{program.os_pid}"])
    for pid <- String.split(children), do: Program.signal(String.to_integer(pid), "KILL")
  end

  defp arguments(data, options) do
    options = Keyword.merge([port: 0, data: data], options)

    Enum.flat_map(options, fn {name, value} ->
      flag = "--" <> String.replace("#{name}", "_", "-")
      if value == true, do: [flag], else: [flag, "#{value}"]
    end)
  end

  # What the operator sends to /admin.
  defp secret(data) do
    data |> Path.join("operator.key") |> File.read!() |> Base.url_encode64(padding: false)
  end

  # The test run's own settings are not the node's.
  defp clean, do: [{"MIX_ENV", nil}, {"MIX_TARGET", nil}, {"BENCH_MS", nil}]

  defp read(file) do
    for line <- file |> File.read!() |> String.split("\n", trim: true) do
      [name, value] = String.split(line, "=", parts: 2)
      {name, value}
    end
  end
end
