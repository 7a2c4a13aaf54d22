defmodule Guildhall.Guild.AttachingTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.{Attaching, Request}
  alias Guildhall.Model.Presence
  alias Guildhall.Relay.Subscriber

  defp command(id) do
    subscriber = %Subscriber{
      session_id: id,
      pid: self(),
      relay: self(),
      outbox: nil,
      user_id: 1,
      intents: 0
    }

    {:attach, subscriber, %Presence{status: :online}, 50, %Request{actor: 1, command: {:attach}}}
  end

  defp put(attaching, id) do
    {:new, attaching} = Attaching.put(attaching, id, command(id))
    attaching
  end

  test "sessions come in their order, each once" do
    attaching = %Attaching{} |> put("a") |> put("b")
    assert {:replaced, attaching} = Attaching.put(attaching, "a", command("a"))
    assert {:ok, "a", _command, attaching} = Attaching.next(attaching)
    attaching = Attaching.done(attaching, "a")
    assert {:ok, "b", _command, attaching} = Attaching.next(attaching)
    assert Attaching.next(attaching) == :none
    assert [{"b", _command}] = Attaching.all(attaching)
  end

  test "a presence that comes while a session waits is the one that it attaches with" do
    attaching = Attaching.present(put(%Attaching{}, "a"), "a", %Presence{status: :dnd})
    attaching = Attaching.present(attaching, "nobody", %Presence{status: :idle})
    assert {:ok, "a", {:attach, _, %{status: :dnd}, _, _}, _attaching} = Attaching.next(attaching)
  end

  test "rows are read for all that lack some, and not for ever" do
    attaching = Enum.reduce(~w(a b), %Attaching{}, &put(&2, &1))

    attaching =
      Enum.reduce(1..3, attaching, fn _nth, attaching ->
        {:ok, "a", _command, attaching} = Attaching.next(attaching)
        {:ok, "b", _command, attaching} = Attaching.next(attaching)
        {:ok, attaching} = Attaching.lack(attaching, "a")
        {:ok, attaching} = Attaching.lack(attaching, "b")
        assert {[{"a", _}, {"b", _}], attaching} = Attaching.take_lacking(attaching)
        assert {[], attaching} = Attaching.take_lacking(attaching)
        Attaching.back(attaching, ~w(a b), & &1)
      end)

    assert Attaching.lack(attaching, "a") == :error
  end

  test "a turn takes as long as everything else took since the last, within bounds" do
    at = &Attaching.length(%Attaching{rested_at: 1_000_000}, 1_000_000 + &1)
    assert [at.(0), at.(20_000), at.(900_000)] == [5_000, 20_000, 50_000]
  end
end
