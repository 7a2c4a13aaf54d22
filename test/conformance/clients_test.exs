defmodule Guildhall.Conformance.ClientsTest do
  use ExUnit.Case, async: false

  # Unmodified client libraries against a node that `bin/run` started, with the limits that it has
  # by default. The libraries and their versions are in package.json and requirements*.txt beside
  # this file; `bin/clients` installs them.

  alias Guildhall.{Demo, Program}

  @moduletag :conformance
  @moduletag timeout: 180_000

  @scripts Path.expand("test/conformance")

  setup_all do
    Demo.start_all(members: 1_203)
  end

  setup %{env: env} do
    port = free_port()
    env = [{"PEER_URL", "http://127.0.0.1:#{port}"}, {"PEER_PORT", "#{port}"} | env]
    peer = node("peer.mjs", env)
    Program.await_line(peer, &(&1 == "ready"))
    %{env: env}
  end

  for {client, script} <- [{"discord.js", "discordjs.mjs"}, {"oceanic.js", "oceanic.mjs"}] do
    test "#{client} chats", %{env: env} do
      assert_pass(node(unquote(script), env))
    end
  end

  # oceanic.js reads zstd with node 22's own library, or with one that is not on the registry whole.
  test "oceanic.js chats over zlib-stream", %{env: env} do
    assert_pass(node("oceanic.mjs", [{"COMPRESS", "zlib-stream"} | env]))
  end

  for compression <- ["", "zlib-stream"] do
    test "oceanic.js chats in ETF #{compression}", %{env: env} do
      etf = [
        {"COMPRESS", unquote(compression)},
        {"NODE_PATH", Path.join(@scripts, "erlpack/node_modules")}
      ]

      assert_pass(node("oceanic.mjs", etf ++ env))
    end
  end

  for compression <- ["zlib-stream", "zstd-stream"] do
    test "discord.py chats over #{compression}", %{env: env} do
      assert_pass(python("main", "discordpy.py", [{"COMPRESS", unquote(compression)} | env]))
    end
  end

  test "py-cord chats", %{env: env} do
    assert_pass(python("pycord", "pycord.py", env))
  end

  test "hikari chats", %{env: env} do
    assert_pass(python("main", "hikari_bot.py", env))
  end

  test "REST answers as Discord's OpenAPI document says", %{env: env} do
    assert_pass(python("main", "openapi_check.py", env))
  end

  defp node(script, env) do
    Program.start("node", [script], env: env, cd: @scripts)
  end

  defp python(venv, script, env) do
    python = Path.join([@scripts, ".venv", venv, "bin/python"])
    Program.start(python, [script], env: env, cd: @scripts)
  end

  defp assert_pass(program) do
    {status, output} = Program.await_exit(program, 150_000)
    assert status == 0, output
    assert output =~ ~r/^PASS /m, output
  end

  defp free_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :gen_tcp.close(socket)
    port
  end
end
