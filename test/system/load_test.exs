defmodule Guildhall.System.LoadTest do
  use ExUnit.Case, async: false

  # `mix guildhall.load`: does the load generator still speak with a node, and does it tell what is
  # wrong? Nothing is said here about how fast it is.

  alias Guildhall.{Payload, Program}

  @moduletag :system
  @moduletag timeout: 600_000

  test "twenty clients get every message once and in order" do
    file = Path.join(System.tmp_dir!(), "guildhall-load-test-#{System.pid()}.json")
    on_exit(fn -> File.rm(file) end)
    modes = ["--mode", "paced,saturated,storm", "--transport", "plain,zlib-stream,zstd-stream"]

    {status, output} = load(["--quick", "--seconds", "0.5", "--output", file] ++ modes)

    assert status == 0, output
    assert output =~ "CPU seconds of the server per million deliveries"
    %{"results" => results} = file |> File.read!() |> Payload.decode!()
    runs = Enum.flat_map(results, & &1["runs"])

    assert for(run <- runs, do: run["mode"]) ==
             List.flatten(List.duplicate(~w(paced saturated), 3))

    for run <- runs do
      assert run["deliveries"] == 20 * run["messages"] and run["messages"] > 0, output
      assert run["read"] == run["deliveries"]

      for wrong <- ~w(missing surplus gaps duplicates reordered),
          do: assert(run[wrong] == 0, output)
    end

    # Everybody's presence reached somebody.
    assert [storm | _others] = Enum.filter(results, & &1["presences"])
    assert storm["settle"]["events"] > 40
  end

  test "sessions without sockets are attached, delivered to and changed" do
    {status, output} = load(["--virtual", "20", "--members", "50", "--quick"])

    assert status == 0, output
    assert output =~ "A guild of 50 members, 20 of them online"
    assert output =~ "CPU of a delivery"
    assert output =~ "a member added: the room's process, median"
  end

  test "refuses in one line what cannot be" do
    assert_refused(["--clients", "0"], "--clients cannot be 0; it may be 1 to 19000")
    assert_refused(["--mode", "fast"], "--mode cannot be fast")
    assert_refused(["--colour", "red"], "--colour is no option")
    assert_refused(["--url", "http://127.0.0.1:1"], "--url needs --data")

    assert_refused(
      ["--url", "http://127.0.0.1:1", "--data", "none"],
      "cannot read none/operator.key"
    )
  end

  test "--help explains the options" do
    assert {0, output} = load(["--help"])
    for option <- ~w(--clients --mode --transport --url), do: assert(output =~ option)
  end

  defp load(arguments), do: Program.run("mix", ["guildhall.load" | arguments], timeout: 500_000)

  defp assert_refused(arguments, message) do
    assert {1, output} = load(arguments)
    assert output =~ message
  end
end
