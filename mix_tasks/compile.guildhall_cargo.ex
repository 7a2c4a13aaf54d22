defmodule Mix.Tasks.Compile.GuildhallCargo do
  @moduledoc false

  # Puts the NIF library into `priv/native` of the build, from the first of:
  #
  #   1. the file that `GUILDHALL_NIF_PATH` names
  #   2. a precompiled archive in `priv/native` for which `checksum-Elixir.Guildhall.Native.exs`
  #      vouches; both named as rustler_precompiled names them
  #   3. cargo, which decides by itself what is stale
  #
  # It runs before `:elixir`, because mix loads `Guildhall.Native` while it compiles.

  use Mix.Task.Compiler

  @crate "guildhall_nif"
  @nif_version "2.16"
  @checksums "checksum-Elixir.Guildhall.Native.exs"

  @impl Mix.Task.Compiler
  def run(_args) do
    # Before the first file of priv, or mix would not link the folder.
    Mix.Project.build_structure()
    library = library()
    binary = prebuilt() || precompiled() || cargo(library)

    if File.read(library) == {:ok, binary}, do: {:noop, []}, else: install(binary, library)
  end

  @impl Mix.Task.Compiler
  def clean, do: File.rm(library())

  defp library do
    extension = if windows?(), do: "dll", else: "so"
    Path.join([Mix.Project.app_path(), "priv/native", "#{@crate}.#{extension}"])
  end

  # Written beside and renamed: to overwrite a library that a VM has mapped kills that VM.
  defp install(binary, library) do
    beside = "#{library}.#{System.pid()}"
    File.mkdir_p!(Path.dirname(library))
    File.write!(beside, binary)
    File.rename!(beside, library)
    {:ok, []}
  end

  defp prebuilt do
    path = System.get_env("GUILDHALL_NIF_PATH", "")

    cond do
      path == "" -> nil
      File.regular?(path) -> File.read!(path)
      true -> Mix.raise("GUILDHALL_NIF_PATH names no file: #{path}")
    end
  end

  defp precompiled do
    name = archive()

    with {:ok, archive} <- File.read(Path.join("priv/native", name)),
         {:ok, checksums} <- File.read(@checksums) do
      {checksums, _binding} = Code.eval_string(checksums, [], file: @checksums)
      digest = Base.encode16(:crypto.hash(:sha256, archive), case: :lower)

      unless checksums[name] == "sha256:#{digest}" do
        Mix.raise("priv/native/#{name} is not the file that #{@checksums} names; delete it")
      end

      {:ok, [{_name, binary}]} = :erl_tar.extract({:binary, archive}, [:compressed, :memory])
      binary
    else
      {:error, _reason} -> nil
    end
  end

  defp archive do
    {prefix, extension} = if windows?(), do: {"", "dll"}, else: {"lib", "so"}
    version = Mix.Project.config()[:version]
    "#{prefix}#{@crate}-v#{version}-nif-#{@nif_version}-#{target()}.#{extension}.tar.gz"
  end

  # Rust's name for the machine, from Erlang's: x86_64-pc-linux-gnu, aarch64-apple-darwin23.1.0.
  defp target do
    machine = List.to_string(:erlang.system_info(:system_architecture))
    [cpu | _rest] = String.split(machine, "-")
    cpu = Map.get(%{"amd64" => "x86_64", "arm64" => "aarch64", "win32" => "x86_64"}, cpu, cpu)

    cond do
      windows?() -> "#{cpu}-pc-windows-msvc"
      machine =~ "darwin" -> "#{cpu}-apple-darwin"
      machine =~ "musl" -> "#{cpu}-unknown-linux-musl"
      true -> "#{cpu}-unknown-linux-gnu"
    end
  end

  defp cargo(library) do
    cargo = System.find_executable("cargo") || Mix.raise(no_cargo())

    unless File.exists?(library) do
      Mix.shell().info("Building native/#{@crate} with cargo, a minute or so the first time")
    end

    # `nif_init` is exported for a primary package only, hence the manifest of the cdylib itself.
    # `--quiet` still shows errors and warnings, on stderr.
    arguments =
      ~w(rustc --quiet --release --lib --locked --message-format=json-render-diagnostics) ++
        ["--manifest-path", Path.expand("native/#{@crate}/Cargo.toml")]

    case System.cmd(cargo, arguments) do
      {messages, 0} -> messages |> artifact() |> File.read!()
      {_messages, _status} -> Mix.raise("cargo could not build native/#{@crate}, see above")
    end
  end

  # The one line of cargo's JSON about our library. Without a JSON library the path is unescaped
  # by hand; only Windows has something to unescape.
  defp artifact(messages) do
    message =
      messages
      |> String.split("\n")
      |> Enum.find(&(&1 =~ ~s("reason":"compiler-artifact") and &1 =~ ~s("name":"#{@crate}")))

    if message =~ ~s("fresh":false), do: Mix.shell().info("Compiled native/#{@crate} with cargo")
    [_all, names] = Regex.run(~r/"filenames":\[(.*?)\]/, message)

    ~r/"([^"]+\.(?:so|dylib|dll))"/
    |> Regex.run(names, capture: :all_but_first)
    |> hd()
    |> String.replace("\\\\", "\\")
  end

  defp no_cargo do
    """
    Guildhall is partly written in Rust, and cargo was not found. Either

      * install Rust 1.91 or newer (rustup, or a package of your system) so that
        `cargo --version` works in this shell, or
      * set GUILDHALL_NIF_PATH to a library that was built elsewhere for this machine
    """
  end

  defp windows?, do: match?({:win32, _name}, :os.type())
end
