defmodule Guildhall.Guild.ImportTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Guildhall.GuildFixture

  alias Guildhall.Guild
  alias Guildhall.Guild.{Keys, MemberPages}
  alias Guildhall.Model.{Member, User}

  # The directory of members: filled in one go, read in pages, searched by name.

  defp begin do
    instance = start()
    owner = user(instance, "owner")
    {instance, guild(instance, owner), owner}
  end

  defp member(id), do: %Member{user: %User{id: id, username: "member #{id}"}, joined_at: id}
  defp ids(members), do: Enum.map(members, & &1.user.id)

  test "members are written, counted, and can be read, found and searched" do
    {instance, guild, owner} = begin()
    test = self()
    members = Stream.map(1..5_000, &member/1)

    assert Guild.import_members(instance, guild.id, members, &send(test, {:added, &1})) ==
             {:ok, 5_000}

    for n <- [2_000, 4_000, 5_000], do: assert_receive({:added, ^n})
    assert {:ok, %{member_count: 5_001}} = Guild.run(instance, guild.id, owner, {:get})
    assert {:ok, page} = Guild.members(instance, guild.id, limit: 1_000)
    assert ids(page) == Enum.to_list(1..1_000)
    assert {:ok, page} = Guild.members(instance, guild.id, after: 4_900, limit: 1_000)
    assert ids(page) == Enum.to_list(4_901..5_000) ++ [owner]
    assert {:ok, found} = Guild.find_members(instance, guild.id, [7, 9_999, 3])
    assert ids(found) == [3, 7]
    assert {:ok, found} = Guild.search_members(instance, guild.id, "Member 49", 5)
    assert ids(found) == [49, 490, 4900, 4901, 4902]
    assert Guildhall.User.guilds(instance, 77) == {:ok, [guild.id]}
  end

  test "who is a member already stays as he is and is not counted again" do
    {instance, guild, owner} = begin()
    members = [member(1), member(2), %{member(1) | nick: "again"}, member(owner)]
    assert Guild.import_members(instance, guild.id, members) == {:ok, 2}
    assert {:ok, %{member_count: 3}} = Guild.run(instance, guild.id, owner, {:get})
    assert {:ok, [%{nick: nil}]} = Guild.find_members(instance, guild.id, [1])
  end

  test "not while the room runs; a room that is wanted meanwhile waits" do
    {instance, guild, owner} = begin()
    test = self()

    members =
      Stream.map(1..10, fn n ->
        if n == 5 do
          send(test, {:importing, self()})
          receive do: (:go_on -> :ok)
        end

        member(n)
      end)

    import = Task.async(fn -> Guild.import_members(instance, guild.id, members) end)
    assert_receive {:importing, importer}
    asked = Task.async(fn -> Guild.run(instance, guild.id, owner, {:counts}) end)
    assert Guild.import_members(instance, guild.id, []) == {:error, :running}
    send(importer, :go_on)
    assert Task.await(import) == {:ok, 10}
    assert Task.await(asked) == {:ok, %{members: 11, online: 0}}
    assert Guild.import_members(instance, guild.id, []) == {:error, :running}
  end

  property "pages of any size hold every member once, in order of id" do
    {instance, guild, _owner} = begin()

    forall {ids, size} <- {list(range(1, 2_000)), range(1, 50)} do
      guild_id = guild.id + System.unique_integer([:positive])

      ops =
        for id <- ids do
          row = Guildhall.Model.Row.encode(member(id))
          {:put, :members, Keys.members(guild_id, id), Keys.id(id), row}
        end

      :ok = Guildhall.Store.write(instance, ops)
      assert pages(MemberPages.new(instance, guild_id), size) == Enum.sort(Enum.uniq(ids))
    end
  end

  defp pages(pages, size) do
    case MemberPages.next(pages, size) do
      {:ok, [], _pages} -> []
      {:ok, members, pages} -> ids(members) ++ pages(pages, size)
    end
  end

  test "buckets share ids about evenly, also those made in a row" do
    for ids <- [1..16_000, Enum.map(1..16_000, &(&1 * 0x400000))] do
      sizes = ids |> Enum.frequencies_by(&Keys.bucket/1) |> Map.values()
      assert length(sizes) == 16 and Enum.min(sizes) > 800 and Enum.max(sizes) < 1_200
    end
  end
end
