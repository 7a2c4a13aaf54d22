# A dependency's mix.exs is evaluated more than once; its compiler is loaded once.
unless Code.ensure_loaded?(Mix.Tasks.Compile.GuildhallCargo) do
  Code.require_file("mix_tasks/compile.guildhall_cargo.ex", __DIR__)
end

defmodule Guildhall.MixProject do
  use Mix.Project

  @version "0.1.0"

  def project do
    [
      app: :guildhall,
      version: @version,
      elixir: "~> 1.14",
      compilers: [:guildhall_cargo] ++ Mix.compilers(),
      elixirc_paths: elixirc_paths(Mix.env()),
      start_permanent: Mix.env() == :prod,
      aliases: aliases(),
      # What tests and benchmarks use of OTP and the system is no part of the application.
      prune_code_paths: false,
      # Only Mix tasks ask over HTTP, and they start what they need.
      xref: [exclude: [:httpc]],
      deps: [],
      description: "A chat cluster that speaks Discord's protocol: Elixir, with Rust NIFs",
      package: package()
    ]
  end

  def application do
    [
      mod: {Guildhall.Application, []},
      extra_applications: [:logger, :crypto, :ssl, :public_key] ++ applications(Mix.env())
    ]
  end

  # PropEr, from the system's packages.
  defp applications(:test), do: [:proper]
  defp applications(_env), do: []

  defp elixirc_paths(:dev), do: ["lib", "bench/support"]
  defp elixirc_paths(:test), do: ["lib", "bench/support", "test/support", "test/redteam"]
  defp elixirc_paths(_env), do: ["lib"]

  defp aliases do
    [
      lint: [
        "format --check-formatted",
        "compile --warnings-as-errors",
        "cmd cargo fmt --all --check",
        "cmd cargo clippy --quiet --workspace --all-targets -- -D warnings"
      ]
    ]
  end

  defp package do
    [
      licenses: ["Apache-2.0"],
      links: %{},
      files:
        ~w(lib docs mix_tasks native/*/src native/*/Cargo.toml native/*/build.rs Cargo.toml Cargo.lock
           bench/load/src bench/load/Cargo.toml priv/native/*.tar.gz checksum-*.exs mix.exs
           README.md LICENSE CHANGELOG.md .formatter.exs)
    ]
  end
end
