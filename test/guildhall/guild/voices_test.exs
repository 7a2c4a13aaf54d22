defmodule Guildhall.Guild.VoicesTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Guild.Voices
  alias Guildhall.Model.VoiceState

  defp voice(user_id, channel_id, mute \\ false) do
    %VoiceState{user_id: user_id, channel_id: channel_id, session_id: "s", self_mute: mute}
  end

  defp join(voices, user_id, channel_id) do
    voices |> Voices.put(voice(user_id, channel_id)) |> Voices.announce(user_id, 1)
  end

  test "a change is shown at once, further ones of the same user at the window's end" do
    {[{1, nil, %{channel_id: 5}}], voices} = join(%Voices{}, 1, 5)
    {[], voices} = join(voices, 1, 6)
    {[], voices} = join(voices, 1, 7)
    assert Voices.ticking?(voices)
    assert Voices.waiting(voices) == 1
    assert [%{channel_id: 5}] = Voices.shown(voices)
    # One who is on the way from one channel to another is in both of them.
    assert Voices.users_in(voices, 5) == [1]
    assert Voices.users_in(voices, 7) == [1]

    assert {[{1, %{channel_id: 5}, %{channel_id: 7}}], voices} = Voices.tick(voices, 1)
    assert {[], voices} = Voices.tick(voices, 1)
    refute Voices.ticking?(voices)
  end

  test "one who is back where it was shown is not shown again" do
    {[_joined], voices} = join(%Voices{}, 1, 5)
    {[], voices} = join(voices, 1, 6)
    {[], voices} = join(voices, 1, 5)
    assert Voices.waiting(voices) == 0
    assert {[], _voices} = Voices.tick(voices, 1)
  end

  test "one who was shown meanwhile is not shown twice" do
    {[_joined], voices} = join(%Voices{}, 1, 5)
    {[], voices} = join(voices, 1, 6)
    assert {[{1, %{channel_id: 5}, %{channel_id: 6}}], voices} = Voices.show(voices, 1)
    assert {[], _voices} = Voices.tick(voices, 1)
  end

  test "only so many are shown at once, and the others in their order" do
    {changes, voices} =
      Enum.reduce(1..30, {[], %Voices{}}, fn id, {changes, voices} ->
        {more, voices} = join(voices, id, 5)
        {changes ++ more, voices}
      end)

    assert for({id, nil, _voice} <- changes, do: id) == Enum.to_list(1..20)
    assert {changes, _voices} = Voices.tick(voices, 1)
    assert for({id, nil, _voice} <- changes, do: id) == Enum.to_list(21..30)
  end

  test "a session leaves only what it joined" do
    {[_joined], voices} = join(%Voices{}, 1, 5)
    assert {:ok, _voice} = voices |> Voices.delete(1, "other") |> Voices.fetch(1)
    assert :error = voices |> Voices.delete(1, "s") |> Voices.fetch(1)
  end

  property "the last state of each user is shown, from what was shown before" do
    command =
      frequency([
        {8, {:join, range(1, 30), range(1, 3), boolean()}},
        {3, {:leave, range(1, 30)}},
        {2, {:show, range(1, 30)}},
        {2, :tick}
      ])

    forall {commands, watchers} <- {list(command), range(1, 400)} do
      {voices, seen} =
        Enum.reduce(commands, {%Voices{}, %{}}, fn command, {voices, seen} ->
          {changes, voices} = run(voices, command, watchers)
          {voices, Enum.reduce(changes, seen, &see/2)}
        end)

      # As many windows as there are users at most.
      {voices, seen} =
        Enum.reduce(1..31, {voices, seen}, fn _nth, {voices, seen} ->
          {changes, voices} = Voices.tick(voices, watchers)
          {voices, Enum.reduce(changes, seen, &see/2)}
        end)

      assert seen == voices.states
      refute Voices.ticking?(voices)
    end
  end

  defp run(voices, {:join, id, channel_id, mute}, watchers),
    do: voices |> Voices.put(voice(id, channel_id, mute)) |> Voices.announce(id, watchers)

  defp run(voices, {:leave, id}, watchers),
    do: voices |> Voices.delete(id) |> Voices.announce(id, watchers)

  defp run(voices, {:show, id}, _watchers), do: Voices.show(voices, id)
  defp run(voices, :tick, watchers), do: Voices.tick(voices, watchers)

  defp see({user_id, before, now}, seen) do
    assert Map.get(seen, user_id) == before
    if now, do: Map.put(seen, user_id, now), else: Map.delete(seen, user_id)
  end
end
