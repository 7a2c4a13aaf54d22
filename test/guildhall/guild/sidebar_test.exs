defmodule Guildhall.Guild.SidebarTest do
  use ExUnit.Case, async: true

  import Guildhall.GuildFixture

  alias Guildhall.{Events, Guild, Relay, SidebarClient}
  alias Guildhall.Model.{Member, Presence, User}

  # Member lists of guilds that are too large to show who is offline, and what bounds them.

  @members 10_000

  defp member(id) do
    name = "m" <> String.pad_leading("#{id}", 6, "0")
    %Member{user: %User{id: id, username: name}, joined_at: id}
  end

  defp name(id), do: member(id).user.username

  defp crowd(context, ids) do
    for id <- ids do
      session = session(context.instance, context.guild.id, id, intents: 0)
      assert_receive {Relay, :attached, _room_id}, 10_000
      session
    end
  end

  defp begin(options \\ []) do
    Events.listen()
    instance = start(options)
    guild = guild(instance, user(instance, "owner"))
    {:ok, @members} = Guild.import_members(instance, guild.id, Stream.map(1..@members, &member/1))
    %{instance: instance, guild: guild, channel: text_channel(guild)}
  end

  defp watch(context, session, windows) do
    %{instance: instance, guild: %{id: guild_id}, channel: channel} = context
    Guild.watch(instance, guild_id, session.user_id, session.session_id, %{channel => windows})
  end

  defp until(session, lists, fun) do
    if fun.(lists) do
      lists
    else
      lists = SidebarClient.take(lists, await(session, "GUILD_MEMBER_LIST_UPDATE"))
      until(session, lists, fun)
    end
  end

  defp shown(lists, window) do
    if list = lists["everyone"],
      do: SidebarClient.shown(list, window, & &1["user"]["username"]),
      else: []
  end

  test "10,000 who are online, and the windows in the middle of them" do
    context = begin()
    [first, second | _others] = sessions = crowd(context, 1..@members)

    # One looks while they still come to be seen, the other when they are.
    watch(context, first, [0, 1, 50])
    all? = &match?(%{"everyone" => %{groups: [{"online", @members}]}}, &1)
    lists = until(first, %{}, all?)
    assert {_members, @members} = lists["everyone"].counts
    middle = for id <- 5_000..5_099, do: name(id)
    lists = until(first, lists, &(shown(&1, 50) == middle))
    assert shown(lists, 0) == ["online" | for(id <- 1..99, do: name(id))]
    assert shown(lists, 1) == for(id <- 100..199, do: name(id))

    watch(context, second, [50])
    others = until(second, %{}, &(shown(&1, 50) == middle))

    # Whoever goes moves those behind him up.
    gone = Enum.at(sessions, 41)
    presence = %Presence{status: :invisible}
    Guild.set_presence(context.instance, context.guild.id, 42, gone.session_id, presence)
    moved = for id <- 5_001..5_100, do: name(id)
    lists = until(first, lists, &(shown(&1, 50) == moved))
    assert shown(lists, 0) == ["online" | for(id <- 1..100, id != 42, do: name(id))]
    others = until(second, others, &(shown(&1, 50) == moved))
    assert others["everyone"].groups == [{"online", @members - 1}]
  end

  test "more than the lists may take is refused, and said" do
    context = begin(list_bytes: 20_000, max_watchers: 1)
    %{guild: %{id: guild_id}} = context
    [first, second | _others] = crowd(context, 1..2_000)
    watch(context, first, [0])
    assert_refused(guild_id, :memory_limit)
    watch(context, second, [0])
    assert_refused(guild_id, :watchers)
  end

  defp assert_refused(guild_id, reason) do
    assert_receive {:event, [:guildhall, :guild, :list, :refusal], %{count: 1},
                    %{room_id: ^guild_id, reason: ^reason}},
                   10_000
  end
end
