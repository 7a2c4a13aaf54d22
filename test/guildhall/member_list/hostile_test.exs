defmodule Guildhall.MemberList.HostileTest do
  use ExUnit.Case, async: true

  import Guildhall.Hostile

  # Whatever a caller passes, it is refused with ArgumentError, and the VM lives.

  alias Guildhall.MemberList
  alias Guildhall.Options.ValidationError

  setup do
    list = MemberList.new()
    {:ok, []} = MemberList.put(list, 1, "a", :online)
    %{list: list}
  end

  test "ids that are none", %{list: list} do
    for term <- [deep() | strange()] do
      refused(fn -> MemberList.put(list, term, "a", :online) end)
      refused(fn -> MemberList.put_many(list, [{term, "a", :online}]) end)
      refused(fn -> MemberList.delete(list, term) end)
      refused(fn -> MemberList.rank(list, term) end)
      refused(fn -> MemberList.subscribe(list, term, [{0, 99}]) end)
      refused(fn -> MemberList.unsubscribe(list, term) end)
      refused(fn -> MemberList.set_roles(list, [term]) end)
      refused(fn -> MemberList.set_absent(list, term) end)
      refused(fn -> MemberList.slice(list, term, 10) end)
      refused(fn -> MemberList.id(true, [{term, :deny}]) end)
    end
  end

  test "what is refused is named", %{list: list} do
    member = {2, "bob", "online"}
    message = ~r/expected a member's id.*got: .*"online"/
    assert_raise ArgumentError, message, fn -> MemberList.put(list, 2, "bob", "online") end
    assert_raise ArgumentError, message, fn -> MemberList.put_many(list, [member]) end
  end

  test "names that are none", %{list: list} do
    names = [deep(), <<0xFF>>, "a" <> <<0xC3>>, <<0xED, 0xA0, 0x80>>, String.duplicate("a", 129)]

    for name <- names ++ List.delete(strange(), "text") do
      refused(fn -> MemberList.put(list, 2, name, :online) end)
      refused(fn -> MemberList.put_many(list, [{3, "b", :online}, {2, name, :online}]) end)
      refused(fn -> MemberList.sort_key(name) end)
    end

    assert MemberList.counts(list).members == 1
  end

  test "names that are strange", %{list: list} do
    names = [
      "",
      "\0",
      String.duplicate("\u{FDFA}", 42),
      "a" <> String.duplicate("\u0323\u0301", 31),
      String.duplicate("\u{10FFFF}", 32),
      String.duplicate("각", 42)
    ]

    for {name, id} <- Enum.with_index(names, 10) do
      assert MemberList.put(list, id, name, :online) == {:ok, []}
      assert byte_size(MemberList.sort_key(name)) <= 255
    end

    in_order = names |> Enum.with_index(10) |> Enum.sort_by(&MemberList.sort_key(elem(&1, 0)))
    shown = MemberList.slice(list, 1, 7)
    assert Enum.map(in_order, &elem(&1, 1)) == List.delete(shown, 1)
  end

  test "groups and lists that are none", %{list: list} do
    for term <- [deep(), :idle, -1, 1.5, "online", nil, [], {}, %{}] do
      refused(fn -> MemberList.put(list, 2, "b", term) end)
      refused(fn -> MemberList.put_many(list, [{2, "b", term}]) end)
    end

    for term <- [[1 | 2], [{1, "b"} | :x], [{2, "b", :online} | {3, "c", :online}], :all, deep()] do
      refused(fn -> MemberList.put_many(list, term) end)
      refused(fn -> MemberList.set_roles(list, term) end)
      refused(fn -> MemberList.id(false, term) end)
    end

    refused(fn -> MemberList.set_roles(list, [5, 5]) end)
    refused(fn -> MemberList.set_roles(list, Enum.to_list(1..251)) end)
    refused(fn -> MemberList.id(:yes, []) end)
    refused(fn -> MemberList.id(false, [{1, :maybe}]) end)
    refused(fn -> MemberList.packed_subscribers(list, [{1, 2}]) end)
    assert MemberList.slice(list, 0, 10) == [{:group, :online, 1}, 1]
  end

  test "counts and places that are huge", %{list: list} do
    most = 0xFFFF_FFFF_FFFF_FFFF

    assert MemberList.slice(list, most, 1_000) == []
    refused(fn -> MemberList.slice(list, 0, 1_001) end)
    refused(fn -> MemberList.slice(list, 0, most) end)
    assert MemberList.set_absent(list, most) == {:ok, []}
    assert MemberList.counts(list).members == most
    assert MemberList.subscribe(list, most, [{most - 15, most}]) == {:error, :invalid_ranges}

    assert MemberList.subscribe(list, most, [{429_496_729_500, 429_496_729_599}]) ==
             {:ok, [{:sync, {429_496_729_500, 429_496_729_599}, []}]}
  end

  test "options that are none" do
    for options <- [[max_bytes: 0], [max_bytes: :all], [max_subscribers: -1], [size: 1], :none] do
      assert_raise ValidationError, fn -> MemberList.new(options) end
    end
  end

  test "a thing of another kind in the place of a list" do
    outbox = Guildhall.Outbox.new()
    refused(fn -> MemberList.groups(%MemberList{handle: outbox}) end)
    refused(fn -> MemberList.rank(%MemberList{handle: make_ref()}, 1) end)
  end
end
