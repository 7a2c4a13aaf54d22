defmodule Guildhall.Api.RightsPropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Api.Routes
  alias Guildhall.Rights.{Oracle, Scene, World}

  # Every route of the API, in random guilds, for an actor who has some of the rights: over HTTP against a
  # whole node, judged by `Guildhall.Rights.Oracle`. `GUILDHALL_PROPERTY_RUNS` makes more guilds of it.

  # More requests of these: their outcome depends on more than one right.
  @often [
    "/guilds/{guild_id}/channels",
    "/guilds/{guild_id}/members/{user_id}",
    "/guilds/{guild_id}/roles/{role_id}",
    "/channels/{channel_id}",
    "/channels/{channel_id}/permissions/{overwrite_id}",
    "/channels/{channel_id}/messages",
    "/channels/{channel_id}/messages/{message_id}"
  ]

  @tag timeout: 600_000
  property "who may not, is refused as documented and changes nothing" do
    folder = Path.join(System.tmp_dir!(), "guildhall-#{System.pid()}-rights-property")
    on_exit(fn -> File.rm_rf!(folder) end)
    world = World.start(folder)

    forall scene <- Scene.scene(), share: 10 do
      :rand.seed(:exsss, :erlang.phash2(scene))
      world = world |> World.connect() |> World.enter(scene)
      world = Enum.reduce(requests(), world, &attempt/2)
      World.leave(world)
    end
  end

  # Commands that dismantle the guild come last.
  defp requests do
    often =
      for %{path: path, method: method} = route <- Routes.all(),
          path in @often,
          method != "GET",
          do: route

    routes = Routes.all() ++ often ++ often ++ often
    routes |> Enum.shuffle() |> Enum.sort_by(&late/1)
  end

  defp late(%{method: "DELETE", path: "/users/@me/guilds/" <> _guild}), do: 2
  defp late(%{method: "DELETE"}), do: 1
  defp late(%{path: path}), do: if(path =~ ~r"/(bulk-)?ban", do: 1, else: 0)

  defp attempt(route, world) do
    {path, body, rule} = Oracle.request(route, world)
    {status, answer, after_it} = World.call(world, :actor, route.method, path, body)
    said = "#{route.method} #{path} #{inspect(body)}: #{status} #{inspect(answer)}"

    case Oracle.refusals(rule) do
      [] -> allowed(route, after_it, {status, answer, rule, said})
      right -> refused(route, after_it, {status, answer, right, said})
    end
  end

  defp allowed(route, world, {status, answer, rule, said}) do
    assert status in 200..204, "should succeed: #{said}"
    assert rule.shows == nil or rule.shows.(answer), "shows what it should not: #{said}"
    if route.method == "GET", do: world, else: world |> World.events() |> elem(1) |> World.look()
  end

  defp refused(route, world, {status, answer, right, said}) do
    assert {status, code(answer)} in right, "should be one of #{inspect(right)}: #{said}"
    assert Map.keys(answer) -- ["code", "message", "errors"] == [], "shows something: #{said}"
    if route.method == "GET", do: world, else: unchanged(world, said)
  end

  defp unchanged(world, said) do
    {events, now} = World.events(world)
    assert events == [], "told #{inspect(events)}: #{said}"
    now = World.look(now)
    assert now.snapshot == world.snapshot, "changed something: #{said}"
    now
  end

  defp code(%{"code" => code}), do: code
  defp code(_answer), do: nil
end
