defmodule Bench.Machine do
  @moduledoc false

  # Where and when something was measured.

  @doc "The facts, in the order in which they are shown."
  @spec facts(String.t()) :: keyword(String.t() | pos_integer())
  def facts(command) do
    [
      cpu: cpu(),
      cores: System.schedulers_online(),
      kernel: output("uname", ["-sr"]),
      otp: otp(),
      elixir: System.version(),
      rust: "rustc" |> output(["--version"]) |> String.split() |> Enum.at(1, "unknown"),
      commit: commit(),
      date: DateTime.utc_now() |> DateTime.truncate(:second) |> DateTime.to_iso8601(),
      command: command
    ]
  end

  @doc "The facts in two lines."
  @spec lines(keyword()) :: [String.t()]
  def lines(facts) do
    [
      "#{facts[:cpu]}, #{facts[:cores]} cores, #{facts[:kernel]}, OTP #{facts[:otp]}, " <>
        "Elixir #{facts[:elixir]}, Rust #{facts[:rust]}",
      "#{facts[:command]}, commit #{facts[:commit]}, #{facts[:date]}"
    ]
  end

  defp cpu do
    with {:ok, info} <- File.read("/proc/cpuinfo"),
         [_all, name] <- Regex.run(~r/^model name\s*: (.+)$/m, info) do
      name
    else
      _ -> to_string(:erlang.system_info(:system_architecture))
    end
  end

  defp otp do
    release = System.otp_release()

    case File.read(Path.join([:code.root_dir(), "releases", release, "OTP_VERSION"])) do
      {:ok, version} -> String.trim(version)
      {:error, _reason} -> release
    end
  end

  defp commit do
    changed =
      if output("git", ["status", "--porcelain", "--", "lib", "native"]) in ["", "unknown"],
        do: "",
        else: ", changed"

    output("git", ["rev-parse", "--short", "HEAD"]) <> changed
  end

  defp output(program, arguments) do
    with path when is_binary(path) <- System.find_executable(program),
         {text, 0} <- System.cmd(path, arguments, stderr_to_stdout: true) do
      String.trim(text)
    else
      _ -> "unknown"
    end
  end
end
