defmodule Guildhall.Conformance.ComebackTest do
  use ExUnit.Case, async: false

  alias Guildhall.{Demo, Program}

  @moduletag :conformance
  @moduletag timeout: 180_000

  test "clients come back by themselves after a kill -9" do
    data = Demo.data()
    {node, env} = Demo.start(data, members: 5)
    port = env |> Map.new() |> Map.fetch!("BASE_URL") |> URI.parse() |> Map.fetch!(:port)
    client = Program.start("node", ["comeback.mjs"], env: env, cd: "test/conformance")
    Program.await_line(client, &(&1 == "ok ready"))

    Demo.kill(node)
    {_node, _env} = Demo.start(data, members: 5, port: port)
    Program.await_line(client, &(&1 == "ok again"))
    {status, output} = Program.await_exit(client)
    assert status == 0, output
  end
end
