defmodule Guildhall.Session.VoicesTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Session.Voices

  defp wish(voices, guild_id, number, now),
    do: Voices.wish(voices, guild_id, %{channel_id: number}, now, true)

  defp sent(effects), do: for({:voice, guild_id, %{channel_id: n}} <- effects, do: {guild_id, n})

  defp five(now) do
    Enum.reduce(1..5, %Voices{}, fn number, voices ->
      {voices, [{:voice, 1, %{channel_id: ^number}}]} = wish(voices, 1, number, now)
      voices
    end)
  end

  test "five are sent at once; of the others the last one of each guild waits" do
    {voices, [{:timer, :voice, 10_000}]} = wish(five(0), 1, 6, 0)
    {voices, [{:timer, :voice, 9_000}]} = wish(voices, 2, 7, 1_000)
    {voices, [{:dropped, :voice}, {:timer, :voice, 8_000}]} = wish(voices, 1, 8, 2_000)

    assert {voices, effects} = Voices.next(voices, 10_000)
    assert sent(effects) == [{1, 8}, {2, 7}]
    assert {_voices, []} = Voices.next(voices, 20_000)
  end

  test "the window slides" do
    voices = Enum.reduce([0, 9_000, 9_000, 9_000, 9_000], %Voices{}, &elem(wish(&2, 1, 1, &1), 0))
    {voices, effects} = wish(voices, 1, 2, 10_000)
    assert sent(effects) == [{1, 2}]
    assert {_voices, [{:timer, :voice, 8_000}]} = wish(voices, 1, 3, 11_000)
  end

  test "a guild that was left is forgotten" do
    {voices, _effects} = wish(five(0), 1, 6, 0)
    assert {_voices, []} = voices |> Voices.forget(1) |> Voices.next(20_000)
  end

  test "what a room had no capacity for is sent again, unless the client wants something else" do
    {voices, [{:timer, :voice, 500}]} = Voices.unsent(%Voices{}, 1, %{channel_id: 1})
    assert {_voices, [{:voice, 1, %{channel_id: 1}}]} = Voices.next(voices, 500)

    {voices, _effects} = wish(five(0), 1, 6, 0)
    {voices, _effects} = Voices.unsent(voices, 1, %{channel_id: 5})
    assert {_voices, [{:voice, 1, %{channel_id: 6}}]} = Voices.next(voices, 10_000)
  end

  test "without limits all are sent" do
    for number <- 1..20 do
      assert {%Voices{sent: [], waiting: none}, [{:voice, 1, _attributes}]} =
               Voices.wish(%Voices{}, 1, %{channel_id: number}, 0, false)

      assert none == %{}
    end
  end

  property "never more than five in ten seconds, and the last wish of each guild is sent" do
    forall steps <- list({range(1, 3), range(0, 4_000)}) do
      {voices, sent, now, last} =
        steps
        |> Enum.with_index()
        |> Enum.reduce({%Voices{}, [], 0, %{}}, fn {{guild, pause}, n},
                                                   {voices, sent, now, last} ->
          now = now + pause
          {voices, effects} = wish(voices, guild, n, now)

          {voices, sent ++ for(voice <- sent(effects), do: {now, voice}), now,
           Map.put(last, guild, n)}
        end)

      {_voices, effects} = Voices.next(voices, now + 10_000)
      sent = sent ++ for(voice <- sent(effects), do: {now + 10_000, voice})

      for {at, _voice} <- sent do
        assert Enum.count(sent, fn {other, _} -> other >= at and other < at + 10_000 end) <= 5
      end

      assert Map.new(sent, fn {_at, {guild, n}} -> {guild, n} end) == last
    end
  end
end
