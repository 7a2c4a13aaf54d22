defmodule Guildhall.System.DependencyTest do
  use ExUnit.Case, async: false

  # Guildhall as a path dependency of another Mix project, from the files that the package ships
  # and nothing else.

  alias Guildhall.Program

  @moduletag :system
  @moduletag timeout: 600_000

  setup do
    folder = Path.join(System.tmp_dir!(), "guildhall-dependency-#{System.pid()}")
    on_exit(fn -> File.rm_rf!(folder) end)
    ship(Path.join(folder, "guildhall"))
    project(Path.join(folder, "service"))
    %{service: Path.join(folder, "service")}
  end

  test "a service takes one NIF module, and no process of Guildhall's runs", %{service: service} do
    script = ~S"""
    "{\"a\":[1,2.5,null]}" = Guildhall.Payload.encode!(%{a: [1, 2.5, nil]})
    %{active: 0} = Supervisor.count_children(Guildhall.Application)
    IO.puts("taken")
    """

    assert run(service, script) =~ "taken"
  end

  test "a service puts a node under its own supervisor", %{service: service} do
    script = ~S"""
    data = Path.join(File.cwd!(), "data")
    children = [{Guildhall, name: Service.Chat, data: data, port: 0}]
    {:ok, supervisor} = Supervisor.start_link(children, strategy: :one_for_one)
    url = String.to_charlist(Guildhall.url(Service.Chat) <> "/api/v10/gateway")
    {:ok, _applications} = Application.ensure_all_started(:inets)
    {:ok, {{_, 200, _}, _headers, body}} = :httpc.request(url)
    :ok = Supervisor.stop(supervisor)
    IO.puts("served #{body}")
    """

    assert run(service, script) =~ ~s(served {"url":"ws://127.0.0.1:)
  end

  defp run(service, script) do
    environment = [
      {"MIX_ENV", "dev"},
      # Rust's own cache, kept from run to run; the build is otherwise from nothing.
      {"CARGO_TARGET_DIR", Path.expand("target/dependency")}
    ]

    {status, output} =
      Program.run("mix", ["run", "-e", script], cd: service, env: environment, timeout: 500_000)

    assert status == 0, output
    output
  end

  defp ship(folder) do
    for pattern <- Mix.Project.config()[:package][:files],
        path <- Path.wildcard(pattern, match_dot: true),
        file <- [path | Path.wildcard(path <> "/**", match_dot: true)],
        File.regular?(file) do
      target = Path.join(folder, file)
      File.mkdir_p!(Path.dirname(target))
      File.cp!(file, target)
    end
  end

  defp project(folder) do
    File.mkdir_p!(Path.join(folder, "lib"))

    File.write!(Path.join(folder, "mix.exs"), """
    defmodule Service.MixProject do
      use Mix.Project

      def project do
        [app: :service, version: "0.1.0", deps: [{:guildhall, path: "../guildhall"}]]
      end

      def application, do: [extra_applications: [:logger, :inets]]
    end
    """)
  end
end
