defmodule Guildhall.Program do
  @moduledoc false

  # Programs of the operating system beside a test: run to their end, or started and spoken to by
  # signals. Output is kept; a program that a test started does not outlive it.

  import ExUnit.Assertions
  import ExUnit.Callbacks

  @enforce_keys [:port, :os_pid, :name]
  defstruct @enforce_keys

  @doc "Runs a program to its end; fails the test if it takes longer than the timeout."
  def run(path, arguments, options \\ []) do
    program = start(path, arguments, options)
    {status, output} = collect(program, Keyword.get(options, :timeout, 120_000), [])
    {status, output}
  end

  @doc "Starts a program; it is killed when the test ends."
  def start(path, arguments, options \\ []) do
    executable = find(path)

    environment =
      for {name, value} <- Keyword.get(options, :env, []) do
        {String.to_charlist(name), if(value, do: String.to_charlist(value), else: false)}
      end

    port =
      Port.open({:spawn_executable, executable}, [
        :binary,
        :exit_status,
        :stderr_to_stdout,
        :hide,
        {:line, 65_536},
        {:args, arguments},
        {:env, environment},
        {:cd, Keyword.get(options, :cd, File.cwd!())}
      ])

    {:os_pid, os_pid} = Port.info(port, :os_pid)
    on_exit({:kill, os_pid}, fn -> signal(os_pid, "KILL") end)
    %__MODULE__{port: port, os_pid: os_pid, name: Path.basename(path)}
  end

  @doc "Waits for a line for which the function is true; returns it and the lines before it."
  def await_line(%{port: port} = program, wanted, timeout \\ 60_000, lines \\ []) do
    receive do
      {^port, {:data, {_eol, line}}} ->
        if wanted.(line),
          do: {line, Enum.reverse(lines)},
          else: await_line(program, wanted, timeout, [line | lines])

      {^port, {:exit_status, status}} ->
        flunk("#{program.name} ended with #{status}:\n#{text(lines)}")
    after
      timeout -> flunk("#{program.name} said nothing that was waited for:\n#{text(lines)}")
    end
  end

  @doc "Waits for the program's end; returns its status and what it said since the last wait."
  def await_exit(program, timeout \\ 60_000), do: collect(program, timeout, [])

  @doc "Sends a signal, such as INT, to a program or an OS process."
  def signal(%__MODULE__{os_pid: os_pid}, name), do: signal(os_pid, name)

  def signal(os_pid, name) do
    System.cmd("kill", ["-#{name}", to_string(os_pid)], stderr_to_stdout: true)
    :ok
  end

  # A path is the project's; a bare name is looked for as a shell would.
  defp find(path) do
    file =
      if String.contains?(path, "/"), do: Path.expand(path), else: System.find_executable(path)

    if file && File.exists?(file), do: file, else: flunk("#{path} is not installed")
  end

  defp collect(%{port: port} = program, timeout, lines) do
    receive do
      {^port, {:data, {_eol, line}}} -> collect(program, timeout, [line | lines])
      {^port, {:exit_status, status}} -> {status, text(lines)}
    after
      timeout ->
        signal(program, "KILL")
        flunk("#{program.name} did not end in #{timeout} ms:\n#{text(lines)}")
    end
  end

  defp text(lines), do: lines |> Enum.reverse() |> Enum.join("\n")
end
