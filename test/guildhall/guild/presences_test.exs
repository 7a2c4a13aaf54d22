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

  defp flush(presences), do: presences |> Presences.flush() |> elem(0)
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
    {[{1, _shown}], presences} = presences |> put(1, "a", :online) |> Presences.flush()
    assert presences |> put(1, "a", :online) |> flush() == []
    assert presences |> put(1, "a", :invisible) |> flush() |> statuses() == [{1, :offline}]
    assert presences |> Presences.delete(1, "a") |> flush() |> statuses() == [{1, :offline}]
    assert presences |> Presences.forget(1) |> flush() == []
  end

  test "few are told at once, many at the end of the window" do
    presences = Enum.reduce(1..30, %Presences{}, &put(&2, &1, "a", :online))
    assert {first, presences} = Presences.flush(presences)
    assert {length(first), Presences.waiting(presences)} == {20, 10}
    presences = put(presences, hd(first) |> elem(0), "a", :dnd)
    assert {[], presences} = Presences.flush(presences)
    assert {rest, presences} = Presences.tick(presences)
    assert length(rest) == 11 and Presences.ticking?(presences)
    assert {[], presences} = Presences.tick(presences)
    refute Presences.ticking?(presences)
  end

  test "who comes and goes within a window is not told of" do
    presences = Enum.reduce(1..20, %Presences{}, &put(&2, &1, "a", :online))
    {_shown, presences} = Presences.flush(presences)
    presences = presences |> put(99, "a", :online) |> Presences.delete(99, "a")
    assert {[], _presences} = Presences.tick(presences)
  end

  property "what was told is, in the end, what is" do
    step =
      {range(1, 5), oneof(["a", "b"]), oneof([:online, :idle, :dnd, :invisible, :gone, :tick])}

    forall steps <- list(step) do
      {presences, told} = Enum.reduce(steps, {%Presences{}, %{}}, &step/2)
      {updates, presences} = Presences.tick(presences)
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
    do: tell(Presences.tick(presences), told)

  defp step({user, session, :gone}, {presences, told}) do
    presences |> Presences.delete(user, session) |> Presences.flush() |> tell(told)
  end

  defp step({user, session, status}, {presences, told}) do
    presences |> put(user, session, status) |> Presences.flush() |> tell(told)
  end

  defp tell({updates, presences}, told), do: {presences, Map.merge(told, Map.new(updates))}
end
