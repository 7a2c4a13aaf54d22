defmodule Guildhall.Conformance.PermissionsTest do
  use ExUnit.Case, async: true

  # A thousand random guilds, and what an unmodified discord.js computes for them. It knows stages
  # one and two of `Guildhall.Permissions`, the roles and the overwrites; what is implied by
  # them, timeouts and threads it leaves to the server, and so to the documented algorithm in
  # test/guildhall/model/rights_test.exs.

  alias Guildhall.Model.{Hierarchy, Json, Rights}
  alias Guildhall.Permissions
  alias Guildhall.{Payload, RandomGuild}

  @moduletag :conformance
  @moduletag :tmp_dir

  @scenes 1_000

  test "discord.js computes the same", %{tmp_dir: folder} do
    scenes = for _n <- 1..@scenes, do: RandomGuild.pick()
    answers = discord_js(folder, scenes)
    assert length(answers) == @scenes

    for {{guild, member, channel}, answer} <- Enum.zip(scenes, answers) do
      rights = Rights.new(guild)
      asker = Rights.member(member)

      ours = %{
        "base" => Integer.to_string(Permissions.base(rights, asker)),
        "channel" => Integer.to_string(Permissions.overwritten(rights, channel.id, asker)),
        "top" => Json.id(Hierarchy.top_role(guild, member).id)
      }

      assert ours == answer
    end
  end

  defp discord_js(folder, scenes) do
    file = Path.join(folder, "scenes.json")
    File.write!(file, scenes |> Enum.map(&wire/1) |> Payload.encode!())
    options = [cd: "test/conformance", stderr_to_stdout: true]

    case System.cmd("node", ["permissions.mjs", file], options) do
      {json, 0} -> Payload.decode!(json)
      {output, _status} -> flunk("discord.js did not run:\n" <> output)
    end
  end

  defp wire({guild, member, channel}) do
    guild_create =
      Map.merge(Json.guild(guild), %{
        channels:
          for({_id, channel} <- guild.channels, not thread?(channel), do: Json.channel(channel)),
        threads: for({_id, channel} <- guild.channels, thread?(channel), do: thread(channel)),
        members: [Json.member(member, user: true)],
        presences: [],
        voice_states: [],
        member_count: 1
      })

    %{guild: guild_create, member: Json.id(member.user.id), channel: Json.id(channel.id)}
  end

  defp thread?(channel), do: channel.type in 10..12

  defp thread(channel) do
    metadata = %{
      archived: false,
      auto_archive_duration: 60,
      archive_timestamp: Json.timestamp(0),
      locked: false
    }

    Map.put(Json.channel(channel), :thread_metadata, metadata)
  end
end
