defmodule Guildhall.MemberList.ConcurrencyTest do
  use ExUnit.Case, async: true

  # Many processes read one list while others change it: nobody is refused, everybody finishes, and
  # what is read is whole.

  alias Guildhall.MemberList

  @rounds 200

  test "readers and writers of one list do not disturb each other" do
    list = MemberList.new()
    {:ok, []} = MemberList.set_roles(list, [5, 6])
    # The even ones stay, so that whoever reads knows where they are.
    {:ok, []} = MemberList.put_many(list, for(id <- 2..2_000//2, do: {id, name(id), :online}))
    {:ok, _ops} = MemberList.subscribe(list, 1, [{0, 99}])

    readers =
      for n <- 1..32 do
        Task.async(fn ->
          for round <- 1..@rounds do
            items = MemberList.slice(list, rem(n * round, 1_000), 100)
            members = Enum.filter(items, &(is_integer(&1) and rem(&1, 2) == 0))
            assert members == Enum.sort(members)
            assert {:ok, index} = MemberList.rank(list, 2 * n)
            assert index > 0
            assert {:group, :online, count} = List.keyfind(groups(list), :online, 1)
            assert count in 1_000..2_000
          end
        end)
      end

    writers =
      for n <- 0..7 do
        Task.async(fn ->
          for round <- 1..@rounds, id = 2 * (n + 8 * rem(round, 100)) + 1 do
            {:ok, _updates} = MemberList.put(list, id, name(id), Enum.random([5, 6, :online]))
            if rem(round, 3) == 0, do: {:ok, _updates} = MemberList.delete(list, id)
          end
        end)
      end

    roles = Task.async(fn -> for n <- 1..@rounds, do: MemberList.set_roles(list, roles(n)) end)

    Task.await_many([roles | readers ++ writers], 60_000)
    %{members: members, indexes: indexes} = MemberList.counts(list)
    assert indexes == members + length(MemberList.groups(list))
  end

  defp groups(list), do: for({key, count} <- MemberList.groups(list), do: {:group, key, count})
  defp roles(n), do: if(rem(n, 2) == 0, do: [5, 6], else: [6, 5])
  defp name(id), do: id |> Integer.to_string() |> String.pad_leading(6, "0")
end
