defmodule Guildhall.MemberList.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  # The list through the NIF and its twin, with the same commands; and clients that apply what the NIF
  # says, against what it says when it is asked.

  alias Guildhall.MemberList
  alias Guildhall.MemberList.Reference
  alias Guildhall.MemberListClient, as: Client

  property "answers as the reference does, and clients hold what it answers" do
    forall {first, commands} <- {resize(200, list(member())), list(command())} do
      list = MemberList.new()
      start = {list, Reference.new(), %{}}
      commands = [{:roles, [3, 1, 2]}, {:put_many, first} | commands]
      {_list, _reference, clients} = Enum.reduce(commands, start, &check(run(&1, &2)))

      for {subscriber, %{windows: [_ | _] = windows}} <- clients do
        assert subscriber in MemberList.subscribers(list, windows)
      end
    end
  end

  # How the list becomes large at one member, and small again, while somebody looks.
  property "who is offline is shown below a thousand entries alone" do
    forall {absent, names} <- {range(985, 995), list(name())} do
      list = MemberList.new()
      {:ok, []} = MemberList.set_absent(list, absent)
      {:ok, ops} = MemberList.subscribe(list, 1, [{0, 99}])
      client = Client.apply(%Client{windows: [{0, 99}]}, ops)

      steps =
        for({name, id} <- Enum.with_index(names), do: {:put, id, name}) ++
          for {_name, id} <- Enum.with_index(names), do: {:delete, id}

      Enum.reduce(steps, {list, client, 0}, &step(&1, &2, absent))
    end
  end

  defp step(step, {list, client, there}, absent) do
    {{:ok, updates}, there} =
      case step do
        {:put, id, name} -> {MemberList.put(list, id, name, :offline), there + 1}
        {:delete, id} -> {MemberList.delete(list, id), there - 1}
      end

    client =
      Enum.reduce(updates, client, fn {_windows, ops}, client -> Client.apply(client, ops) end)

    shown = if absent + there + 2 < 1_000 and there > 0, do: there + 1, else: 0
    assert MemberList.counts(list) == %{members: absent + there, online: 0, indexes: shown}
    assert Client.shown(client, shown) == Client.expected(client, &MemberList.slice(list, &1, &2))
    {list, client, there}
  end

  defp run({:subscribe, subscriber, ranges}, {list, reference, clients}) do
    {:ok, ops} = MemberList.subscribe(list, subscriber, ranges)
    {:ok, _ops, reference} = Reference.subscribe(reference, subscriber, ranges)
    client = Map.get(clients, subscriber, %Client{})
    client = Client.apply(%{client | windows: Enum.uniq(ranges)}, ops)
    {list, reference, Map.put(clients, subscriber, client)}
  end

  defp run(command, {list, reference, clients}) do
    case {change(command, MemberList, list), change(command, Reference, reference)} do
      {{:ok, updates}, {:ok, reference}} -> {list, reference, tell(clients, list, updates)}
      {{:error, reason}, {:error, reason}} -> {list, reference, clients}
    end
  end

  defp change({:put, {id, name, group}}, module, list), do: module.put(list, id, name, group)
  defp change({:delete, id}, module, list), do: module.delete(list, id)
  defp change({:roles, roles}, module, list), do: module.set_roles(list, roles)
  defp change({:absent, count}, module, list), do: module.set_absent(list, count)
  defp change({:put_many, members}, MemberList, list), do: MemberList.put_many(list, members)

  defp change({:put_many, members}, Reference, list) do
    {:ok,
     Enum.reduce(members, list, fn {id, name, group}, list ->
       {:ok, list} = Reference.put(list, id, name, group)
       list
     end)}
  end

  defp tell(clients, list, updates) do
    for {windows, ops} <- updates,
        subscriber <- MemberList.subscribers(list, windows),
        reduce: clients do
      clients -> Map.update!(clients, subscriber, &Client.apply(&1, ops))
    end
  end

  defp check({list, reference, clients} = state) do
    assert MemberList.counts(list) == Reference.counts(reference)
    assert MemberList.groups(list) == Reference.groups(reference)
    assert MemberList.slice(list, 0, 1_000) == Reference.slice(reference, 0, 1_000)
    indexes = MemberList.counts(list).indexes

    for id <- [0, 1, 2, 399] do
      assert MemberList.rank(list, id) == Reference.rank(reference, id)
    end

    for {_subscriber, client} <- clients do
      assert Client.shown(client, indexes) ==
               Client.expected(client, &MemberList.slice(list, &1, &2))
    end

    state
  end

  defp command do
    frequency([
      {8, {:put, {id(), name(), oneof([group(), 4])}}},
      {4, {:delete, id()}},
      {1, {:put_many, list({id(), name(), oneof([:online, :offline])})}},
      {1, {:roles, oneof([[1, 2, 3], [3, 2, 1], [2], [1, 4, 3, 2], []])}},
      {1, {:absent, oneof([0, range(700, 1_000)])}},
      {4, {:subscribe, range(0, 3), ranges()}}
    ])
  end

  defp member, do: {id(), name(), group()}
  defp id, do: oneof([range(0, 10), range(0, 400)])
  defp group, do: oneof([1, 2, 3, :online, :offline])

  defp ranges do
    oneof([[], [{0, 99}], [{0, 99}, {100, 199}], map(range(0, 3), &[{&1 * 100, &1 * 100 + 99}])])
  end

  # Few letters, so that names are equal and begin alike, in case, accents and beyond the part of a
  # name that is compared first.
  defp name do
    map(list(oneof(~w(a A á Á à â ä ã z ñ wumpus 7 _ @) ++ [" "])), fn letters ->
      letters |> Enum.take(10) |> Enum.join()
    end)
  end
end
