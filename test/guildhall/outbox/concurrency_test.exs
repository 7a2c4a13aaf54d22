defmodule Guildhall.Outbox.ConcurrencyTest do
  use ExUnit.Case, async: true

  # Many processes push the same events into many outboxes while each is taken, acknowledged and
  # looked at: nothing is lost or doubled, nobody gets an error, everybody finishes.

  alias Guildhall.{Frames, Outbox}
  alias Guildhall.Outbox.Transport

  @pushers 8
  @rounds 200
  @sessions [
    {:plain, :json, :shared},
    {:plain, :etf, :shared},
    {:zlib_stream, :json, :shared},
    {:zlib_stream, :json, :auto},
    {:zlib_stream, :etf, :context},
    {:zlib_stream, :etf, :auto},
    {:zstd_stream, :json, :shared},
    {:zstd_stream, :etf, :context}
  ]

  test "sessions of every transport read what many processes push" do
    sessions =
      for {kind, encoding, compression} <- @sessions do
        outbox = Outbox.new(max_events: 100_000, max_bytes: 1_000_000_000)
        options = [encoding: encoding, compression: compression]
        reader = Task.async(fn -> read(outbox, kind, options) end)
        {outbox, reader}
      end

    watchers = for {outbox, _reader} <- sessions, do: Task.async(fn -> watch(outbox) end)

    # The first to take an event makes what the others copy.
    1..@pushers
    |> Enum.map(fn pusher -> Task.async(fn -> push(pusher, sessions) end) end)
    |> Task.await_many(60_000)

    for {{_outbox, reader}, {kind, encoding, _compression}} <- Enum.zip(sessions, @sessions) do
      payloads = Task.await(reader, 60_000)
      assert Enum.map(payloads, &number/1) == Enum.to_list(1..(@pushers * @rounds)), "#{kind}"
      assert Enum.all?(payloads, &(is_map(&1) == (encoding == :etf)))
    end

    Task.await_many(watchers)
  end

  defp push(pusher, sessions) do
    {outboxes, readers} = Enum.unzip(sessions)

    for round <- 1..@rounds do
      text = String.duplicate("#{pusher} #{round} ", rem(round, 50))
      event = Outbox.event("E", ~s({"content":"#{text}"}))
      {wake, []} = Outbox.push_many(outboxes, event)
      for position <- wake, do: send(Enum.at(readers, position).pid, :wake)
    end
  end

  # Takes only when it was woken, so that a wake that is lost would be found.
  defp read(outbox, kind, options) do
    transport = Transport.new(kind, options)
    collect(outbox, transport, Frames.reader(kind, options[:encoding]), @pushers * @rounds)
  end

  defp collect(_outbox, _transport, _read, 0), do: []

  defp collect(outbox, transport, read, missing) do
    assert_receive :wake, 30_000
    payloads = drain(outbox, transport, read)
    Outbox.acknowledge(outbox, Outbox.info(outbox).sequence - 1)
    payloads ++ collect(outbox, transport, read, missing - length(payloads))
  end

  defp drain(outbox, transport, read) do
    case Outbox.take(outbox, transport, 4_000) do
      {:ok, frames, true} -> read.(frames) ++ drain(outbox, transport, read)
      {:ok, frames, false} -> read.(frames)
      :empty -> []
    end
  end

  defp watch(outbox) do
    for _look <- 1..1_000 do
      info = Outbox.info(outbox)
      assert info.pending_events <= info.ring_events
      assert info.acknowledged <= info.sequence
      # Another's word, which must do nothing.
      assert Outbox.acknowledge(outbox, info.sequence + 1_000_000) == :ok
    end
  end

  defp number(%{s: number}), do: number

  defp number(~s({"s":) <> payload) do
    {number, _rest} = Integer.parse(payload)
    number
  end
end
