defmodule Guildhall.Outbox.BlocksTest do
  # Alone: what is kept of an event, and who was refused a context, is seen in gauges of the whole VM.
  use ExUnit.Case, async: false

  alias Guildhall.{Outbox, Reaper}
  alias Guildhall.Outbox.Transport

  setup do
    :ok = Reaper.await()
  end

  test "what is compressed once for all is kept, as long as the event is there" do
    event = event()
    [outbox | _others] = outboxes = for _n <- 1..4, do: Outbox.new()
    Outbox.push_many(outboxes, event)
    {:ok, _frames, false} = Outbox.take(outbox, primed(), 8_000_000)
    assert Outbox.memory().blocks.bytes > 2_000_000
    assert is_reference(event) and length(outboxes) == 4
  end

  # The event's own term is garbage by then, which one scheduler may free while another one compresses.
  test "what one session alone gets is compressed and not kept" do
    outbox = Outbox.new()
    Outbox.push(outbox, event())
    zstd = primed()
    before = Outbox.memory().blocks.bytes
    {:ok, _frames, false} = Outbox.take(outbox, zstd, 8_000_000)
    assert Outbox.memory().blocks.bytes - before < 2_000_000
  end

  test "who asks for no context is not refused one" do
    refused = Transport.without_context()
    Transport.new(:zstd_stream, compression: :shared, context_bytes: 0)
    Transport.new(:plain, compression: :context, context_bytes: 0)
    assert Transport.without_context() == refused
  end

  defp event do
    text = Base.encode64(:crypto.strong_rand_bytes(3_000_000))
    Outbox.event("A", ~s("#{text}"))
  end

  # The first payload brings the primer, and shares nothing with others.
  defp primed do
    zstd = Transport.new(:zstd_stream)
    _hello = Transport.frame(zstd, ~s({"op":10,"d":{}}))
    zstd
  end
end
