defmodule Guildhall.Redteam.World do
  @moduledoc false

  # The accounts and guilds of a run, made by the operator.
  #
  #   home      the guild of the bystanders; `neighbours` are members who mean harm, and `newcomers`
  #             are in the guilds of attackers as well
  #   yard      a moderator, who must not see some of the channels
  #   heavy     an owner who makes it as large as the node lets it grow; some bystanders are members
  #   crowd     members with large activities; some bystanders are members
  #   villages  many small guilds of the `travellers`

  alias Guildhall.Redteam.Http

  @bystanders 200
  @villages 150

  defstruct [
    :node,
    :tally,
    :home,
    :yard,
    :heavy,
    :crowd,
    :bystanders,
    :newcomers,
    :neighbours,
    :hidden,
    :moderator,
    :crew,
    :throng,
    :travellers,
    :strangers
  ]

  def build(node, tally) do
    people = people(node, "bystander", @bystanders)
    newcomers = people(node, "newcomer", 5)
    neighbours = people(node, "neighbour", 12)
    [moderator | crew] = people(node, "yard", 4)
    throng = people(node, "crowd", 40)
    travellers = people(node, "traveller", 30)

    home = guild(node, "home", hd(people), people ++ newcomers ++ neighbours, ~w(harbour square))

    heavy =
      guild(node, "heavy", hd(throng), throng ++ newcomers ++ Enum.slice(people, 20, 20), [])

    crowd =
      guild(node, "crowd", hd(throng), throng ++ newcomers ++ Enum.slice(people, 40, 20), [])

    yard = guild(node, "yard", hd(crew), [moderator | crew], ~w(yard))

    each(1..@villages, fn n ->
      guild(node, "village#{n}", hd(travellers), travellers, [])
    end)

    %__MODULE__{
      node: node,
      tally: tally,
      home: home,
      yard: yard,
      heavy: heavy,
      crowd: crowd,
      bystanders: people,
      newcomers: newcomers,
      neighbours: neighbours,
      moderator: moderator,
      crew: crew,
      throng: throng,
      travellers: travellers,
      strangers: people(node, "stranger", 4),
      hidden: hidden(node, yard, hd(crew), moderator)
    }
  end

  # A role with the rights of a moderator, and channels in which they do not count.
  defp hidden(node, yard, owner, moderator) do
    manage = Enum.reduce([:manage_channels, :manage_roles, :move_members], 0, &(bit(&1) + &2))
    role = ask(node, owner, "POST", "/guilds/#{yard.id}/roles", %{permissions: "#{manage}"})
    path = "/guilds/#{yard.id}/members/#{moderator.id}/roles/#{role["id"]}"
    ask(node, owner, "PUT", path, nil)
    overwrite = %{id: moderator.id, type: 1, deny: "#{bit(:view_channel)}"}

    for type <- [0, 2, 4], into: %{} do
      body = %{name: "hidden#{type}", type: type, permission_overwrites: [overwrite]}
      {type, ask(node, owner, "POST", "/guilds/#{yard.id}/channels", body)["id"]}
    end
  end

  defp bit(name), do: Guildhall.Permissions.bit(name)

  defp people(node, name, count) do
    each(1..count, fn n ->
      %{"user" => user, "token" => token} = admin(node, "/users", %{username: "#{name}#{n}"})
      %{id: user["id"], token: token, number: n}
    end)
  end

  defp guild(node, name, owner, members, channels) do
    ids = for member <- members, member.id != owner.id, do: member.id
    channels = for channel <- channels, do: %{name: channel, type: 0}
    body = %{name: name, owner_id: owner.id, members: ids, channels: channels}
    guild = admin(node, "/guilds", body)
    channels = for channel <- guild["channels"], into: %{}, do: {channel["name"], channel["id"]}
    voice = Enum.find(guild["channels"], &(&1["type"] == 2))["id"]
    %{id: guild["id"], owner: owner, channels: channels, voice: voice}
  end

  defp admin(node, path, body) do
    http = Http.new(node, {127, 9, 0, 1}, "Bearer #{node.secret}")
    {status, answer, http} = Http.call(%{http | timeout: 30_000}, "POST", "/admin" <> path, body)
    Http.close(http)
    status == 201 || raise "the operator's request #{path} got #{inspect({status, answer})}"
    answer
  end

  defp ask(node, user, method, path, body) do
    http = Http.new(node, {127, 9, 0, 2}, user.token)
    {status, answer, http} = Http.call(http, method, "/api/v10" <> path, body)
    Http.close(http)
    status in 200..204 || raise "#{method} #{path} got #{inspect({status, answer})}"
    answer
  end

  defp each(enumerable, fun) do
    enumerable
    |> Task.async_stream(fun, max_concurrency: 8, timeout: 60_000)
    |> Enum.map(fn {:ok, result} -> result end)
  end
end
