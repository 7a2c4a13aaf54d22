defmodule Guildhall.Guild.AudienceTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.Audience
  alias Guildhall.Relay.Subscriber

  @presences 256
  @messages 512

  setup do
    [one, other] = for _relay <- 1..2, do: spawn(fn -> :ok end)
    %{one: one, other: other}
  end

  defp put(audience, id, relay, intents) do
    Audience.put(audience, %Subscriber{
      session_id: id,
      user_id: 1,
      pid: self(),
      relay: relay,
      outbox: nil,
      intents: intents
    })
  end

  defp delete(audience, id) do
    {_rest, 1, audience} = Audience.delete(audience, id)
    audience
  end

  test "an event goes to relays with a session that has an intent for it", %{
    one: one,
    other: other
  } do
    audience =
      %Audience{}
      |> put("a", one, @messages)
      |> put("b", other, @messages + @presences)
      |> put("c", other, @presences)

    assert Enum.sort(Audience.relays(audience, @messages)) == Enum.sort([one, other])
    assert Audience.relays(audience, @presences) == [other]
    assert Audience.relays(audience, @presences + 1) == [other]
    assert Audience.relays(audience, 1) == []
    assert Enum.sort(Audience.relays(audience, 0)) == Enum.sort([one, other])

    audience = delete(audience, "b")
    assert Audience.relays(audience, @messages) == [one]
    assert Audience.relays(audience, @presences) == [other]
    assert audience |> delete("c") |> Audience.relays(@presences) == []
  end

  test "a relay without sessions is still open, and gets nothing", %{one: one} do
    audience = %Audience{} |> put("a", one, 0) |> delete("a")
    assert Audience.open?(audience, one)
    assert Audience.relays(audience, 0) == []
    assert {Audience.size(audience), Audience.sessions(audience, 1)} == {0, []}
  end

  test "the user's last session is said to be the last", %{one: one} do
    audience = %Audience{} |> put("a", one, 1) |> put("b", one, 1)
    assert {:one, 1, audience} = Audience.delete(audience, "a")
    assert {:last, 1, audience} = Audience.delete(audience, "b")
    assert Audience.delete(audience, "b") == :none
  end
end
