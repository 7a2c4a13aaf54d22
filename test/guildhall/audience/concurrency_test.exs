defmodule Guildhall.Audience.ConcurrencyTest do
  use ExUnit.Case, async: true

  alias Guildhall.{Audience, Outbox, Permissions}
  alias Guildhall.Audience.{Item, Session}

  @view Permissions.bit(:view_channel)

  # Readers, writers and dispatches, all at once: nobody is told to come again, everybody finishes, and
  # what they leave is what one after the other would have left.
  test "many processes use one audience" do
    {:ok, audience} =
      Audience.new(id: 1, roles: [{1, @view}, {2, 0}], channels: [{10, :text, []}])

    outboxes = for key <- 1..200, into: %{}, do: {key, Outbox.new(max_events: 100_000)}
    for {key, outbox} <- outboxes, do: attach(audience, key, outbox)
    item = %Item{to: {:channel, 10}, body: Outbox.event("E", "1")}

    writers =
      for n <- 1..4 do
        Task.async(fn ->
          for round <- 1..100 do
            key = 1_000 * n + round
            :ok = attach(audience, key, Outbox.new())

            :ok =
              Audience.change(audience, [{:member, key, [2]}, {:role, 2, rem(round, 2) * @view}])

            {:ok, _moves} = Audience.change(audience, [{:channel, {11, :text, []}}], [10, 11])
            true = Audience.detach(audience, key)
          end

          :written
        end)
      end

    readers =
      for n <- 1..4 do
        Task.async(fn ->
          for _ <- 1..200 do
            200 = min(200, Audience.count(audience, item))
            true = Audience.visible?(audience, n, 10)
            true = byte_size(Audience.recipients(audience, item)) >= 8 * 200
          end

          :read
        end)
      end

    dispatches =
      for _ <- 1..4 do
        Task.async(fn ->
          for _ <- 1..100, do: {_count, _wake, []} = Audience.dispatch(audience, [item, item])
          :dispatched
        end)
      end

    answers = Task.await_many(writers ++ readers ++ dispatches, 60_000)
    assert Enum.frequencies(answers) == %{written: 4, read: 4, dispatched: 4}
    assert Audience.size(audience) == 200

    # Those who were there all the time got everything.
    for {_key, outbox} <- outboxes, do: assert(Outbox.info(outbox).sequence == 800)
  end

  defp attach(audience, key, outbox) do
    Audience.attach(audience, %Session{key: key, user_id: key, outbox: outbox})
  end
end
