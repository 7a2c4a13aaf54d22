defmodule Guildhall.Conformance.ListsTest do
  use ExUnit.Case, async: false

  # A user client reads all members of a guild from its member list, and sees one of them change.

  alias Guildhall.{Demo, Program}

  @moduletag :conformance
  @moduletag timeout: 180_000

  @scripts Path.expand("test/conformance")

  test "discord.py-self reads member lists" do
    %{env: env} = Demo.start_all(members: 300)
    python = Path.join([@scripts, ".venv", "self", "bin/python"])
    client = Program.start(python, ["discordpy_self.py"], env: env, cd: @scripts)
    {status, output} = Program.await_exit(client, 150_000)
    assert status == 0, output
    assert output =~ ~r/^PASS /m, output
  end
end
