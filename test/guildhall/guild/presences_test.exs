defmodule Guildhall.Guild.PresencesTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Guild.Presences
  alias Guildhall.Model.Presence
  alias Guildhall.Table

  defp put(presences, user, session, status, attributes \\ []) do
    presence = struct!(%Presence{status: status}, attributes)
    Presences.put(presences, user, session, presence)
  end

  defp flush(presences), do: presences |> Presences.flush(1) |> elem(0)
  defp statuses(updates), do: for({user, shown} <- updates, do: {user, shown.status})

  test "of several sessions the most active one counts" do
    presences = %Presences{} |> put(1, "a", :idle) |> put(1, "b", :dnd, client: :mobile)
    assert [{1, %{status: :dnd, client_status: clients}}] = flush(presences)
    assert clients == %{desktop: :idle, mobile: :dnd}
    assert [{1, %{status: :online}}] = presences |> put(1, "c", :online) |> flush()
  end

  test "activities of all sessions are shown, each once" do
    [game, song] = for name <- ["game", "song"], do: %{name: name, type: 0}
    presences = %Presences{} |> put(1, "a", :idle, activities: [game, song])
    assert [{1, shown}] = presences |> put(1, "b", :online, activities: [game]) |> flush()
    assert shown.activities == [game, song]
  end

  test "who is invisible is offline, and what does not change is not told" do
    presences = put(%Presences{}, 1, "a", :invisible)
    assert flush(presences) == []
    {[{1, _shown}], presences} = presences |> put(1, "a", :online) |> Presences.flush(1)
    assert presences |> put(1, "a", :online) |> flush() == []
    assert presences |> put(1, "a", :invisible) |> flush() |> statuses() == [{1, :offline}]
    assert presences |> Presences.delete(1, "a") |> flush() |> statuses() == [{1, :offline}]
    assert presences |> Presences.forget(1) |> flush() == []
  end

  test "few are told at once, many at the end of the window" do
    presences = Enum.reduce(1..30, %Presences{}, &put(&2, &1, "a", :online))
    assert {first, presences} = Presences.flush(presences, 1)
    assert {length(first), Presences.waiting(presences)} == {20, 10}
    presences = put(presences, hd(first) |> elem(0), "a", :dnd)
    assert {[], presences} = Presences.flush(presences, 1)
    assert {rest, presences} = Presences.tick(presences, 1)
    assert length(rest) == 11 and Presences.ticking?(presences)
    assert {[], presences} = Presences.tick(presences, 1)
    refute Presences.ticking?(presences)
  end

  test "who comes and goes within a window is not told of" do
    presences = Enum.reduce(1..20, %Presences{}, &put(&2, &1, "a", :online))
    {_shown, presences} = Presences.flush(presences, 1)
    presences = presences |> put(99, "a", :online) |> Presences.delete(99, "a")
    assert {[], _presences} = Presences.tick(presences, 1)
  end

  test "to many watchers few are told at a time, and everybody in turn" do
    presences = Enum.reduce(1..1_200, %Presences{}, &put(&2, &1, "a", :online))
    assert {[_one], presences} = Presences.flush(presences, 10_000)

    {told, presences} =
      Enum.map_reduce(1..7, presences, fn n, presences ->
        {updates, presences} = Presences.tick(presences, 10_000)
        assert length(updates) <= 200
        # Whoever changes again and again passes over nobody.
        presences = Enum.reduce(1_201..2_000, presences, &put(&2, &1, "#{n}", :idle))
        {for({user, _shown} <- updates, do: user), presences}
      end)

    assert Enum.all?(1..1_200, &(Presences.shown(presences, &1).status == :online))
    assert told |> Enum.concat() |> Enum.uniq() |> length() == 1_400
  end

  test "some of those who are online are shown, each encoded once a change" do
    presences = Enum.reduce(1..2_100, %Presences{}, &put(&2, &1, "a", :online))

    {_updates, presences} =
      Enum.reduce(1..3, {[], presences}, fn _n, {_, p} -> Presences.tick(p, 1) end)

    encode = fn id, shown -> "#{id} #{shown.status}" end
    {sample, presences} = Presences.sample(presences, 5_000, encode)

    assert length(sample) == 2_000 and
             Enum.all?(sample, fn {id, json} -> json == "#{id} online" end)

    {few, presences} = Presences.sample(presences, 50, fn _id, _shown -> flunk("again") end)
    assert few == Enum.take(sample, 50)

    # Those who go make room for those who were left out.
    [{first, _json} | _others] = sample
    gone = for {id, _json} <- sample, id != first, do: id
    presences = Enum.reduce(gone, presences, &Presences.delete(&2, &1, "a"))
    presences = put(presences, first, "a", :dnd)

    {_updates, presences} =
      Enum.reduce(1..3, {[], presences}, fn _n, {_, p} -> Presences.tick(p, 1) end)

    {left, _presences} = Presences.sample(presences, 2_000, encode)
    assert length(left) == Presences.count(presences) and length(left) == 101
    assert {first, "#{first} dnd"} in left
  end

  property "what was told is, in the end, what is" do
    step =
      {range(1, 5), oneof(["a", "b"]), oneof([:online, :idle, :dnd, :invisible, :gone, :tick])}

    forall steps <- list(step) do
      {presences, told} = Enum.reduce(steps, {%Presences{}, %{}}, &step/2)
      {updates, presences} = Presences.tick(presences, 1)
      told = Map.merge(told, Map.new(updates))

      for user <- 1..5 do
        shown = Presences.shown(presences, user)
        assert Map.get(told, user, %{shown | status: :offline}).status == shown.status

        active =
          for {_id, %{status: status}} <- Table.get(presences.users, user, %{}),
              status != :invisible,
              do: status

        expected = Enum.find([:online, :dnd, :idle], :offline, &(&1 in active))
        assert shown.status == expected
      end
    end
  end

  defp step({_user, _session, :tick}, {presences, told}),
    do: tell(Presences.tick(presences, 1), told)

  defp step({user, session, :gone}, {presences, told}) do
    presences |> Presences.delete(user, session) |> Presences.flush(1) |> tell(told)
  end

  defp step({user, session, status}, {presences, told}) do
    presences |> put(user, session, status) |> Presences.flush(1) |> tell(told)
  end

  defp tell({updates, presences}, told), do: {presences, Map.merge(told, Map.new(updates))}
end
