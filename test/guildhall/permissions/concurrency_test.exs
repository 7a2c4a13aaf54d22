defmodule Guildhall.Permissions.ConcurrencyTest do
  use ExUnit.Case, async: true

  # One compiled guild is read by many processes while others make changed ones from it.

  alias Guildhall.Permissions

  @rounds 300

  test "readers and writers of one guild do not disturb each other" do
    view = Permissions.bit(:view_channel)
    channels = for id <- 1..200, do: {id, :text, []}
    {:ok, guild} = Permissions.new(id: 1, roles: [{1, view}], channels: channels)
    all = Enum.to_list(1..200)

    readers =
      for n <- 1..32 do
        Task.async(fn ->
          for _round <- 1..@rounds do
            assert Permissions.visible_channels(guild, {n, []}) == all
            assert Permissions.in_channel(guild, n, {n, []}) == view
          end
        end)
      end

    writers =
      for n <- 1..16 do
        Task.async(fn ->
          Enum.reduce(1..@rounds, guild, fn round, changed ->
            id = rem(round, 200) + 1

            {:ok, changed} =
              Permissions.change(changed, channel: {id, :text, [{n, :member, 0, view}]})

            assert Permissions.in_channel(changed, id, {n, []}) == 0
            changed
          end)
          |> Permissions.visible_channels({n, []})
        end)
      end

    Task.await_many(readers, 60_000)
    assert Enum.all?(Task.await_many(writers, 60_000), &(&1 == []))
  end
end
